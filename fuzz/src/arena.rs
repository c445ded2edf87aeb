//! Memory of the calls: every buffer is an allocation of its own, so that AddressSanitizer sees what
//! is read behind it, and what may not be written is compared byte for byte.

use crate::Input;
use ptqk::ffi::{self, Ctx, Detail, Status, Task};
use std::alloc::{Layout, alloc, dealloc};
use std::ffi::c_void;
use std::ptr;

/// Bytes in front of every buffer and behind outputs.
const MARGIN: usize = 64;

const PAINT: u8 = 0xA5;

/// What an output holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Bytes that count as they are.
    Bytes,
    /// `f32`: payload and sign of a NaN are free.
    F32,
    /// `f16`, as above.
    F16,
    /// `bf16`, as above.
    Bf16,
    /// A workspace: its contents do not matter.
    Scratch,
}

impl Kind {
    /// The kind of a float type; bytes if there is no such type.
    pub fn of(dtype: u32) -> Self {
        *[Self::F32, Self::F16, Self::Bf16].get(dtype as usize).unwrap_or(&Self::Bytes)
    }

    /// Gives every NaN the same bits.
    fn canonical(self, bytes: &mut [u8]) {
        match self {
            Self::Bytes => {}
            Self::F32 => {
                for word in bytes.as_chunks_mut::<4>().0 {
                    if f32::from_ne_bytes(*word).is_nan() {
                        *word = f32::NAN.to_ne_bytes();
                    }
                }
            }
            Self::F16 | Self::Bf16 => {
                let infinity = if self == Self::F16 { 0x7C00 } else { 0x7F80 };
                for word in bytes.as_chunks_mut::<2>().0 {
                    if u16::from_ne_bytes(*word) & 0x7FFF > infinity {
                        *word = 0x7FFF_u16.to_ne_bytes();
                    }
                }
            }
            Self::Scratch => bytes.fill(0),
        }
    }
}

/// The bytes that may be written: rows of a matrix.
#[derive(Clone, Copy)]
struct Rows {
    rows: usize,
    bytes: usize,
    stride: usize,
    kind: Kind,
}

struct Buffer {
    base: *mut u8,
    layout: Layout,
    front: usize,
    rows: Rows,
    start: Vec<u8>,
}

impl Buffer {
    fn bytes(&self) -> &[u8] {
        // SAFETY: `Arena::place` allocated and filled them.
        unsafe { std::slice::from_raw_parts(self.base, self.layout.size()) }
    }

    fn restore(&self) {
        // SAFETY: as above; no reference to them is kept.
        unsafe { ptr::copy_nonoverlapping(self.start.as_ptr(), self.base, self.start.len()) };
    }

    /// The rows, and everything else.
    fn split(&self, bytes: &[u8], canonical: bool) -> (Vec<u8>, Vec<u8>) {
        let (mut rest, mut rows) = (bytes.to_vec(), Vec::new());
        let Rows { rows: n, bytes, stride, kind } = self.rows;
        for row in 0..n {
            let at = self.front + row * stride;
            let place = &mut rest[at..at + bytes];
            let from = rows.len();
            rows.extend_from_slice(place);
            if canonical || kind == Kind::Scratch {
                kind.canonical(&mut rows[from..]);
            }
            place.fill(0);
        }
        (rows, rest)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the allocation of `Arena::place`.
        unsafe { dealloc(self.base, self.layout) };
    }
}

/// The buffers of a case, and what its calls said so far.
pub struct Arena {
    buffers: Vec<Buffer>,
    shift: usize,
    silent: bool,
    reversed: bool,
    trace: Vec<(Status, Vec<Vec<u8>>)>,
}

impl Arena {
    /// No buffers yet.
    pub fn new(input: &mut Input) -> Self {
        let (shift, silent) = (input.below(16), input.rarely());
        Self { buffers: Vec::new(), shift, silent, reversed: false, trace: Vec::new() }
    }

    fn place(&mut self, contents: &[u8], align: usize, behind: usize, rows: Rows) -> *mut u8 {
        // Aligned for its elements, not for more.
        let front = MARGIN + align * (self.shift + self.buffers.len()) % MARGIN;
        let layout = Layout::from_size_align(front + contents.len() + behind, MARGIN).unwrap();
        // SAFETY: the size is not 0.
        let base = unsafe { alloc(layout) };
        assert!(!base.is_null());
        // SAFETY: the allocation has these bytes.
        let at = unsafe {
            base.write_bytes(PAINT, layout.size());
            ptr::copy_nonoverlapping(contents.as_ptr(), base.add(front), contents.len());
            base.add(front)
        };
        let mut buffer = Buffer { base, layout, front, rows, start: Vec::new() };
        buffer.start = buffer.bytes().to_vec();
        self.buffers.push(buffer);
        at
    }

