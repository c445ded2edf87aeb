//! Mean squared error of rounding to levels and of saturation, as integrals over the bins, in which
//! elements are spread evenly.

use crate::algorithms::histogram::density::{Density, higher, lower, prefix};
use crate::algorithms::histogram::search::{best, window};

/// Sums over the bins before each edge, of `x^0`, `x^1` and `x^2` in units of bins.
struct Moments<'a> {
    density: Density<'a>,
    sums: [&'a [f64]; 3],
}

/// Levels at even distances.
#[derive(Clone, Copy)]
struct Levels {
    first: f64,
    step: f64,
    count: usize,
}

impl Moments<'_> {
    /// The three integrals up to a position.
    fn before(&self, position: f64) -> [f64; 3] {
        let (bin, inside) = self.density.locate(position);
        let n = self.density.counts.get(bin).copied().unwrap_or(0.0);
        let (a, b) = (bin as f64, bin as f64 + inside);
        let part = [b - a, (b * b - a * a) / 2.0, (b * b * b - a * a * a) / 3.0];
        let mut moments = [0.0; 3];
        for ((to, sums), part) in moments.iter_mut().zip(self.sums).zip(part) {
            *to = sums.get(bin).copied().unwrap_or(0.0) + n * part;
        }
        moments
    }

    fn error(&self, levels: Levels) -> f64 {
        let Levels { first, step, count } = levels;
        let last = count.saturating_sub(1);
        let squares = |from: [f64; 3], to: [f64; 3], level: f64| {
            let ([m0, m1, m2], [n0, n1, n2]) = (from, to);
            (n2 - m2) - 2.0 * level * (n1 - m1) + level * level * (n0 - m0)
        };
        let middle = |i: usize| first + step * (i as f64 + 0.5);
        let mut from = self.before(middle(0));
        let mut error = squares([0.0; 3], from, first);
        let end = self.density.len() as f64;
        if step <= 1.0 {
            // Within a bin all remainders are as likely.
            let to = self.before(middle(last.saturating_sub(1)));
            let ([n, ..], [m, ..]) = (to, from);
            error += (n - m) * step * step / 12.0;
        } else {
            // Levels beyond the histogram have no elements.
            let before = higher(-first / step, 0.0) as usize;
            let behind = higher((end - first) / step, 0.0) as usize + 2;
            for i in before.max(1)..behind.min(last) {
                let to = self.before(middle(i));
                error += squares(from, to, first + step * i as f64);
                from = to;
            }
        }
        let from = self.before(middle(last.saturating_sub(1)));
        error + squares(from, self.before(end), first + step * last as f64)
    }
}

/// The grid of `ptqk_quantizer_from_min_max` for a range of `t` bins on one or both sides of 0.
fn grid(density: &Density<'_>, t: f64, count: usize) -> Levels {
    let zero = density.zero();
    if !density.signed {
        return Levels { first: zero, step: t / (count - 1) as f64, count };
    }
    // One more level below 0 than above, if their number is even.
    let step = t / (count.div_ceil(2) - 1) as f64;
    Levels { first: zero - step * (count / 2) as f64, step, count }
}

/// The best limit, in bins from 0. `scratch` has three times as many numbers as there are edges.
pub(super) fn symmetric(density: Density<'_>, levels: usize, scratch: &mut [f64]) -> f64 {
    let Some(moments) = moments(density, scratch) else { return f64::INFINITY };
    let widest = libm::ceil(density.widest()) as i64;
    best(widest.min(density.distance() + 1), widest, |t| {
        moments.error(grid(&density, t as f64, levels))
    }) as f64
}

/// The positions of the best window. Its levels are those of the range that includes 0, too.
pub(super) fn asymmetric(density: Density<'_>, levels: usize, scratch: &mut [f64]) -> (f64, f64) {
    let len = density.len() as i64;
    let Some(moments) = moments(density, scratch) else { return (0.0, len as f64) };
    let zero = density.zero();
    let (start, end) = window(len, 1, |start, end| {
        let (first, last) = (lower(start as f64, zero), higher(end as f64, zero));
        moments.error(Levels { first, step: (last - first) / (levels - 1) as f64, count: levels })
    });
    (start as f64, end as f64)
}

fn moments<'a>(density: Density<'a>, scratch: &'a mut [f64]) -> Option<Moments<'a>> {
    let edges = density.len() + 1;
    let (m0, rest) = scratch.split_at_mut_checked(edges)?;
    let (m1, rest) = rest.split_at_mut_checked(edges)?;
    let m2 = rest.get_mut(..edges)?;
    prefix(density.counts, m0, |_, n| n);
    prefix(density.counts, m1, |i, n| n * (i as f64 + 0.5));
    // The integral of x^2 over a bin, by its middle.
    prefix(density.counts, m2, |i, n| {
        let middle = i as f64 + 0.5;
        n * (middle * middle + 1.0 / 12.0)
    });
    Some(Moments { density, sums: [m0, m1, m2] })
}
