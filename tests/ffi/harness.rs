//! What every refusal has in common: good arguments, one of them made wrong, the answer, and memory
//! that must be as it was.

#![allow(dead_code, reason = "each test uses a part")]

use ptqk::ffi::{Ctx, Detail, Status};
use std::ffi::{CStr, c_char};
use std::ptr;

/// An argument that points to a structure.
#[derive(Clone, Copy)]
pub enum By<T> {
    /// To this one.
    Value(T),
    /// To nothing.
    Null,
    /// To this one, a byte too far.
    Odd(T),
}

impl<T: Copy> By<T> {
    pub fn value(&mut self) -> &mut T {
        match self {
            Self::Value(value) | Self::Odd(value) => value,
            Self::Null => panic!("no structure to change"),
        }
    }

    pub fn make_odd(&mut self) {
        *self = Self::Odd(*self.value());
    }
}

/// A field of the arguments, as C gets it.
pub trait Raw {
    type C;
    fn raw(&self) -> Self::C;
}

impl<T> Raw for By<T> {
    type C = *const T;
    fn raw(&self) -> *const T {
        match self {
            Self::Value(value) => value,
            Self::Null => ptr::null(),
            Self::Odd(value) => (&raw const *value).wrapping_byte_add(1),
        }
    }
}

macro_rules! plain {
    ($($ty:ty),+) => {$(impl Raw for $ty {
        type C = $ty;
        fn raw(&self) -> $ty { *self }
    })+};
}

plain!(u32, i32, usize, f64);

impl<T> Raw for *const T {
    type C = *const T;
    fn raw(&self) -> *const T {
        *self
    }
}

impl<T> Raw for *mut T {
    type C = *mut T;
    fn raw(&self) -> *mut T {
        *self
    }
}

/// The arguments of a function but for the context.
pub trait Function: Copy {
    fn call(&self, ctx: *const Ctx) -> Status;
}

/// `Name = ptqk_function { arguments in order }`.
macro_rules! function {
    ($name:ident = $ffi:ident { $($field:ident: $ty:ty),+ $(,)? }) => {
        #[derive(Clone, Copy)]
        pub struct $name { $(pub $field: $ty),+ }

        impl Function for $name {
            fn call(&self, ctx: *const ffi::Ctx) -> Status {
                // SAFETY: the arguments are good but for what the function must refuse unread.
                unsafe { ffi::$ffi(ctx, $(self.$field.raw()),+) }
            }
        }
    };
}
pub(crate) use function;

/// Bytes before, between and after arrays: room to move an output next to an input.
pub const GAP: usize = 1024;

/// All memory of a call, painted; arrays lie far from each other.
pub struct Arena {
    base: *mut [u64],
    next: usize,
}

impl Arena {
    pub fn new() -> Self {
        Self::large(4096)
    }

    /// An arena of so many words.
    pub fn large(words: usize) -> Self {
        let words = vec![0xC5C5_C5C5_C5C5_C5C5; words].into_boxed_slice();
        Self { base: Box::into_raw(words), next: GAP }
    }

    /// An array of copies of `value`; a size of its own is for the whole array.
    pub fn fill<T: Copy>(&mut self, value: T, n: usize) -> *mut T {
        let to = self.space::<T>(n);
        for i in 0..n {
            // SAFETY: `space` gave `n` elements.
            unsafe { to.add(i).write(value) };
        }
        to
    }

    /// `n` painted elements.
    pub fn space<T>(&mut self, n: usize) -> *mut T {
        let at = self.next;
        self.next = (at + n * size_of::<T>() + GAP).next_multiple_of(64);
        assert!(self.next <= 8 * self.base.len(), "the arena is too small");
        // SAFETY: within the allocation.
        unsafe { self.base.cast::<u8>().add(at).cast() }
    }

    fn words(&self) -> Vec<u64> {
        // SAFETY: the allocation is initialized and ours.
        unsafe { &*self.base }.to_vec()
    }

