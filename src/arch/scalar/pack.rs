//! The layouts are those of OpenVINO constants; see `CodeType`. The vector tiers leave what is left
//! of their blocks to these bodies.

use crate::arch::simd::{padded, unpad};

#[inline(always)]
fn pack_unit_6([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    let word = |x: u8, place: u32| u32::from(x & 63) << (6 * place);
    let [first, second, third, _] =
        (word(a, 0) | word(b, 1) | word(c, 2) | word(d, 3)).to_le_bytes();
    [first, second, third]
}

#[inline(always)]
fn unpack_unit_6([a, b, c]: [u8; 3]) -> [u8; 4] {
    let word = u32::from_le_bytes([a, b, c, 0]);
    [0, 6, 12, 18].map(|shift| (word >> shift) as u8 & 63)
}

#[inline(always)]
pub(crate) fn pack_6(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = src.as_chunks::<4>();
    let out = dst.as_chunks_mut::<3>().0;
    for (codes, to) in units.iter().zip(out.iter_mut()) {
        *to = pack_unit_6(*codes);
    }
    if let (false, Some(to)) = (tail.is_empty(), out.get_mut(units.len())) {
        *to = pack_unit_6(padded(tail, 0));
    }
}

#[inline(always)]
pub(crate) fn unpack_6(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = dst.as_chunks_mut::<4>();
    let bytes = src.as_chunks::<3>().0;
    let last = bytes.get(units.len());
    for (codes, from) in units.iter_mut().zip(bytes) {
        *codes = unpack_unit_6(*from);
    }
    if let Some(from) = last {
        unpad(&unpack_unit_6(*from), tail);
    }
}

#[inline(always)]
pub(crate) fn pack_4(src: &[u8], dst: &mut [u8]) {
    let (pairs, tail) = src.as_chunks::<2>();
    for ([low, high], to) in pairs.iter().zip(dst.iter_mut()) {
        *to = low & 15 | high << 4;
    }
    if let ([last], Some(to)) = (tail, dst.get_mut(pairs.len())) {
        *to = last & 15;
    }
}

#[inline(always)]
pub(crate) fn unpack_u4(src: &[u8], dst: &mut [u8]) {
    unpack_4(src, dst, |nibble| nibble);
}

#[inline(always)]
pub(crate) fn unpack_i4(src: &[u8], dst: &mut [u8]) {
    unpack_4(src, dst, |nibble| (nibble ^ 8).wrapping_sub(8));
}

#[inline(always)]
fn unpack_4(src: &[u8], dst: &mut [u8], extend: impl Fn(u8) -> u8) {
    let (pairs, tail) = dst.as_chunks_mut::<2>();
    for ([low, high], from) in pairs.iter_mut().zip(src) {
        *low = extend(from & 15);
        *high = extend(from >> 4);
    }
    if let ([last], Some(from)) = (tail, src.get(pairs.len())) {
        *last = extend(from & 15);
    }
}

#[inline(always)]
pub(crate) fn pack_3(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = src.as_chunks::<8>();
    let out = dst.as_chunks_mut::<3>().0;
    for (codes, to) in units.iter().zip(out.iter_mut()) {
        *to = pack_unit_3(*codes);
    }
    if let (false, Some(to)) = (tail.is_empty(), out.get_mut(units.len())) {
        *to = pack_unit_3(padded(tail, 0));
    }
}

#[inline(always)]
fn pack_unit_3(codes: [u8; 8]) -> [u8; 3] {
    let word = u64::from_le_bytes(codes);
    // Each product shifts the wanted bits of its bytes into the top byte; no two of the partial
    // products share a bit, so nothing carries.
    let low = word & 0x0303_0303_0303_0303;
    let gather = |four: u32| (four.wrapping_mul(1 << 30 | 1 << 20 | 1 << 10 | 1) >> 24) as u8;
    let third = word >> 2 & 0x0101_0101_0101_0101;
    let third = (third.wrapping_mul(0x8040_2010_0804_0201) >> 56) as u8;
    [gather(low as u32), gather((low >> 32) as u32), third]
}

#[inline(always)]
pub(crate) fn unpack_3(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = dst.as_chunks_mut::<8>();
    let bytes = src.as_chunks::<3>().0;
    let last = bytes.get(units.len());
    for (codes, from) in units.iter_mut().zip(bytes) {
        *codes = unpack_unit_3(*from);
    }
    if let Some(from) = last {
        unpad(&unpack_unit_3(*from), tail);
    }
}

#[inline(always)]
fn unpack_unit_3([first, second, third]: [u8; 3]) -> [u8; 8] {
    // Code 0 has the top bits: spread from there.
    let spread = |byte: u8| {
        let byte = u32::from(byte);
        byte >> 6 | (byte << 4 & 0x300) | (byte << 14 & 0x3_0000) | (byte << 24 & 0x300_0000)
    };
    let low = u64::from(spread(first)) | u64::from(spread(second)) << 32;
    // Byte i of the product holds the third bits shifted so that the one of code i is its top bit.
    let copies = u64::from(third).wrapping_mul(0x0101_0101_0101_0101);
    let picked = copies & 0x0102_0408_1020_4080;
    let ones = (picked.wrapping_add(0x7F7E_7C78_7060_4000) >> 7) & 0x0101_0101_0101_0101;
    (low | ones << 2).to_le_bytes()
}

#[inline(always)]
pub(crate) fn pack_2(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = src.as_chunks::<4>();
    for ([a, b, c, d], to) in units.iter().zip(dst.iter_mut()) {
        *to = a & 3 | (b & 3) << 2 | (c & 3) << 4 | d << 6;
    }
    if let (false, Some(to)) = (tail.is_empty(), dst.get_mut(units.len())) {
        *to = tail.iter().rev().fold(0, |byte, code| byte << 2 | code & 3);
    }
}

#[inline(always)]
pub(crate) fn unpack_2(src: &[u8], dst: &mut [u8]) {
    let (units, tail) = dst.as_chunks_mut::<4>();
    let whole = units.len();
    for ([a, b, c, d], from) in units.iter_mut().zip(src) {
        (*a, *b, *c, *d) = (from & 3, from >> 2 & 3, from >> 4 & 3, from >> 6);
    }
    if let Some(from) = src.get(whole) {
        for (i, to) in tail.iter_mut().enumerate() {
            *to = from >> (2 * i) & 3;
        }
    }
}
