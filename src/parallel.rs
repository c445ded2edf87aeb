//! Spreads work over the caller's threads. How the work is cut depends on shapes only, and every
//! piece writes its own part of the outputs, or joins to them what depends on no order, so no result
//! depends on threads.

#![allow(unsafe_code, reason = "the C callback, and outputs that tasks share")]

use crate::params::context::Ctx;
use crate::status::{Error, Result, Status};
use core::ffi::c_void;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

/// The caller's threads and progress callback, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exec<'a> {
    ctx: Option<&'a Ctx>,
    silent: bool,
}

/// Tasks between two calls of the progress callback.
const WAVE: usize = 16;

/// Elements of a tile: small enough that a call has many, large enough that a task is worth a
/// thread's attention.
pub const TILE_ELEMENTS: usize = 1 << 16;

/// Most parts into which a reduction to one number is cut.
pub const PARTS: usize = 64;

impl<'a> Exec<'a> {
    /// Serial and silent.
    pub const SERIAL: Exec<'static> = Exec { ctx: None, silent: false };

    /// Uses what the caller lends.
    #[must_use]
    pub fn new(ctx: Option<&'a Ctx>) -> Self {
        Self { ctx, silent: false }
    }

    /// The same threads, without progress: for the first pass of two.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }

    /// Whether the caller lends no threads and does not want to know of progress: work need not be cut.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        self.loud().is_none() && self.ctx.is_none_or(|ctx| ctx.parallel_for.is_none())
    }

    /// Calls `f(i)` for every `i` of `range`, in any order, perhaps at once.
    fn each<F: Fn(usize) + Sync>(&self, range: Range<usize>, f: &F) {
        let n = range.len();
        if let (Some(ctx), 2..) = (self.ctx, n)
            && let Some(parallel_for) = ctx.parallel_for
        {
            let work = Work { first: range.start, n, f };
            let arg = (&raw const work).cast_mut().cast::<c_void>();
            // SAFETY: the caller gave a function with this contract; `work` lives until it
            // returns, and `call::<F>` reads it as what it is.
            unsafe { parallel_for(ctx, n, call::<F>, arg) };
        } else {
            range.for_each(|i| task(f, i));
        }
    }

    /// Calls `f` for `0..n` in waves, with progress in between.
    fn run<F: Fn(usize) + Sync>(&self, n: usize, f: &F) -> Result {
        if self.loud().is_none() {
            self.each(0..n, f);
            return Ok(());
        }
        let mut done = 0;
        while done < n {
            let next = n.min(done + WAVE);
            self.each(done..next, f);
            done = next;
            self.report(done, n)?;
        }
        Ok(())
    }

    /// The context, if it wants to know of progress.
    fn loud(&self) -> Option<&'a Ctx> {
        self.ctx.filter(|ctx| !self.silent && ctx.progress.is_some())
    }

    /// Says that `done` of `n` parts are done; an error if the caller wants no more, unless that was
    /// all.
    pub fn report(&self, done: usize, n: usize) -> Result {
        let Some((ctx, progress)) = self.loud().and_then(|ctx| Some((ctx, ctx.progress?))) else {
            return Ok(());
        };
        // SAFETY: the caller gave a function with this contract.
        if unsafe { progress(ctx, done as u64, n as u64) } != 0 && done < n {
            return Err(Error::new(Status::Cancelled, c"ctx", c"asked to stop"));
        }
        Ok(())
    }

    /// Cuts a matrix into tiles and calls `f` with each tile and the part of `outputs` that belongs
    /// to it.
    pub fn tiles<O: Tiled, F>(&self, cut: Cut, outputs: O, f: F) -> Result
    where
        F: Fn(&Tile, O) + Sync,
    {
        let Cut { rows, cols, down, across, down_first } = cut;
        if rows == 0 || cols == 0 {
            return Ok(());
        }
        let (high, wide) = (div_ceil(rows, down), div_ceil(cols, across));
        let line = if down_first { high } else { wide };
        self.run(high.saturating_mul(wide), &|i: usize| {
            let (i, j) = (i.checked_div(line).unwrap_or(0), i.checked_rem(line).unwrap_or(0));
            let (i, j) = if down_first { (j, i) } else { (i, j) };
            let (row, col) = (i * down, j * across);
            let rows = row..rows.min(row.saturating_add(down));
            let tile = Tile { rows, cols: col..cols.min(col.saturating_add(across)) };
            // SAFETY: tiles of one cut are disjoint, and each is visited once.
            let part = unsafe { outputs.part(&tile) };
            f(&tile, part);
        })
    }

    /// Calls `f` with `0..n` and the part of `outputs` that belongs to row `i`.
    pub fn tasks<O: Tiled, F>(&self, n: usize, outputs: O, f: F) -> Result
    where
        F: Fn(usize, O) + Sync,
    {
        self.run(n, &|i: usize| {
            // SAFETY: tiles of different rows are disjoint, and each is visited once.
            let part = unsafe { outputs.part(&Tile { rows: i..i + 1, cols: 0..1 }) };
            f(i, part);
        })
    }

    /// Cuts `0..n` into at most [`PARTS`] ranges and folds `f` of each in order.
    pub fn fold<T: Copy + Send + Sync, F>(
        &self,
        n: usize,
        start: T,
        f: F,
        combine: impl Fn(T, T) -> T,
    ) -> Result<T>
    where
        F: Fn(Range<usize>) -> T + Sync,
    {
        let mut slots = [start; PARTS];
        let step = div_ceil(n, PARTS).max(1);
        let used = div_ceil(n, step);
        let shared = Slots(slots.as_mut_ptr());
        self.run(used, &|i: usize| {
            let value = f(i * step..n.min((i + 1) * step));
            // SAFETY: `i < used <= PARTS`, and every slot has one task.
            unsafe { shared.set(i, value) };
        })?;
        Ok(slots.into_iter().take(used).fold(start, combine))
    }
}

