//! Passes over the values.

use crate::algorithms::stage::{STAGE, cuts, pieces, widen_into, widened};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::status::Result;
use crate::views::{Blocks, MatrixView, Run};
use core::ops::Range;
use half::{bf16, f16};

/// Values that can be visited several times, in the same order.
pub trait Passes: Sync {
    /// How many there are.
    fn count(&self) -> usize;
    /// Into how many parts they are cut, at most [`PARTS`].
    fn parts(&self) -> usize {
        1
    }
    /// Calls `f` with all values of a part.
    fn visit(&self, k: &Kernels, part: usize, f: &mut dyn FnMut(Run<'_>));
}

impl Passes for [f32] {
    fn count(&self) -> usize {
        self.len()
    }

    fn visit(&self, _: &Kernels, _: usize, f: &mut dyn FnMut(Run<'_>)) {
        f(Run::F32(self));
    }
}

/// Parts at most: each needs counters on the stack.
pub const PARTS: usize = 32;

/// Values of a part at least, if there are several: with fewer, threads are no gain.
const PART: usize = 1 << 18;

/// A part of a matrix.
pub(super) struct Region<'a> {
    pub src: MatrixView<'a>,
    pub rows: Range<usize>,
    pub cols: Range<usize>,
}

impl Region<'_> {
    /// Rows and columns of a part.
    fn cut(&self) -> (usize, usize) {
        let (rows, cols) = (self.rows.len().max(1), self.cols.len());
        let wanted = (self.count() / PART).clamp(1, PARTS);
        let per_row = wanted.checked_div(rows).unwrap_or(1);
        if per_row <= 1 { (rows.div_ceil(wanted), cols) } else { (1, cols.div_ceil(per_row)) }
    }
}

impl Passes for Region<'_> {
    fn count(&self) -> usize {
        self.rows.len() * self.cols.len()
    }

    fn parts(&self) -> usize {
        let (down, across) = self.cut();
        self.rows.len().div_ceil(down.max(1)) * self.cols.len().div_ceil(across.max(1))
    }

    fn visit(&self, k: &Kernels, part: usize, f: &mut dyn FnMut(Run<'_>)) {
        let (down, across) = self.cut();
        let per_row = self.cols.len().div_ceil(across.max(1)).max(1);
        let piece = |whole: &Range<usize>, i: usize, step: usize| {
            let start = whole.start + i * step;
            start..whole.end.min(start + step)
        };
        let rows = piece(&self.rows, part / per_row, down);
        let cols = piece(&self.cols, part % per_row, across);
        if cols.len() != 1 {
            rows.for_each(|row| f(self.src.run(row, cols.clone())));
            return;
        }
        // A column: its elements come together from far apart.
        let mut buffer = [0.0; STAGE];
        for rows in cuts(rows, STAGE) {
            let part = buffer.get_mut(..rows.len()).unwrap_or_default();
            for (to, row) in part.iter_mut().zip(rows) {
                widen_into(k, self.src.run(row, cols.clone()), core::slice::from_mut(to));
            }
            f(Run::F32(part));
        }
    }
}

/// Values of `limits` in places that are spread over all; answers how many.
pub(super) fn sample<P: Passes + ?Sized>(
    k: &Kernels,
    src: &P,
    limits: (f32, f32),
    magnitude: bool,
    room: &mut [f32],
) -> usize {
    let step = src.count().div_ceil(room.len().max(1)).max(1);
    let mut sample = Sample { step, limits, magnitude, next: 0, start: 0, taken: 0, room };
    for part in 0..src.parts() {
        src.visit(k, part, &mut |run| match run {
            Run::F32(x) => sample.take(x, |x| x),
            Run::F16(x) => sample.take(x, f16::to_f32),
            Run::Bf16(x) => sample.take(x, bf16::to_f32),
        });
    }
    sample.taken
}

/// A sample while it is taken.
struct Sample<'a> {
    /// One value of so many is looked at.
    step: usize,
    limits: (f32, f32),
    magnitude: bool,
    /// The number of the next value, and where the next run starts.
    next: usize,
    start: usize,
    taken: usize,
    room: &'a mut [f32],
}

impl Sample<'_> {
    /// Looks at the values of a run.
    fn take<T: Copy>(&mut self, run: &[T], value: impl Fn(T) -> f32) {
        let (step, (low, high), mut taken) = (self.step, self.limits, self.taken);
        // Somewhere in each step: where values repeat themselves, equal distances see few of them.
        let place = |i: usize| {
            let random = (i as u32).wrapping_mul(0x9E37_79B9);
            i * step + ((u64::from(random) * step as u64) >> 32) as usize
        };
        while let Some(x) = run.get(place(self.next) - self.start) {
            let x = if self.magnitude { value(*x).abs() } else { value(*x) };
            if let Some(to) = self.room.get_mut(taken) {
                *to = x;
            }
            taken += usize::from(x >= low && x <= high);
            self.next += 1;
        }
        self.taken = taken.min(self.room.len());
        self.start += run.len();
    }
}

