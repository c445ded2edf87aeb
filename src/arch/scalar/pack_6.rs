use crate::arch::simd::{padded, unpad};

#[inline(always)]
fn pack_unit([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    let word = |x: u8, place: u32| u32::from(x & 63) << (6 * place);
    let [first, second, third, _] =
        (word(a, 0) | word(b, 1) | word(c, 2) | word(d, 3)).to_le_bytes();
    [first, second, third]
}

#[inline(always)]
fn unpack_unit([a, b, c]: [u8; 3]) -> [u8; 4] {
    let word = u32::from_le_bytes([a, b, c, 0]);
    [0, 6, 12, 18].map(|shift| (word >> shift) as u8 & 63)
}

#[inline(always)]
pub(crate) fn pack(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = src.as_chunks::<4>();
    let out = dst.as_chunks_mut::<3>().0;
    for (codes, to) in units.iter().zip(out.iter_mut()) {
        *to = pack_unit(*codes);
    }
    if let (false, Some(to)) = (tail.is_empty(), out.get_mut(units.len())) {
        *to = pack_unit(padded(tail, 0));
    }
}

#[inline(always)]
pub(crate) fn unpack(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = dst.as_chunks_mut::<4>();
    let bytes = src.as_chunks::<3>().0;
    let last = bytes.get(units.len());
    for (codes, from) in units.iter_mut().zip(bytes) {
        *codes = unpack_unit(*from);
    }
    if let Some(from) = last {
        unpad(&unpack_unit(*from), tail);
    }
}
