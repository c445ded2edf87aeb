use crate::arch::generic::divide::Reciprocal;
use crate::arch::simd::{BLOCK, Simd, look_ahead, padded, unpad};
use crate::kernels::has_reciprocal;

/// The grid of all ranges: the last level, and how to divide by it.
#[derive(Clone, Copy)]
struct Grid<S: Simd> {
    steps: S::F32,
    per_step: Reciprocal<S>,
}

impl<S: Simd> Grid<S> {
    #[inline(always)]
    fn new(s: S, levels: u32) -> Self {
        let steps = (levels - 1) as f32;
        Self { steps: s.splat(steps), per_step: Reciprocal::new(s, steps) }
    }

    /// The value on the grid, for `low < x <= high`; the ends outside. `part` is `x - low` divided
    /// by the range.
    #[inline(always)]
    fn snap(
        self,
        s: S,
        x: S::F32,
        part: S::F32,
        (low, high, range): (S::F32, S::F32, S::F32),
    ) -> S::F32 {
        let index = s.round(s.mul(part, self.steps));
        let y = s.add(s.mul(self.per_step.divide(s, index), range), low);
        s.select_gt(x, high, high, s.select_gt(x, low, y, low))
    }
}

/// Divides by a range.
trait PerRange<S: Simd>: Copy {
    fn divide(self, s: S, x: S::F32) -> S::F32;
}

impl<S: Simd> PerRange<S> for Reciprocal<S> {
    #[inline(always)]
    fn divide(self, s: S, x: S::F32) -> S::F32 {
        Reciprocal::divide(self, s, x)
    }
}

/// A real division, for ranges too small or too large for a reciprocal.
#[derive(Clone, Copy)]
struct Exact<S: Simd>(S::F32);

impl<S: Simd> PerRange<S> for Exact<S> {
    #[inline(always)]
    fn divide(self, s: S, x: S::F32) -> S::F32 {
        s.div(x, self.0)
    }
}

#[inline(always)]
fn each<S: Simd>(
    s: S,
    data: &mut [f32],
    (low, high): (f32, f32),
    grid: Grid<S>,
    per_range: impl PerRange<S>,
) {
    let ends = (s.splat(low), s.splat(high), s.splat(high - low));
    macro_rules! snap {
        ($block:expr) => {
            let x = s.load($block);
            let part = per_range.divide(s, s.sub(x, ends.0));
            s.store(grid.snap(s, x, part, ends), $block);
        };
    }
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for x in blocks {
        look_ahead(s, x);
        snap!(x);
    }
    if !tail.is_empty() {
        let mut last = padded(tail, 0.0);
        snap!(&mut last);
        unpad(&last, tail);
    }
}

#[inline(always)]
pub(crate) fn run<S: Simd>(s: S, data: &mut [f32], low: f32, high: f32, levels: u32) {
    let (grid, range) = (Grid::new(s, levels), high - low);
    if has_reciprocal(range) {
        each(s, data, (low, high), grid, Reciprocal::new(s, range));
    } else {
        each(s, data, (low, high), grid, Exact(s.splat(range)));
    }
}

#[inline(always)]
fn column_block<S: Simd>(
    s: S,
    x: &mut [f32; BLOCK],
    low: &[f32; BLOCK],
    high: &[f32; BLOCK],
    grid: Grid<S>,
) {
    let (low, high) = (s.load(low), s.load(high));
    let range = s.sub(high, low);
    let value = s.load(x);
    let part = s.div(s.sub(value, low), range);
    s.store(grid.snap(s, value, part, (low, high, range)), x);
}

#[inline(always)]
pub(crate) fn columns<S: Simd>(s: S, data: &mut [f32], low: &[f32], high: &[f32], levels: u32) {
    let grid = Grid::new(s, levels);
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    let (lows, low_tail) = low.as_chunks::<BLOCK>();
    let (highs, high_tail) = high.as_chunks::<BLOCK>();
    for ((x, low), high) in blocks.iter_mut().zip(lows).zip(highs) {
        column_block(s, x, low, high, grid);
    }
    if !tail.is_empty() {
        let mut last = padded(tail, 0.0);
        column_block(s, &mut last, &padded(low_tail, 0.0), &padded(high_tail, 1.0), grid);
        unpad(&last, tail);
    }
}
