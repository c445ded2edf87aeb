//! A vector times short rows: a block of rows is turned, so that each of its lanes is a row.

use crate::arch::bits::Bits;
use crate::arch::simd::{BLOCK, Code, Simd, padded, unpad};

#[inline(always)]
pub(crate) fn floats<S: Simd>(s: S, h: &[f32], b: &[f32], acc: &mut [f32]) {
    let cols = h.len().max(1);
    let (fours, last) = h.as_chunks::<4>();
    for (rows, acc) in b.chunks(cols.saturating_mul(BLOCK)).zip(acc.chunks_mut(BLOCK)) {
        let mut sums = s.load(&padded(acc, 0.0));
        for (i, h) in fours.iter().enumerate() {
            let mut lines = [[0.0; BLOCK]; 4];
            if rows.len() == cols * BLOCK {
                transpose(s, (rows, cols, 4 * i), &mut lines);
            } else {
                for (j, line) in lines.iter_mut().enumerate() {
                    *line = column(rows, cols, 4 * i + j);
                }
            }
            for (h, line) in h.iter().zip(&lines) {
                sums = s.fma(s.splat(*h), s.load(line), sums);
            }
        }
        for (j, h) in last.iter().enumerate() {
            let line = column(rows, cols, 4 * fours.len() + j);
            sums = s.fma(s.splat(*h), s.load(&line), sums);
        }
        let mut result = [0.0; BLOCK];
        s.store(sums, &mut result);
        unpad(&result, acc);
    }
}

/// Four columns of a block of whole rows.
#[inline(always)]
fn transpose<S: Simd>(
    s: S,
    (rows, cols, start): (&[f32], usize, usize),
    lines: &mut [[f32; BLOCK]; 4],
) {
    let [l0, l1, l2, l3] = lines;
    let parts: [&mut [[f32; 8]; BLOCK / 8]; 4] = [
        bytemuck::must_cast_mut(l0),
        bytemuck::must_cast_mut(l1),
        bytemuck::must_cast_mut(l2),
        bytemuck::must_cast_mut(l3),
    ];
    let [l0, l1, l2, l3] = parts;
    let to = l0.iter_mut().zip(l1).zip(l2).zip(l3);
    for (rows, (((t0, t1), t2), t3)) in rows.chunks_exact(8 * cols).zip(to) {
        let from = [
            quad(rows, start),
            quad(rows, cols + start),
            quad(rows, 2 * cols + start),
            quad(rows, 3 * cols + start),
            quad(rows, 4 * cols + start),
            quad(rows, 5 * cols + start),
            quad(rows, 6 * cols + start),
            quad(rows, 7 * cols + start),
        ];
        let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h)] = from else {
            return;
        };
        s.transpose_eight([a, b, c, d, e, f, g, h], [t0, t1, t2, t3]);
    }
}

/// Four elements.
#[inline(always)]
fn quad(rows: &[f32], at: usize) -> Option<&[f32; 4]> {
    rows.get(at..)?.first_chunk()
}

/// A column of at most a block of rows.
#[inline(always)]
fn column(rows: &[f32], cols: usize, at: usize) -> [f32; BLOCK] {
    let mut line = [0.0; BLOCK];
    for (to, row) in line.iter_mut().zip(rows.chunks_exact(cols)) {
        *to = row.get(at).copied().unwrap_or_default();
    }
    line
}

/// What makes signed codes of 8 bits unsigned, and what they are larger by then.
const FLIP: (u8, i32) = (0x80, 128);

/// Words of four codes that are turned together.
const WORDS: usize = 16;

/// Codes are turned four at a time, as words whose bytes are taken apart in their lanes.
#[inline(always)]
pub(crate) fn codes<S: Bits, C: Code>(
    s: S,
    h: &[f32],
    b: &[C],
    zero_point: &[i32],
    scale: &[f32],
    acc: &mut [f32],
) {
    let (flip, offset) = if C::SIGNED { FLIP } else { (0, 0) };
    let flip = u32::from_ne_bytes([flip; 4]);
    let byte = s.splat_i32(0xFF);
    let cols = h.len().max(1);
    let b: &[u8] = bytemuck::cast_slice(b);
    let blocks = b.chunks(cols.saturating_mul(BLOCK)).zip(acc.chunks_mut(BLOCK));
    for ((at, (rows, acc)), scale) in blocks.enumerate().zip(scale.chunks(BLOCK)) {
        let zero_point = zero_point.get(at * BLOCK..).unwrap_or_default();
        let zero_point = s.add_i32(s.load_i32(&padded(zero_point, 0)), s.splat_i32(offset));
        let scale = s.load(&padded(scale, 0.0));
        let mut sums = s.load(&padded(acc, 0.0));
        for (part, h) in h.chunks(4 * WORDS).enumerate() {
            let mut words = [[0; BLOCK]; WORDS];
            for (lane, row) in rows.chunks_exact(cols).take(BLOCK).enumerate() {
                let row = row.get(4 * WORDS * part..).unwrap_or_default();
                for (words, four) in words.iter_mut().zip(row.chunks(4)) {
                    let bytes = four.first_chunk().copied().unwrap_or_else(|| padded(four, 0));
                    if let Some(word) = words.get_mut(lane) {
                        *word = (u32::from_le_bytes(bytes) ^ flip).cast_signed();
                    }
                }
            }
            for (words, four) in words.iter().zip(h.chunks(4)) {
                let words = s.load_i32(words);
                for (h, place) in four.iter().zip([0, 8, 16, 24]) {
                    let code = s.shift_right(words, s.splat_i32(place));
                    let code = s.select_bits(byte, code, s.splat_i32(0));
                    let x = s.mul(s.to_f32(s.sub_i32(code, zero_point)), scale);
                    sums = s.fma(s.splat(*h), x, sums);
                }
            }
        }
        let mut result = [0.0; BLOCK];
        s.store(sums, &mut result);
        unpad(&result, acc);
    }
}
