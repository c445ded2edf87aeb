use crate::arch::simd::Element;

/// Counts `x < low` and what is neither that nor `x > high`. Writes the latter to `room`, in order,
/// while there is some.
pub(super) fn run<T: Element>(
    src: &[T],
    _soon: &[T],
    (low, high): (f32, f32),
    magnitude: bool,
    room: &mut [f32],
) -> [usize; 2] {
    let mut room = room.iter_mut();
    let (mut below, mut between) = (0, 0);
    for x in src {
        let x = if magnitude { x.to_f32().abs() } else { x.to_f32() };
        if x < low {
            below += 1;
        } else if x <= high || x.is_nan() {
            between += 1;
            if let Some(to) = room.next() {
                *to = x;
            }
        }
    }
    [below, between]
}

/// Counts for every element those that are less.
pub(super) fn ranks(src: &[f32], ranks: &mut [i32]) {
    for (rank, x) in ranks.iter_mut().zip(src) {
        *rank = src.iter().map(|y| i32::from(y < x)).sum();
    }
}
