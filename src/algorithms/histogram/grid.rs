//! The grid of a mergeable histogram. It depends on the smallest and the largest element only, and a
//! wider range never has a finer grid: so cells are joined, never cut, and no order of updates shows.

use crate::algorithms::histogram::density::higher;
use crate::kernels::GridBins;

/// Bin `j` holds the numbers from `(first + j) * 2^exponent` on, below the next bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) exponent: i32,
    pub(super) first: i64,
}

/// Finest grid: its width and the reciprocal are normal numbers.
const FINEST: i32 = -126;

/// Coarsest grid: 16 bins hold all floats.
const COARSEST: i32 = 126;

/// 2 to the power of `exponent`, for normal results.
fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// `floor(x / 2^exponent)`. Exact: `x` is an f32, the quotient is below 2^63 in magnitude.
fn cell(x: f64, exponent: i32) -> i64 {
    let position = x * power(-exponent);
    let cell = position as i64;
    cell - i64::from((cell as f64) > position)
}

impl Grid {
    /// The finest grid of which `num_bins` bins hold all of `min..=max`, which are finite floats of 32
    /// bits. No element is more than 2^24 bins away from 0.
    pub(super) fn new(min: f64, max: f64, num_bins: usize) -> Self {
        let largest = higher(min.abs(), max.abs());
        // The exponent of the last mantissa bit of an f32 of this magnitude.
        let mut exponent = ((largest.to_bits() >> 52) as i32 - 1023 - 23).clamp(FINEST, COARSEST);
        let mut first = cell(min, exponent);
        while cell(max, exponent) - first >= num_bins as i64 && exponent < COARSEST {
            exponent += 1;
            first = cell(min, exponent);
        }
        Self { exponent, first }
    }

    /// Width of a bin.
    pub(super) fn width(self) -> f64 {
        power(self.exponent.clamp(FINEST, COARSEST))
    }

    /// The bin of `x`, if there is one.
    pub(super) fn bin(self, x: f64) -> usize {
        usize::try_from(cell(x, self.exponent.clamp(FINEST, COARSEST)) - self.first).unwrap_or(0)
    }

    /// The bin that takes bin `bin` of a finer grid.
    pub(super) fn place(self, finer: Self, bin: usize) -> usize {
        let shift = (self.exponent - finer.exponent).clamp(0, 63);
        usize::try_from(((finer.first + bin as i64) >> shift) - self.first).unwrap_or(0)
    }

    /// The same for a kernel.
    pub(super) fn kernel(self) -> GridBins {
        let width = self.width();
        GridBins { width: width as f32, inverse: (1.0 / width) as f32, first: self.first as i32 }
    }
}
