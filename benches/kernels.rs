//! Every kernel on every table of this CPU, at four sizes, against a loop that moves the same
//! bytes. `cargo bench --bench kernels -- quantize_i8` runs a part; `PTQK_BENCH_SIZES=512KiB` one
//! size.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench may stop on its first surprise"
)]

mod common;

use common::{criterion, floats, group, print_shares, sizes, started};
use criterion::Criterion;
use half::{bf16, f16};
use ptqk::dispatch;
use ptqk::formats::{CB4, E4M3, E5M2, FloatFormat};
use ptqk::kernels::{
    Affine, Bins, Codebook, Counters, FixedScale, FloatDecoding, FloatEncoding, FloatScale,
    GridBins, Kernels, PowerRounding, TableCoding,
};
use ptqk::params::elementwise::Rounding;
use std::hint::black_box;
use std::num::NonZeroUsize;

/// Input and output of all cases of a size, as any type. What is read stays as it was made.
struct Buffers {
    floats: Vec<f32>,
    more: Vec<f32>,
    bytes: Vec<u8>,
    words: Vec<u16>,
    ints: Vec<i32>,
    /// What is written, or changed in place.
    out: Vec<f32>,
}

impl Buffers {
    /// For cases that read so many bytes.
    fn new(read: usize) -> Self {
        let floats = floats(read / 4);
        Self {
            more: floats.iter().map(|x| x.abs() + 0.001).collect(),
            // No byte is NaN in E4M3.
            bytes: (0..read).map(|i| (i * 37) as u8 & 0x77).collect(),
            // Both signs, no NaN in f16.
            words: (0..read / 2).map(|i| (i * 31) as u16 & 0xBFFF).collect(),
            ints: (0..read / 4).map(|i| ((i * 7919) as i32).wrapping_mul(65_537) >> 13).collect(),
            // Codes are decoded to four times their bytes.
            out: floats.iter().copied().cycle().take(read).collect(),
            floats,
        }
    }

    fn restore(&mut self) {
        for out in self.out.chunks_mut(self.floats.len()) {
            out.copy_from_slice(&self.floats);
        }
    }
}

/// The codes among what is written.
fn codes<T: bytemuck::Pod>(out: &mut [f32]) -> &mut [T] {
    bytemuck::cast_slice_mut(out)
}

/// A kernel: its name, the bits of an element that it reads and writes, its body.
struct Case {
    name: &'static str,
    read: usize,
    write: usize,
    run: fn(&Kernels, &mut Buffers, usize),
}

const WHOLE: NonZeroUsize = NonZeroUsize::MAX;
const GROUP: NonZeroUsize = NonZeroUsize::new(128).unwrap();

fn affine<'a>(scale: &'a [f32], zero_point: &'a [i32], group: NonZeroUsize) -> Affine<'a> {
    let (min, max, rounding) = (-65536, 65535, Rounding::AfterRounding);
    Affine {
        group,
        scale,
        reciprocal: &[],
        zero_point,
        zero_point_all: 0,
        rounding,
        min,
        max,
        bounded: false,
    }
}

fn i8_range<'a>(scale: &'a [f32], zero_point: &'a [i32], group: NonZeroUsize) -> Affine<'a> {
    Affine { min: -128, max: 127, ..affine(scale, zero_point, group) }
}

fn u8_range<'a>(scale: &'a [f32], zero_point: &'a [i32], group: NonZeroUsize) -> Affine<'a> {
    Affine { min: 0, max: 255, ..affine(scale, zero_point, group) }
}

fn i16_range<'a>(scale: &'a [f32]) -> Affine<'a> {
    Affine { min: -32768, max: 32767, ..affine(scale, &[], WHOLE) }
}

/// Saturating.
fn encoding(format: FloatFormat, scale: &[f32], group: NonZeroUsize) -> FloatEncoding<'_> {
    FloatEncoding { format, limit: format.max(), nan: 0x7F, group, scale, bounded: true }
}

fn decoding(format: FloatFormat, scale: &[f32], group: NonZeroUsize) -> FloatDecoding<'_> {
    FloatDecoding { format, group, scale }
}

/// The speed does not depend on the thresholds.
fn table(scale: &[f32], group: NonZeroUsize) -> TableCoding<'_> {
    TableCoding { thresholds: CB4, values: CB4, group, scale, bounded: true }
}

const HISTOGRAM_BINS: usize = 2048;