/// The least value that is at least `low`.
pub(super) fn least<P: Passes + ?Sized>(k: &Kernels, src: &P, low: f32, magnitude: bool) -> f32 {
    let mut least = f32::INFINITY;
    let mut buffer = [0.0; STAGE];
    for part in 0..src.parts() {
        src.visit(k, part, &mut |run| {
            for piece in pieces(run.len()) {
                for x in widened(k, run.part(piece), &mut buffer) {
                    let x = if magnitude { x.abs() } else { *x };
                    least = if x >= low && x < least { x } else { least };
                }
            }
        });
    }
    least
}

/// Searches that share their passes.
pub(super) const TOGETHER: usize = 2;

/// Elements that stay in the first cache while one search after the other looks at them.
const CACHED: usize = 4096;

/// The limits of each search, if it takes part.
pub(super) type Trials = [Option<(f32, f32)>; TOGETHER];

/// One pass for all searches: what each finds, and how many of the values between are at the front
/// of its room, not more than all.
pub(super) fn pass<P: Passes + ?Sized>(
    k: &Kernels,
    exec: Exec<'_>,
    src: &P,
    magnitude: bool,
    trials: &Trials,
    [a, b]: [&mut [f32]; TOGETHER],
) -> Result<[([usize; 2], usize); TOGETHER]> {
    let parts = src.parts().clamp(1, PARTS);
    let mut counted = [[[0; 2]; TOGETHER]; PARTS];
    let counted = counted.get_mut(..parts).unwrap_or_default();
    let shares = [a.len() / parts, b.len() / parts];
    let [share_a, share_b] = shares;
    let rooms = (Blocks::new(a, share_a), Blocks::new(b, share_b));
    let alone = trials.iter().flatten().count() < TOGETHER;
    let step = if alone { usize::MAX } else { CACHED };
    let outputs = (Blocks::new(counted, 1), rooms);
    exec.tasks(parts, outputs, |part, (mut counted, (mut a, mut b))| {
        let mut all = [[0; 2]; TOGETHER];
        let mut rooms = [a.slice_mut(), b.slice_mut()];
        src.visit(k, part, &mut |run| {
            let all_of = |at: usize| at.min(run.len());
            for piece in cuts(0..run.len(), step) {
                let soon = run.part(all_of(piece.start + CACHED)..all_of(piece.end + CACHED));
                let run = run.part(piece);
                for ((all, trial), room) in all.iter_mut().zip(trials).zip(&mut rooms) {
                    let Some(limits) = *trial else { continue };
                    let [_, kept] = *all;
                    let room = room.get_mut(kept..).unwrap_or_default();
                    let found = match (run, soon) {
                        (Run::F32(x), Run::F32(soon)) => {
                            k.bracket(x, soon, limits, magnitude, room)
                        }
                        (Run::F16(x), Run::F16(soon)) => {
                            k.bracket_f16(x, soon, limits, magnitude, room)
                        }
                        (Run::Bf16(x), Run::Bf16(soon)) => {
                            k.bracket_bf16(x, soon, limits, magnitude, room)
                        }
                        _ => continue,
                    };
                    *all = sum(*all, found);
                }
            }
        });
        counted.slice_mut().iter_mut().for_each(|to| *to = all);
    })?;
    let mut total = [([0; 2], 0); TOGETHER];
    for (i, counted) in counted.iter().enumerate() {
        for ((((all, kept), found), room), share) in
            total.iter_mut().zip(counted).zip([&mut *a, &mut *b]).zip(shares)
        {
            *all = sum(*all, *found);
            let [_, between] = *found;
            let n = between.min(share);
            shift(room, i * share, *kept, n);
            *kept += n;
        }
    }
    Ok(total)
}

fn sum([a, b]: [usize; 2], [c, d]: [usize; 2]) -> [usize; 2] {
    [a + c, b + d]
}

/// Moves `n` values from `from` to `to`, which is not behind it.
fn shift(room: &mut [f32], from: usize, to: usize, n: usize) {
    // As many at once as do not overlap.
    for piece in cuts(0..n, from - to) {
        let (front, back) = room.split_at_mut_checked(from + piece.start).unwrap_or_default();
        let front = front.get_mut(to + piece.start..).unwrap_or_default();
        front.iter_mut().zip(back).take(piece.len()).for_each(|(to, from)| *to = *from);
    }
}