    fn restore(&mut self, words: &[u64]) {
        // SAFETY: as above.
        unsafe { &mut *self.base }.copy_from_slice(words);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`.
        drop(unsafe { Box::from_raw(self.base) });
    }
}

/// What a call said.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: Status,
    pub argument: Option<String>,
    pub field: Option<String>,
    pub rule: Option<String>,
    pub index: u64,
    pub value: f64,
}

fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: the library's texts are static.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned())
}

/// Calls `f` with a context that has a detail.
pub fn answer(f: impl FnOnce(*const Ctx) -> Status) -> Answer {
    let mut detail = Detail::DEFAULT;
    let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
    let status = f(&ctx);
    let Detail { size, argument, field, rule, index, value, .. } = detail;
    assert_eq!(size, Detail::DEFAULT.size);
    assert_eq!(detail.status, status, "the detail has the status of the call");
    let (argument, field, rule) = (text(argument), text(field), text(rule));
    Answer { status, argument, field, rule, index, value }
}

/// The answer that a wrong argument must get.
#[derive(Clone, Copy)]
pub struct Expect {
    status: Status,
    argument: &'static str,
    field: Option<&'static str>,
    index: u64,
    value: Option<f64>,
}

pub fn wrong(status: Status, argument: &'static str) -> Expect {
    Expect { status, argument, field: None, index: u64::MAX, value: None }
}

/// A field of `params` outside its range.
pub fn param(field: &'static str, value: impl Into<f64>) -> Expect {
    wrong(Status::InvalidParameter, "params").field(field).value(value)
}

impl Expect {
    pub fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    pub fn index(self, index: u64) -> Self {
        Self { index, ..self }
    }

    pub fn value(self, value: impl Into<f64>) -> Self {
        Self { value: Some(value.into()), ..self }
    }

    fn check(&self, got: &Answer, what: &str) {
        let want = (self.status, Some(self.argument), self.field);
        let seen = (got.status, got.argument.as_deref(), got.field.as_deref());
        assert_eq!(seen, want, "{what}: {got:?}");
        assert_eq!(got.index, self.index, "{what}: {got:?}");
        if let Some(value) = self.value {
            assert_eq!(got.value.to_bits(), value.to_bits(), "{what}: {got:?}");
        }
        let rule = got.rule.as_deref().unwrap_or_default();
        assert!(["must ", "needs "].iter().any(|start| rule.starts_with(start)), "{what}: {got:?}");
    }
}

/// Good arguments, and the memory behind them.
pub struct Suite<A> {
    pub arena: Arena,
    pub good: A,
}

impl<A: Function> Suite<A> {
    /// Tries the good arguments, then every wrong context.
    pub fn new(arena: Arena, good: A) -> Self {
        let mut suite = Self { arena, good };
        suite.accept("good arguments", |_| ());
        suite.contexts();
        suite
    }

    fn changed(&self, change: impl FnOnce(&mut A)) -> A {
        let mut args = self.good;
        change(&mut args);
        args
    }

    /// The arguments after `change` are refused as `expect` says, and nothing is written.
    pub fn refuse(&mut self, what: &str, change: impl FnOnce(&mut A), expect: Expect) {
        let args = self.changed(change);
        let before = self.arena.words();
        expect.check(&answer(|ctx| args.call(ctx)), what);
        assert_eq!(args.call(&Ctx::DEFAULT), expect.status, "{what}, no detail");
        assert_eq!(args.call(ptr::null()), expect.status, "{what}, no context");
        assert!(self.arena.words() == before, "{what}: something was written");
    }

    /// The arguments after `change` are fine.
    pub fn accept(&mut self, what: &str, change: impl FnOnce(&mut A)) {
        let args = self.changed(change);
        let before = self.arena.words();
        let got = answer(|ctx| args.call(ctx));
        assert_eq!((got.status, got.rule), (Status::Ok, None), "{what}");
        assert!(self.arena.words() != before, "{what}: nothing was written");
        self.arena.restore(&before);
    }

    /// The arguments after `change` are fine, and there is nothing to write.
    pub fn nothing(&mut self, what: &str, change: impl FnOnce(&mut A)) {
        let args = self.changed(change);
        let before = self.arena.words();
        let got = answer(|ctx| args.call(ctx));
        assert_eq!((got.status, got.rule), (Status::Ok, None), "{what}");
        assert!(self.arena.words() == before, "{what}: something was written");
    }

    /// An element of an input array has a bad value.
    pub fn refuse_element<T: Copy + Into<f64>>(
        &mut self,
        name: &'static str,
        status: Status,
        (array, index): (*const T, usize),
        values: &[T],
    ) {
        // SAFETY: the arrays of the arena have that element.
        let place = unsafe { array.cast_mut().add(index) };
        // SAFETY: as above.
        let good = unsafe { place.read() };
        for bad in values {
            let expect = wrong(status, name).index(index as u64).value(*bad);
            // SAFETY: as above.
            unsafe { place.write(*bad) };
            self.refuse(&format!("{name}[{index}] = {}", (*bad).into()), |_| (), expect);
        }
        // SAFETY: as above.
        unsafe { place.write(good) };
    }

    /// A context that is wrong is refused, and its detail is not written.
    fn contexts(&mut self) {
        let args = self.good;
        let before = self.arena.words();
        let size = Ctx::DEFAULT.size;
        for wrong_size in [0, size - 1, size + 1, u32::MAX] {
            let mut detail = Detail::DEFAULT;
            let ctx = Ctx { size: wrong_size, detail: &raw mut detail, ..Ctx::DEFAULT };
            assert_eq!(args.call(&ctx), Status::InvalidStructSize);
            assert_eq!(detail.status, Status::Ok);
            let mut detail = Detail { size: wrong_size, ..Detail::DEFAULT };
            let ctx = Ctx { detail: &raw mut detail, ..Ctx::DEFAULT };
            if wrong_size != Detail::DEFAULT.size {
                assert_eq!(args.call(&ctx), Status::InvalidStructSize);
            }
        }
        let ctx = Ctx { flags: 1, ..Ctx::DEFAULT };
        assert_eq!(args.call(&ctx), Status::InvalidParameter);
        let ctx = [Ctx::DEFAULT; 2];
        assert_eq!(args.call(ctx.as_ptr().wrapping_byte_add(1)), Status::Misaligned);
        let mut detail = [Detail::DEFAULT; 2];
        let odd = detail.as_mut_ptr().wrapping_byte_add(1);
        assert_eq!(args.call(&Ctx { detail: odd, ..Ctx::DEFAULT }), Status::Misaligned);
        assert!(self.arena.words() == before, "a wrong context: something was written");
    }
}

/// A structure that begins with its size.
pub trait HasSize: Copy {
    fn size(&mut self) -> &mut u32;
}

macro_rules! has_size {
    ($($name:ident),+) => {$(impl HasSize for ptqk::ffi::$name {
        fn size(&mut self) -> &mut u32 { &mut self.size }
    })+};
}

has_size!(QuantileParams, QuantizeParams, FakeQuantizeParams, ReduceParams, RequantizeParams);
has_size!(QuantizationParams, WeightParams, GroupFallbackParams);
has_size!(ConvertParams, FakeConvertParams, Fp8Params, GemmParams, GptqParams, HessianParams);
has_size!(LoraInitParams, LoraParams);

/// A way to an argument.
pub type Of<A, T> = fn(&mut A) -> &mut T;

impl<A: Function> Suite<A> {
    /// Everything that can be wrong with a parameter structure but for its fields.
    pub fn params<P: HasSize>(&mut self, of: Of<A, By<P>>) {
        self.refuse("params NULL", |a| *of(a) = By::Null, wrong(Status::NullPointer, "params"));
        self.refuse("params odd", |a| of(a).make_odd(), wrong(Status::Misaligned, "params"));
        let size = size_of::<P>() as u32;
        for bad in [0, 4, size - 1, size + 1, size + 4, u32::MAX] {
            let expect = wrong(Status::InvalidStructSize, "params").field("size").value(bad);
            self.refuse("params.size", |a| *of(a).value().size() = bad, expect);
        }
    }

    /// Values that a field of the parameters must not have.
    pub fn field(&mut self, name: &'static str, of: Of<A, u32>, values: &[u32]) {
        for bad in values {
            self.refuse(name, |a| *of(a) = *bad, param(name, *bad));
        }
    }

    /// An array that is read.
    pub fn input<T>(&mut self, name: &'static str, of: Of<A, *const T>) {
        self.refuse(name, |a| *of(a) = ptr::null(), wrong(Status::NullPointer, name));
        self.odd(name, |a| *of(a) = of(a).wrapping_byte_add(1), align_of::<T>());
    }

    /// An array that is written.
    pub fn output<T>(&mut self, name: &'static str, of: Of<A, *mut T>) {
        self.refuse(name, |a| *of(a) = ptr::null_mut(), wrong(Status::NullPointer, name));
        self.odd(name, |a| *of(a) = of(a).wrapping_byte_add(1), align_of::<T>());
    }

    /// An array that is written unless it is NULL.
    pub fn optional<T>(&mut self, name: &'static str, of: Of<A, *mut T>) {
        self.accept(name, |a| *of(a) = ptr::null_mut());
        self.odd(name, |a| *of(a) = of(a).wrapping_byte_add(1), align_of::<T>());
    }

    fn odd(&mut self, name: &'static str, change: impl FnOnce(&mut A), alignment: usize) {
        if alignment > 1 {
            self.refuse(&format!("{name} odd"), change, wrong(Status::Misaligned, name));
        }
    }

    /// A length whose arrays exceed the address space; `size` is that of an element.
    pub fn length(&mut self, argument: &'static str, of: Of<A, usize>, size: usize) {
        for len in HUGE {
            if len as u128 * size as u128 > isize::MAX as u128 {
                let what = format!("{len} elements");
                self.refuse(&what, |a| *of(a) = len, wrong(Status::SizeOverflow, argument));
            }
        }
    }

    /// An output, moved over an input in every way, and next to it.
    pub fn overlap<T>(
        &mut self,
        name: &'static str,
        set: fn(&mut A, *mut T),
        bytes: usize,
        (other, other_bytes): (*const u8, usize),
    ) {
        let step = align_of::<T>();
        let other = other.cast_mut();
        let (start, end) = (0, other_bytes as isize);
        let (step, bytes) = (step as isize, bytes as isize);
        let before = (start - bytes).div_euclid(step) * step;
        let after = (end + step - 1).div_euclid(step) * step;
        let last = (end - 1).div_euclid(step) * step;
        for at in [start, step.min(last), last, before + step] {
            let what = format!("{name} over an input: {at} of {other_bytes}");
            let place = other.wrapping_byte_offset(at).cast();
            self.refuse(&what, |a| set(a, place), wrong(Status::Overlap, name));
        }
        for at in [before, after] {
            let place = other.wrapping_byte_offset(at).cast();
            self.accept(&format!("{name} next to an input: {at}"), |a| set(a, place));
        }
    }
}

/// Sizes whose products exceed the address space.
pub const HUGE: [usize; 4] = [
    1 << 31,
    if usize::BITS > 32 { (1_u64 << 32) as usize } else { usize::MAX / 2 },
    usize::MAX / 4,
    usize::MAX,
];
