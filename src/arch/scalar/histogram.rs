use crate::kernels::{Bins, Counters, GridBins};

/// Counts one more in counter `i % 4` of a bin; nothing if it does not exist.
#[inline(always)]
pub(crate) fn count(counts: &mut [Counters], bin: usize, i: usize) {
    if let Some(counter) = counts.get_mut(bin).and_then(|counters| counters.get_mut(i % 4)) {
        *counter = counter.wrapping_add(1);
    }
}

/// The last bin whose beginning is at most `x`.
#[inline(always)]
pub(crate) fn bin(x: f32, bins: &Bins<'_>) -> usize {
    // The first edge is never above `x`, and no bin begins at the last one.
    let [low, edges @ .., _] = bins.edges else { return 0 };
    if bins.inverse == 0.0 {
        return edges.partition_point(|edge| *edge <= x);
    }
    let mut bin = (((x - low) * bins.inverse) as usize).min(edges.len());
    // Edge `bin` begins the bin; it is not among `edges` for bin 0.
    while bin > 0 && edges.get(bin - 1).is_some_and(|edge| x < *edge) {
        bin -= 1;
    }
    while edges.get(bin).is_some_and(|edge| *edge <= x) {
        bin += 1;
    }
    bin
}

pub(super) fn run(src: &[f32], bins: &Bins<'_>, counts: &mut [Counters]) {
    for (i, x) in src.iter().enumerate() {
        count(counts, bin(*x, bins), i);
    }
}

/// `floor(x / width)`: the product is exact unless it underflows, and then a negative `x` shows in
/// the comparison.
fn cell(x: f32, bins: &GridBins) -> i32 {
    let cell = (x * bins.inverse) as i32;
    cell.wrapping_sub(i32::from(cell as f32 * bins.width > x))
}

pub(super) fn grid(src: &[f32], bins: &GridBins, counts: &mut [Counters]) {
    for (i, x) in src.iter().enumerate() {
        count(counts, cell(*x, bins).wrapping_sub(bins.first) as u32 as usize, i);
    }
}
