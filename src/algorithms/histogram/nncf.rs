//! NNCF's search for a range: `HistogramAggregator._non_linear_param_search` in the same operations,
//! all in f64.

use crate::algorithms::histogram::density::{Density, higher, lower};

/// Share of the elements that an end moves over in one step.
const STEP: f64 = 1e-5;

/// Numbers that `numpy.sum` adds in one go.
const LEAF: usize = 128;

/// More levels of halves than an array in memory can have.
const DEPTH: usize = 64;

/// What waits for the sum of another part.
#[derive(Clone, Copy)]
enum Waiting<'a> {
    /// The sum of the first half.
    Sum(f64),
    /// The second half.
    Half(&'a [f64]),
}

/// The sum of at most `LEAF` numbers.
fn leaf(values: &[f64]) -> f64 {
    let (eights, rest) = values.as_chunks::<8>();
    let Some((first, eights)) = eights.split_first() else { return values.iter().sum() };
    let mut sums = *first;
    for eight in eights {
        sums.iter_mut().zip(eight).for_each(|(sum, x)| *sum += x);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, x| sum + x)
}

/// The sum in the order of `numpy.sum`: halves of a multiple of 8, down to `LEAF` numbers.
fn pairwise_sum(values: &[f64]) -> f64 {
    let mut waiting = [Waiting::Sum(0.0); DEPTH];
    let (mut depth, mut part) = (0, values);
    loop {
        while part.len() > LEAF && depth < DEPTH {
            let half = part.len() / 2;
            let (first, second) = part.split_at_checked(half - half % 8).unwrap_or_default();
            if let Some(place) = waiting.get_mut(depth) {
                *place = Waiting::Half(second);
            }
            (depth, part) = (depth + 1, first);
        }
        let mut sum = leaf(part);
        loop {
            let Some(place) = depth.checked_sub(1).and_then(|top| waiting.get_mut(top)) else {
                return sum;
            };
            match *place {
                Waiting::Sum(first) => {
                    sum += first;
                    depth -= 1;
                }
                Waiting::Half(second) => {
                    *place = Waiting::Sum(sum);
                    part = second;
                    break;
                }
            }
        }
    }
}

/// The integral of the squares from `begin` to `end`.
fn norm(begin: f64, end: f64, density: f64) -> f64 {
    density * ((end * end * end - begin * begin * begin) / 3.0)
}

/// The error of `levels` levels on the bins `start..=end`.
fn error(
    density: &Density<'_>,
    (start, end): (usize, usize),
    levels: usize,
    norms: &mut [f64],
) -> f64 {
    let bin_width = density.width;
    let width = bin_width * (end + 1 - start) as f64 / levels as f64;
    if width == 0.0 {
        return 0.0;
    }
    let last = (levels - 1) as f64;
    let level = |x: f64| lower(higher(libm::floor(x / width), 0.0), last);
    for (i, (norm_of, n)) in norms.iter_mut().zip(density.counts).enumerate() {
        let begin = (i as f64 - start as f64) * bin_width;
        let end = begin + bin_width;
        let (first, last) = (level(begin), level(end));
        let n = n / bin_width;
        let mut sum = norm(begin - (first + 0.5) * width, width / 2.0, n);
        sum += (last - first - 1.0) * norm(-width / 2.0, width / 2.0, n);
        sum += norm(-width / 2.0, end - (last * width + width / 2.0), n);
        *norm_of = sum;
    }
    pairwise_sum(norms)
}

/// The positions of the range. `scratch` has three times as many numbers as there are edges.
pub(super) fn search(density: Density<'_>, levels: usize, scratch: &mut [f64]) -> (f64, f64) {
    let len = density.len();
    let whole = (0.0, len as f64);
    let Some((sums, rest)) = scratch.split_at_mut_checked(len) else { return whole };
    let norms = rest.get_mut(..len).unwrap_or_default();
    let mut sum = 0.0;
    for (to, n) in sums.iter_mut().zip(density.counts) {
        sum += n;
        *to = sum;
    }
    let total = pairwise_sum(density.counts);
    let before = |bin: usize| sums.get(bin).copied().unwrap_or(0.0);

    let (mut alpha, mut beta) = (0.0, 1.0);
    let (mut start, mut end) = (0, len.saturating_sub(1));
    let mut least = f64::INFINITY;
    while alpha < beta {
        let (next_alpha, next_beta) = (alpha + STEP, beta - STEP);
        let (mut left, mut right) = (start, end);
        while left < end && before(left) < next_alpha * total {
            left += 1;
        }
        while right > start && before(right) > next_beta * total {
            right -= 1;
        }
        let (mut next_start, mut next_end) = (start, end);
        if left - start > end - right {
            (next_start, alpha) = (left, next_alpha);
        } else {
            (next_end, beta) = (right, next_beta);
        }
        if (next_start, next_end) == (start, end) {
            continue;
        }
        let error = error(&density, (next_start, next_end), levels, norms);
        if error > least {
            break;
        }
        (least, start, end) = (error, next_start, next_end);
    }
    (start as f64, (end + 1) as f64)
}