fn div_ceil(a: usize, b: usize) -> usize {
    a.checked_div(b).unwrap_or(0) + usize::from(a.checked_rem(b).unwrap_or(0) != 0)
}

/// How a matrix is cut into tiles; depends on its shape alone.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    rows: usize,
    cols: usize,
    down: usize,
    across: usize,
    down_first: bool,
}

impl Cut {
    /// Tiles of about [`TILE_ELEMENTS`] elements; rows are cut at multiples of `align` only.
    #[must_use]
    pub fn new(rows: usize, cols: usize, align: usize) -> Self {
        let align = align.clamp(1, cols.max(1));
        let across = if cols <= TILE_ELEMENTS {
            cols
        } else {
            TILE_ELEMENTS.checked_div(align).unwrap_or(1).max(1).saturating_mul(align)
        };
        let down = TILE_ELEMENTS.checked_div(across).unwrap_or(1).max(1);
        Self { rows, cols, down, across, down_first: false }
    }

    /// Tiles of `down` rows and `across` columns.
    #[must_use]
    pub fn exact((rows, cols): (usize, usize), down: usize, across: usize) -> Self {
        Self { rows, cols, down: down.max(1), across: across.max(1), down_first: false }
    }

    /// Tiles whose results are joined: of `across` columns, each of `depth` elements of work, and of so
    /// many rows that a task is worth it; at most [`PARTS`] from top to bottom.
    #[must_use]
    pub fn joined((rows, cols): (usize, usize), across: usize, depth: usize) -> Self {
        let row = across.min(cols).saturating_mul(depth);
        let worth = TILE_ELEMENTS.checked_div(row).unwrap_or(1);
        Self::exact((rows, cols), worth.max(div_ceil(rows, PARTS)), across)
    }

    /// The same tiles, those of the same columns one after the other.
    #[must_use]
    pub fn down_first(self) -> Self {
        Self { down_first: true, ..self }
    }