/// 2048 bins that hold all of `floats`.
fn histogram(k: &Kernels, src: &[f32]) {
    let edges: [f32; HISTOGRAM_BINS + 1] = std::array::from_fn(|i| (i as f32 / 1024.0 - 1.0) * 0.1);
    let mut counts = [Counters::default(); HISTOGRAM_BINS];
    let bins = Bins { edges: &edges, inverse: 10240.0, slack: 1e-3 };
    k.histogram(src, &bins, &mut counts);
    black_box(counts);
}

fn histogram_grid(k: &Kernels, src: &[f32]) {
    let mut counts = [Counters::default(); HISTOGRAM_BINS];
    k.histogram_grid(
        src,
        &GridBins { width: 1.0 / 8192.0, inverse: 8192.0, first: -1024 },
        &mut counts,
    );
    black_box(counts);
}

/// Four rows that lie one after the other.
fn rows_of<T>(x: &[T]) -> [&[T]; 4] {
    let quarter = x.len() / 4;
    [0, 1, 2, 3].map(|i| &x[i * quarter..(i + 1) * quarter])
}

const CASES: &[Case] = &[
    Case {
        name: "encode_e4m3",
        read: 32,
        write: 8,
        run: |k, b, n| {
            k.encode_float(
                &b.floats[..n],
                &encoding(E4M3, &[], WHOLE),
                &mut codes(&mut b.out)[..n],
            );
        },
    },
    Case {
        name: "encode_e5m2",
        read: 32,
        write: 8,
        run: |k, b, n| {
            k.encode_float(
                &b.floats[..n],
                &encoding(E5M2, &[], WHOLE),
                &mut codes(&mut b.out)[..n],
            );
        },
    },
    Case {
        name: "encode_e4m3_group128",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = encoding(E4M3, &b.more[..n / 128], GROUP);
            k.encode_float(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "decode_e4m3",
        read: 8,
        write: 32,
        run: |k, b, n| {
            k.decode_float(&b.bytes[..n], &decoding(E4M3, &[], WHOLE), &mut b.out[..n]);
        },
    },
    Case {
        name: "decode_e5m2",
        read: 8,
        write: 32,
        run: |k, b, n| {
            k.decode_float(&b.bytes[..n], &decoding(E5M2, &[], WHOLE), &mut b.out[..n]);
        },
    },
    Case {
        name: "decode_e4m3_group128",
        read: 8,
        write: 32,
        run: |k, b, n| {
            let from = decoding(E4M3, &b.more[..n / 128], GROUP);
            k.decode_float(&b.bytes[..n], &from, &mut b.out[..n]);
        },
    },
    Case {
        name: "encode_e4m3_group32",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = encoding(E4M3, &b.more[..n / 32], NonZeroUsize::new(32).unwrap());
            k.encode_float(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "encode_codebook_u8",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let values: Vec<f32> = (0..256).map(|i| (i as f32 - 128.0) / 100.0).collect();
            let to = Codebook { values: &values, group: WHOLE, scale: &[] };
            k.encode_codebook_u8(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "decode_codebook_u8",
        read: 8,
        write: 32,
        run: |k, b, n| {
            let values: Vec<f32> = (0..256).map(|i| (i as f32 - 128.0) / 100.0).collect();
            let from = Codebook { values: &values, group: WHOLE, scale: &[] };
            k.decode_codebook_u8(&b.bytes[..n], &from, &mut b.out[..n]);
        },
    },
    Case {
        name: "encode_power",
        read: 32,
        write: 8,
        run: |k, b, n| {
            k.encode_power(&b.more[..n], PowerRounding::Up, 254, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "decode_power",
        read: 8,
        write: 32,
        run: |k, b, n| k.decode_power(&b.bytes[..n], &mut b.out[..n]),
    },
    Case {
        name: "fake_convert",
        read: 32,
        write: 32,
        run: |k, b, n| {
            k.fake_convert(&mut b.out[..n], 1.5, 0.0, &encoding(E4M3, &[], WHOLE));
        },
    },
    Case {
        name: "noise",
        read: 32,
        write: 32,
        run: |k, b, n| k.noise(7, 0, &mut codes(&mut b.out)[..n]),
    },
    Case {
        name: "dither",
        read: 64,
        write: 32,
        run: |k, b, n| {
            let noise = bytemuck::cast_slice(&b.ints[..n]);
            k.dither(&mut b.out[..n], noise, 3, 121);
        },
    },
    Case {
        name: "pack_6",
        read: 8,
        write: 6,
        run: |k, b, n| k.pack_6(&b.bytes[..n], &mut codes(&mut b.out)[..n / 4 * 3]),
    },
    Case {
        name: "unpack_6",
        read: 6,
        write: 8,
        run: |k, b, n| {
            let n = n / 4 * 4;
            k.unpack_6(&b.bytes[..n / 4 * 3], &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "encode_table_group64",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = table(&b.more[..n / 64], NonZeroUsize::new(64).unwrap());
            k.encode_table(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "decode_table_group64",
        read: 8,
        write: 32,
        run: |k, b, n| {
            let from = table(&b.more[..n / 64], NonZeroUsize::new(64).unwrap());
            k.decode_table(&b.bytes[..n], &from, &mut b.out[..n]);
        },
    },
    Case {
        name: "quantize_i8",
        read: 32,
        write: 8,
        run: |k, b, n| {
            k.quantize_i8(
                &b.floats[..n],
                &i8_range(&[0.0011], &[], WHOLE),
                &mut codes(&mut b.out)[..n],
            );
        },
    },
    Case {
        name: "quantize_u8_before",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to =
                Affine { rounding: Rounding::BeforeRounding, ..u8_range(&[0.0011], &[119], WHOLE) };
            k.quantize_u8(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "quantize_i8_bounded",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = Affine { bounded: true, ..i8_range(&[0.0011], &[], WHOLE) };
            k.quantize_i8(&b.floats[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "quantize_i8_group128",
        read: 32,
        write: 8,
        run: |k, b, n| {
            k.quantize_i8(
                &b.floats[..n],
                &i8_range(&b.more[..n / 128], &[], GROUP),
                &mut codes(&mut b.out)[..n],
            );
        },
    },
    Case {
        name: "quantize_i8_group32",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let group = NonZeroUsize::new(32).unwrap();
            k.quantize_i8(
                &b.floats[..n],
                &i8_range(&b.more[..n / 32], &[], group),
                &mut codes(&mut b.out)[..n],
            );
        },
    },
    Case {
        name: "quantize_i16",
        read: 32,
        write: 16,
        run: |k, b, n| {
            k.quantize_i16(&b.floats[..n], &i16_range(&[0.00001]), &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "quantize_columns_i8",
        read: 32,
        write: 8,
        run: |k, b, n| {
            // One row after another with 1024 scales, as in a matrix of 1024 columns.
            let reciprocal: Vec<f32> = b.more[..1024].iter().map(|s| 1.0 / s).collect();
            let to = Affine { reciprocal: &reciprocal, ..i8_range(&b.more[..1024], &[], WHOLE) };
            let out: &mut [i8] = &mut codes(&mut b.out)[..n];
            for (x, q) in b.floats[..n].chunks(1024).zip(out.chunks_mut(1024)) {
                k.quantize_columns_i8(x, &to, q);
            }
        },
    },
    Case {
        name: "dequantize_i8",
        read: 8,
        write: 32,
        run: |k, b, n| {
            k.dequantize_i8(
                bytemuck::cast_slice(&b.bytes[..n]),
                &affine(&[0.0011], &[], WHOLE),
                &mut b.out[..n],
            );
        },
    },
    Case {
        name: "dequantize_u8_group128",
        read: 8,
        write: 32,
        run: |k, b, n| {
            k.dequantize_u8(
                &b.bytes[..n],
                &affine(&b.more[..n / 128], &[], GROUP),
                &mut b.out[..n],
            );
        },
    },
    Case {
        name: "dequantize_i16",
        read: 16,
        write: 32,
        run: |k, b, n| {
            k.dequantize_i16(
                bytemuck::cast_slice(&b.words[..n]),
                &affine(&[0.0011], &[], WHOLE),
                &mut b.out[..n],
            );
        },
    },
    Case {
        name: "fake_quantize",
        read: 32,
        write: 32,
        run: |k, b, n| {
            k.fake_quantize(&mut b.out[..n], -0.1, 0.1, 256);
        },
    },
    Case {
        name: "widen_f16",
        read: 16,
        write: 32,
        run: |k, b, n| {
            k.widen_f16(bytemuck::cast_slice::<u16, f16>(&b.words[..n]), &mut b.out[..n]);
        },
    },
    Case {
        name: "widen_bf16",
        read: 16,
        write: 32,
        run: |k, b, n| {
            k.widen_bf16(bytemuck::cast_slice::<u16, bf16>(&b.words[..n]), &mut b.out[..n]);
        },
    },
    Case {
        name: "narrow_f16",
        read: 32,
        write: 16,
        run: |k, b, n| {
            k.narrow_f16(&b.floats[..n], &mut codes::<f16>(&mut b.out)[..n]);
        },
    },
    Case {
        name: "narrow_bf16",
        read: 32,
        write: 16,
        run: |k, b, n| {
            k.narrow_bf16(&b.floats[..n], &mut codes::<bf16>(&mut b.out)[..n]);
        },
    },
    Case {
        name: "min_max",
        read: 32,
        write: 0,
        run: |k, b, n| {
            let (mut min, mut max) = ([0.0], [0.0]);
            k.min_max(&b.floats[..n], WHOLE, &mut min, &mut max);
            black_box((min, max));
        },
    },
    Case {
        name: "histogram_2048",
        read: 32,
        write: 0,
        run: |k, b, n| histogram(k, &b.floats[..n]),
    },
    Case {
        name: "histogram_grid_2048",
        read: 32,
        write: 0,
        run: |k, b, n| histogram_grid(k, &b.floats[..n]),
    },
    Case {
        name: "min_max_group128",
        read: 32,
        write: 0,
        run: |k, b, n| {
            let (min, max) = b.out[..n / 64].split_at_mut(n / 128);
            k.min_max(&b.floats[..n], GROUP, min, max);
        },
    },
    Case {
        name: "min_max_bf16",
        read: 16,
        write: 0,
        run: |k, b, n| {
            let (mut min, mut max) = ([0.0], [0.0]);
            k.min_max_bf16(
                bytemuck::cast_slice::<u16, bf16>(&b.words[..n]),
                WHOLE,
                &mut min,
                &mut max,
            );
            black_box((min, max));
        },
    },
    Case {
        name: "min_max_f16_group128",
        read: 16,
        write: 0,
        run: |k, b, n| {
            let (min, max) = b.out[..n / 64].split_at_mut(n / 128);
            k.min_max_f16(bytemuck::cast_slice::<u16, f16>(&b.words[..n]), GROUP, min, max);
        },
    },
    Case {
        name: "abs_max_bf16",
        read: 16,
        write: 0,
        run: |k, b, n| {
            black_box(k.abs_max_bf16(bytemuck::cast_slice::<u16, bf16>(&b.words[..n])));
        },
    },
    Case {
        name: "abs_max",
        read: 32,
        write: 0,
        run: |k, b, n| {
            black_box(k.abs_max(&b.floats[..n]));
        },
    },
    Case {
        name: "sum",
        read: 32,
        write: 0,
        run: |k, b, n| {
            black_box(k.sum(&b.floats[..n]));
        },
    },
    Case {
        name: "squared_distance",
        read: 64,
        write: 0,
        run: |k, b, n| {
            black_box(k.squared_distance(&b.floats[..n], &b.more[..n]));
        },
    },
    Case {
        name: "min_max_columns",
        read: 32,
        write: 0,
        run: |k, b, n| {
            let (min, max) = b.out[..2048].split_at_mut(1024);
            b.floats[..n].chunks(4096).for_each(|x| k.min_max_columns(x, 1024, min, max));
        },
    },
    Case {
        name: "sum_columns",
        read: 32,
        write: 0,
        run: |k, b, n| {
            b.floats[..n].chunks(4096).for_each(|x| k.sum_columns(x, 1024, &mut b.out[..1024]));
        },
    },
    Case {
        name: "multiply_rows_8",
        read: 32,
        write: 0,
        run: |k, b, n| {
            for x in b.floats[..n].chunks_exact(32 * 64) {
                k.multiply_rows(&b.more[..8 * 64], x, &mut b.out[..8 * 32]);
            }
        },
    },
    Case {
        name: "dot",
        read: 64,
        write: 0,
        run: |k, b, n| {
            black_box(k.dot(&b.floats[..n], &b.more[..n]));
        },
    },
    Case {
        name: "dot_rows",
        read: 32,
        write: 0,
        run: |k, b, n| {
            for x in b.floats[..n].chunks_exact(4096) {
                black_box(k.dot_rows(rows_of(x), &b.more[..1024]));
            }
        },
    },
    Case {
        name: "dot_rows_f16",
        read: 16,
        write: 0,
        run: |k, b, n| {
            for x in b.words[..n].chunks_exact(4096) {
                black_box(k.dot_rows_f16(rows_of(bytemuck::cast_slice(x)), &b.more[..1024]));
            }
        },
    },
    Case {
        name: "dot_rows_u8",
        read: 8,
        write: 0,
        run: |k, b, n| {
            for x in b.bytes[..n].chunks_exact(4096) {
                black_box(k.dot_rows_u8(rows_of(x), [100; 4], &b.more[..1024]));
            }
        },
    },
    Case {
        name: "add_scaled_rows",
        read: 32,
        write: 0,
        run: |k, b, n| {
            for x in b.floats[..n].chunks_exact(4096) {
                k.add_scaled_rows(&[1e-9; 4], &rows_of(x), &mut b.out[..1024]);
            }
        },
    },
    Case {
        name: "add_scaled_rows_f16",
        read: 16,
        write: 0,
        run: |k, b, n| {
            for x in b.words[..n].chunks_exact(4096) {
                let x = rows_of(bytemuck::cast_slice(x));
                k.add_scaled_rows_f16(&[1e-9; 4], &x, &mut b.out[..1024]);
            }
        },
    },
    Case {
        name: "add_scaled_rows_u8",
        read: 8,
        write: 0,
        run: |k, b, n| {
            for x in b.bytes[..n].chunks_exact(4096) {
                k.add_scaled_rows_u8(&[1e-9; 4], &rows_of(x), &[100; 4], &mut b.out[..1024]);
            }
        },
    },
    Case {
        name: "multiply_vector_u8_8",
        read: 8,
        write: 0,
        run: |k, b, n| {
            for codes in b.bytes[..n].chunks(4096) {
                let rows = codes.len() / 8;
                let (h, scale) = (&b.floats[..8], &b.more[..rows]);
                k.multiply_vector_u8(h, codes, &[], scale, &mut b.out[..rows]);
            }
        },
    },
    Case {
        name: "add_scaled",
        read: 64,
        write: 32,
        run: |k, b, n| k.add_scaled(0.5, &b.floats[..n], &mut b.out[..n]),
    },
    Case {
        name: "pack_4",
        read: 8,
        write: 4,
        run: |k, b, n| {
            k.pack_4(&b.bytes[..n], &mut codes(&mut b.out)[..n / 2]);
        },
    },
    Case {
        name: "unpack_u4",
        read: 4,
        write: 8,
        run: |k, b, n| {
            k.unpack_u4(&b.bytes[..n / 2], &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "unpack_i4",
        read: 4,
        write: 8,
        run: |k, b, n| {
            k.unpack_i4(&b.bytes[..n / 2], &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "pack_3",
        read: 8,
        write: 3,
        run: |k, b, n| {
            k.pack_3(&b.bytes[..n], &mut codes(&mut b.out)[..n / 8 * 3]);
        },
    },
    Case {
        name: "unpack_3",
        read: 3,
        write: 8,
        run: |k, b, n| {
            k.unpack_3(&b.bytes[..n / 8 * 3], &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "pack_2",
        read: 8,
        write: 2,
        run: |k, b, n| {
            k.pack_2(&b.bytes[..n], &mut codes(&mut b.out)[..n / 4]);
        },
    },
    Case {
        name: "unpack_2",
        read: 2,
        write: 8,
        run: |k, b, n| {
            k.unpack_2(&b.bytes[..n / 4], &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "requantize_i8",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = FloatScale { scale: &[0.001], zero_point: 3, min: -128, max: 127 };
            k.requantize_i8(&b.ints[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
    Case {
        name: "requantize_fixed_i8",
        read: 32,
        write: 8,
        run: |k, b, n| {
            let to = FixedScale {
                multiplier: &[1_234_567_890],
                shift: &[-9],
                single_rounding: false,
                zero_point: 3,
                min: -128,
                max: 127,
            };
            k.requantize_fixed_i8(&b.ints[..n], &to, &mut codes(&mut b.out)[..n]);
        },
    },
];

fn kernels(c: &mut Criterion) {
    for (size, bytes) in sizes() {
        let mut b = Buffers::new(bytes);
        for case in CASES {
            let n = bytes * 8 / case.read / 1024 * 1024;
            let name = format!("{}_{size}", case.name);
            let mut group = group(c, &name, n * case.read / 8, n * case.write / 8);
            for k in dispatch::available() {
                // Scalar is the specification, not a competitor; its large sizes take long.
                let isa = format!("{:?}", k.isa()).to_lowercase();
                if isa == "scalar" && bytes > 1 << 20 {
                    continue;
                }
                group.bench_function(&isa, |bench| {
                    b.restore();
                    bench.iter(|| (case.run)(k, &mut b, n));
                });
            }
            group.finish();
        }
    }
}

fn main() {
    started();
    let mut c = criterion();
    kernels(&mut c);
    c.final_summary();
    print_shares();
}