    /// An array that is read; behind it is memory without access, as far as the sanitizer goes.
    pub fn input(&mut self, contents: &[u8], align: usize) -> *mut u8 {
        let none = Rows { rows: 0, bytes: 0, stride: 0, kind: Kind::Bytes };
        self.place(contents, align, 0, none)
    }

    /// An array that is written.
    pub fn output(&mut self, bytes: usize, align: usize, kind: Kind) -> *mut u8 {
        self.matrix((1, bytes, bytes), align, kind)
    }

    /// Rows that are written: their number, the bytes of each and those from one to the next.
    pub fn matrix(
        &mut self,
        (rows, bytes, stride): (usize, usize, usize),
        align: usize,
        kind: Kind,
    ) -> *mut u8 {
        let all = if rows == 0 { 0 } else { (rows - 1) * stride + bytes };
        let rows = Rows { rows, bytes, stride, kind };
        self.place(&vec![PAINT; all], align, MARGIN, rows)
    }

    /// An array of floats that is read.
    pub fn floats(&mut self, values: impl Iterator<Item = f32>) -> *const f32 {
        let bytes: Vec<u8> = values.flat_map(f32::to_ne_bytes).collect();
        self.input(&bytes, 4).cast_const().cast()
    }

    /// An array of integers that is read.
    pub fn ints(&mut self, values: impl Iterator<Item = i32>) -> *const i32 {
        let bytes: Vec<u8> = values.flat_map(i32::to_ne_bytes).collect();
        self.input(&bytes, 4).cast_const().cast()
    }

    /// One call. A refusal leaves everything as it was, and so does a numeric outcome if `atomic`;
    /// nothing but outputs is written.
    pub fn call(&mut self, atomic: bool, f: impl FnOnce(*const Ctx) -> Status) -> Status {
        let before: Vec<_> = self.buffers.iter().map(|b| b.bytes().to_vec()).collect();
        let mut detail = Detail::DEFAULT;
        let parallel_for = self.reversed.then_some(backwards as _);
        let ctx = Ctx { detail: &raw mut detail, parallel_for, ..Ctx::DEFAULT };
        let status = f(if self.silent { ptr::null() } else { &raw const ctx });
        if !self.silent {
            assert_eq!(detail.status, status, "the detail has the status of the call");
        }
        let mut outputs = Vec::new();
        for (i, (buffer, before)) in self.buffers.iter().zip(&before).enumerate() {
            let (old, rest) = buffer.split(before, false);
            let (new, now) = buffer.split(buffer.bytes(), false);
            assert!(rest == now, "{status:?}: buffer {i} was written where it has no output");
            if (status as i32) < 0 {
                assert!(buffer.bytes() == before, "{status:?}: buffer {i} was written");
            } else if status != Status::Ok && atomic {
                assert!(old == new, "{status:?}: buffer {i} was written");
            }
            outputs.push(buffer.split(buffer.bytes(), true).0);
        }
        self.trace.push((status, outputs));
        status
    }

    /// Runs `f` on every tier of this CPU, with tasks in the usual order and the other way round: all
    /// calls say and write the same.
    pub fn on_every_tier(&mut self, mut f: impl FnMut(&mut Self)) {
        let mut want: Option<Vec<_>> = None;
        for isa in ptqk::dispatch::available().map(|k| k.isa() as u32) {
            assert_eq!(ffi::ptqk_set_max_isa(isa), Status::Ok);
            self.buffers.iter().for_each(Buffer::restore);
            self.trace.clear();
            self.reversed = isa % 2 == 1;
            f(self);
            match &want {
                None => want = Some(std::mem::take(&mut self.trace)),
                Some(want) => self.compare(want, isa),
            }
        }
    }

    fn compare(&self, want: &[(Status, Vec<Vec<u8>>)], isa: u32) {
        assert_eq!(self.trace.len(), want.len(), "tier {isa}: other calls");
        for (call, (got, want)) in self.trace.iter().zip(want).enumerate() {
            assert_eq!(got.0, want.0, "tier {isa}, call {call}");
            for (i, (got, want)) in got.1.iter().zip(&want.1).enumerate() {
                let wrong = got.iter().zip(want).position(|(got, want)| got != want);
                assert!(got == want, "tier {isa}, call {call}, buffer {i}, byte {wrong:?}");
            }
        }
    }
}

/// Runs the tasks from the last one.
unsafe extern "C" fn backwards(_: *const Ctx, n: usize, task: Task, arg: *mut c_void) {
    // SAFETY: every task once, as the library asks.
    (0..n).rev().for_each(|i| unsafe { task(arg, i) });
}