    /// The same for a matrix whose every element stands for `depth` elements of work.
    #[must_use]
    pub fn depth(self, depth: usize) -> Self {
        Self { down: self.down.checked_div(depth).unwrap_or(1).max(1), ..self }
    }
}

/// What a task finds behind its argument.
struct Work<'f, F> {
    first: usize,
    n: usize,
    f: &'f F,
}

/// # Safety
/// `arg` points to a `Work<F>`.
unsafe extern "C" fn call<F: Fn(usize) + Sync>(arg: *mut c_void, index: usize) {
    // SAFETY: the contract of this function; `F: Sync` lets threads share it.
    let work = unsafe { &*arg.cast_const().cast::<Work<'_, F>>() };
    if index < work.n {
        task(work.f, work.first + index);
    }
}

/// One task. There is one copy of its code, for the caller's threads and without them.
#[inline(never)]
fn task<F: Fn(usize)>(f: &F, i: usize) {
    f(i);
}

struct Slots<T>(*mut T);

// SAFETY: every task writes another slot, and the slots are read after all tasks are done.
unsafe impl<T: Send> Sync for Slots<T> {}

impl<T> Slots<T> {
    /// # Safety
    /// `i` is within the array, and no other task has it.
    unsafe fn set(&self, i: usize, value: T) {
        // SAFETY: the contract of this function.
        unsafe { self.0.add(i).write(value) };
    }
}

/// Makes one value of many, whichever comes first: the smallest, say.
#[derive(Clone, Copy, Debug)]
pub struct Join {
    /// What none become.
    pub nothing: f32,
    /// One of two.
    pub of: fn(f32, f32) -> f32,
}

/// Values that all tasks may join others to.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    places: &'a [AtomicU32],
    join: Join,
}

const _: () = assert!(align_of::<AtomicU32>() == align_of::<f32>());

impl<'a> Joined<'a> {
    /// These values.
    #[must_use]
    pub fn new(values: &'a mut [f32], join: Join) -> Self {
        let data = values.as_mut_ptr().cast::<AtomicU32>();
        // SAFETY: the elements have the size and alignment of both types, which both take all bits;
        // nothing else sees them as long as the borrow lives.
        Self { places: unsafe { core::slice::from_raw_parts(data, values.len()) }, join }
    }

    /// Joins `values` to those from `first` on.
    pub fn join(&self, first: usize, values: impl Iterator<Item = f32>) {
        let places = self.places.get(first..).unwrap_or_default();
        for (place, value) in places.iter().zip(values) {
            let mut old = place.load(Ordering::Relaxed);
            loop {
                let new = (self.join.of)(f32::from_bits(old), value).to_bits();
                if new == old {
                    break;
                }
                let set =
                    place.compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed);
                match set {
                    Ok(_) => break,
                    Err(other) => old = other,
                }
            }
        }
    }
}

/// A rectangle of a matrix.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Its rows.
    pub rows: Range<usize>,
    /// Its columns.
    pub cols: Range<usize>,
}

/// An output that can be cut into the parts of tiles.
pub trait Tiled: Copy + Sync {
    /// The part that belongs to `tile`.
    ///
    /// # Safety
    /// Parts that live at the same time belong to disjoint tiles.
    #[must_use]
    unsafe fn part(&self, tile: &Tile) -> Self;
}

impl Tiled for () {
    unsafe fn part(&self, _: &Tile) -> Self {}
}

macro_rules! tuple {
    ($($name:ident),+) => {
        impl<$($name: Tiled),+> Tiled for ($($name,)+) {
            unsafe fn part(&self, tile: &Tile) -> Self {
                #[allow(non_snake_case, reason = "one name per member")]
                let ($($name,)+) = self;
                // SAFETY: the contract of this function.
                unsafe { ($($name.part(tile),)+) }
            }
        }
    };
}

tuple!(A, B);
tuple!(A, B, C);
