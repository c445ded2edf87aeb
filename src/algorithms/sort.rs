//! Sorting by digits of eight bits: stable, in time that depends on the length only.

/// Digits of a byte.
const DIGITS: usize = 256;

/// Moves `from` to `to` in the order of a digit.
fn pass<T: Copy>(from: &[T], to: &mut [T], digit: impl Fn(T) -> u8) {
    let mut starts = [0_usize; DIGITS];
    for x in from {
        if let Some(count) = starts.get_mut(usize::from(digit(*x))) {
            *count += 1;
        }
    }
    let mut start = 0;
    for count in &mut starts {
        (start, *count) = (start + *count, start);
    }
    for x in from {
        if let Some(place) = starts.get_mut(usize::from(digit(*x))) {
            if let Some(to) = to.get_mut(*place) {
                *to = *x;
            }
            *place += 1;
        }
    }
}

/// Whether all have the same digit, so that a pass would move nothing.
fn is_constant<T: Copy>(all: &[T], digit: impl Fn(T) -> u8) -> bool {
    all.first().is_none_or(|first| all.iter().all(|x| digit(*x) == digit(*first)))
}

/// Sorts `data` in ascending order of the lowest `bytes` bytes of `key`; equal ones keep their order.
/// `other` is as long.
pub(super) fn sort_by_key<T: Copy>(
    data: &mut [T],
    other: &mut [T],
    bytes: u32,
    key: impl Fn(T) -> u64,
) {
    for byte in 0..bytes {
        let digit = |x: T| (key(x) >> (8 * byte)) as u8;
        if !is_constant(data, digit) {
            pass(data, other, digit);
            data.iter_mut().zip(other.iter()).for_each(|(to, from)| *to = *from);
        }
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

/// Sorts numbers, none of which is NaN, in ascending order.
#[cfg(feature = "range")]
pub(super) fn sort(data: &mut [f32], other: &mut [f32]) {
    sort_by_key(data, other, 4, |x| u64::from(key(x)));
}
