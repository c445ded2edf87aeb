//! A vector times short rows: a block of rows is turned, so that each of its lanes is a row.

use crate::arch::bits::Bits;
use crate::arch::simd::{AHEAD, BLOCK, Code, Simd, bring, padded, unpad};
use core::slice;

#[inline(always)]
pub(crate) fn floats<S: Simd>(s: S, h: &[f32], b: &[f32], acc: &mut [f32]) {
    let cols = h.len().max(1);
    let (fours, last) = h.as_chunks::<4>();
    for (rows, acc) in b.chunks(cols.saturating_mul(BLOCK)).zip(acc.chunks_mut(BLOCK)) {
        let mut sums = s.load(&padded(acc, 0.0));
        let soon = rows.as_ptr().wrapping_byte_add(AHEAD).cast::<[f32; BLOCK]>();
        for (i, h) in fours.iter().enumerate() {
            let mut lines = [[0.0; BLOCK]; 4];
            // As much as these columns have. A burst of all rows would leave memory idle afterwards.
            bring(s, soon.wrapping_add(4 * i).cast(), size_of_val(&lines));
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
            bring(s, soon.wrapping_add(4 * fours.len() + j).cast(), size_of_val(&line));
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
        let rows = [a, b, c, d, e, f, g, h].map(bytemuck::must_cast_ref);
        s.transpose_eight(rows, 0, [t0, t1, t2, t3]);
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

/// Codes that are turned at once: words of four.
const CHUNK: usize = 16;

/// Chunks of a row that are turned one after the other.
const CHUNKS: usize = 4;

/// Words of the codes of a block of rows: lane `i` of a line is of row `i`. Its lanes are in eights.
type Lines = [[[f32; 8]; BLOCK / 8]; 4 * CHUNKS];

/// Turns chunks of eight rows: lanes `8 * eight` and on of lines.
#[inline(always)]
fn turn_eight<S: Simd>(
    s: S,
    [a, b, c, d, e, f, g, h]: [&[[u8; CHUNK]]; 8],
    flip: u32,
    lines: &mut [[[f32; 8]; BLOCK / 8]],
    eight: usize,
) {
    // In the array whatever it is, so that nothing is checked.
    let eight = eight % (BLOCK / 8);
    let rows = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    for (row, lines) in rows.zip(lines.as_chunks_mut::<4>().0) {
        let (((((((a, b), c), d), e), f), g), h) = row;
        let [Some(l0), Some(l1), Some(l2), Some(l3)] =
            lines.each_mut().map(|line| line.get_mut(eight))
        else {
            return;
        };
        s.transpose_eight([a, b, c, d, e, f, g, h], flip, [l0, l1, l2, l3]);
    }
}

/// Turns the `len` codes from `at` on, at most [`CHUNKS`] chunks, of a block of the rows of `b`, which have `cols`
/// codes: those from `first` on, the last one in the place of those that there are not.
#[inline(always)]
fn turn<S: Simd>(
    s: S,
    (b, cols): (&[u8], usize),
    first: usize,
    (at, len): (usize, usize),
    flip: u32,
    lines: &mut Lines,
) {
    let last = b.len().checked_div(cols).unwrap_or(0).saturating_sub(1);
    let whole = len / CHUNK;
    for eight in 0..BLOCK / 8 {
        if at == 0 {
            let soon = (first + 8 * eight).wrapping_mul(cols).wrapping_add(AHEAD);
            bring(s, b.as_ptr().wrapping_add(soon), 8 * cols);
        }
        let rows = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| {
            let row = (first + 8 * eight + i).min(last);
            b.get(row * cols + at..).unwrap_or_default()
        });
        if whole > 0 {
            let chunks = rows.map(|row| row.get(..len).unwrap_or_default().as_chunks().0);
            turn_eight(s, chunks, flip, lines, eight);
        }
        if whole * CHUNK < len {
            let lines = lines.get_mut(4 * whole..).unwrap_or_default();
            let rest = rows.map(|row| row.get(whole * CHUNK..).unwrap_or_default());
            // What follows a row is as good as zeros.
            let [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h)] =
                rest.map(|rest| rest.first_chunk())
            else {
                let chunks = rest.map(|rest| padded(rest, 0));
                turn_eight(s, chunks.each_ref().map(slice::from_ref), flip, lines, eight);
                continue;
            };
            let chunks = [a, b, c, d, e, f, g, h].map(slice::from_ref);
            turn_eight(s, chunks, flip, lines, eight);
        }
    }
}

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
    let b: &[u8] = bytemuck::cast_slice(b);
    let mut lines = Lines::default();
    let mut values = [[0.0; BLOCK]; CHUNKS * CHUNK];
    for ((block, acc), scale) in acc.chunks_mut(BLOCK).enumerate().zip(scale.chunks(BLOCK)) {
        let zero_point = zero_point.get(block * BLOCK..).unwrap_or_default();
        let zero_point = s.add_i32(s.load_i32(&padded(zero_point, 0)), s.splat_i32(offset));
        let scale = s.load(&padded(scale, 0.0));
        let mut sums = s.load(&padded(acc, 0.0));
        for (part, some) in h.chunks(CHUNKS * CHUNK).enumerate() {
            let columns = (part * CHUNKS * CHUNK, some.len());
            turn(s, (b, h.len()), block * BLOCK, columns, flip, &mut lines);
            // Words are only moved as floats: their bits stay what they are.
            macro_rules! words {
                ($line:expr) => {
                    s.bits(s.load(bytemuck::must_cast_ref($line)))
                };
            }
            macro_rules! value {
                ($words:expr, $place:expr) => {{
                    let code = s.shift_right($words, s.splat_i32($place));
                    let code = s.select_bits(byte, code, s.splat_i32(0));
                    s.mul(s.to_f32(s.sub_i32(code, zero_point)), scale)
                }};
            }
            if S::WIDE {
                for (h, line) in some.chunks(4).zip(&lines) {
                    let words = words!(line);
                    for (h, place) in h.iter().zip([0, 8, 16, 24]) {
                        sums = s.fma(s.splat(*h), value!(words, place), sums);
                    }
                }
                continue;
            }
            // Apart: sixteen registers do not hold the sums beside what the values take, and a sum that
            // goes through memory each time is waited for.
            let used = some.len().div_ceil(4);
            for (line, values) in lines.iter().zip(values.as_chunks_mut::<4>().0).take(used) {
                let words = words!(line);
                for (to, place) in values.iter_mut().zip([0, 8, 16, 24]) {
                    s.store(value!(words, place), to);
                }
            }
            for (h, x) in some.iter().zip(&values) {
                sums = s.fma(s.splat(*h), s.load(x), sums);
            }
        }
        let mut result = [0.0; BLOCK];
        s.store(sums, &mut result);
        unpad(&result, acc);
    }
}
