//! Sorting by digits of eight bits: stable, in time that depends on the length only.

#[cfg(feature = "range")]
use core::hint::select_unpredictable;
use core::mem::swap;

/// Digits of a byte.
const DIGITS: usize = 256;

/// Moves `from` to `to` in the order of a digit, of which there are `counts`.
fn pass<T: Copy>(
    from: &[T],
    to: &mut [T],
    counts: &mut [usize; DIGITS],
    digit: impl Fn(T) -> usize,
) {
    let mut start = 0;
    for count in counts.iter_mut() {
        (start, *count) = (start + *count, start);
    }
    for x in from {
        if let Some(place) = counts.get_mut(digit(*x)) {
            if let Some(to) = to.get_mut(*place) {
                *to = *x;
            }
            *place += 1;
        }
    }
}

/// Sorts `data` in ascending order of the lowest `BYTES` bytes of `key`; equal ones keep their order.
/// `other` is as long.
pub(super) fn sort_by_key<T: Copy, const BYTES: usize>(
    data: &mut [T],
    other: &mut [T],
    key: impl Fn(T) -> u64,
) {
    let digit = |x: T, byte: usize| usize::from((key(x) >> (8 * byte)) as u8);
    let mut counts = [[0; DIGITS]; BYTES];
    for x in data.iter() {
        for (byte, counts) in counts.iter_mut().enumerate() {
            if let Some(count) = counts.get_mut(digit(*x, byte)) {
                *count += 1;
            }
        }
    }
    let (mut from, mut to, mut moved) = (&mut *data, &mut *other, false);
    for (byte, counts) in counts.iter_mut().enumerate() {
        // Where all have one digit, nothing would move.
        if counts.iter().all(|count| *count < from.len()) {
            pass(from, to, counts, |x| digit(x, byte));
            swap(&mut from, &mut to);
            moved = !moved;
        }
    }
    if moved {
        data.iter_mut().zip(other).for_each(|(to, from)| *to = *from);
    }
}

/// The key of a number: keys are in the order of the numbers.
pub(super) fn key(x: f32) -> u32 {
    let bits = x.to_bits();
    bits ^ if bits >> 31 == 0 { 0x8000_0000 } else { 0xFFFF_FFFF }
}

/// The number of a key.
#[cfg(feature = "range")]
pub(super) fn number(key: u32) -> f32 {
    f32::from_bits(key ^ if key >> 31 == 1 { 0x8000_0000 } else { 0xFFFF_FFFF })
}

/// Merges two ascending parts of numbers, which are as long as `to` together.
#[cfg(feature = "range")]
fn merge(a: &[f32], b: &[f32], to: &mut [f32]) {
    let (mut i, mut j) = (0, 0);
    for to in to {
        let (x, y) = (a.get(i).map(|x| key(*x)), b.get(j).map(|x| key(*x)));
        let second = match (x, y) {
            (Some(x), Some(y)) => y < x,
            (x, _) => x.is_none(),
        };
        let (x, y) = (x.unwrap_or(0), y.unwrap_or(0));
        *to = number(select_unpredictable(second, y, x));
        (i, j) = (i + usize::from(!second), j + usize::from(second));
    }
}

/// Sorts numbers, none of which is NaN, in ascending order. Fast where they are in order already, or
/// two parts of them are.
#[cfg(feature = "range")]
pub(super) fn sort(data: &mut [f32], other: &mut [f32]) {
    let mut ends = data.windows(2).enumerate().filter_map(|(i, pair)| match pair {
        [x, y] if key(*y) < key(*x) => Some(i + 1),
        _ => None,
    });
    match (ends.next(), ends.next()) {
        (None, _) => (),
        (Some(end), None) => {
            let (a, b) = data.split_at_checked(end).unwrap_or_default();
            merge(a, b, other);
            data.iter_mut().zip(other).for_each(|(to, from)| *to = *from);
        }
        _ => sort_by_key::<_, 4>(data, other, |x| u64::from(key(x))),
    }
}
