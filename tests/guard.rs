//! In bounds: every kernel of every table, and the functions over whole matrices, on buffers that
//! end or begin at a page without access. A kernel that is wrong on purpose must be caught.

#![cfg(all(
    unix,
    feature = "convert",
    feature = "gptq",
    feature = "lora",
    feature = "range",
    feature = "requantize",
    feature = "weights"
))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;
#[path = "common/tables.rs"]
mod tables;

use calls::*;
use half::{bf16, f16};
use ptqk::dispatch;
use ptqk::ffi::Ctx;
use ptqk::formats::{self, FloatFormat};
use ptqk::kernels::{
    Affine, Bins, Codebook, FixedScale, FloatDecoding, FloatEncoding, FloatScale, GridBins,
    Kernels, LevelGrid, PowerRounding, TableCoding,
};
use ptqk::params::elementwise::Rounding;
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::ptr;
use tables::on_every_table;

const LEVELS: LevelGrid =
    LevelGrid { scale: [0.5; 32], inverse: [2.0; 32], low: [-8.0; 32], high: [7.0; 32] };

/// Pages between two pages without access.
struct Guarded {
    map: *mut u8,
    page: usize,
    bytes: usize,
}

impl Guarded {
    fn new(bytes: usize) -> Self {
        // SAFETY: plain calls; the results are checked.
        unsafe {
            let page = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap();
            let bytes = bytes.next_multiple_of(page);
            let (none, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let map = libc::mmap(ptr::null_mut(), bytes + 2 * page, none, flags, -1, 0);
            assert_ne!(map, libc::MAP_FAILED);
            let open = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(map.byte_add(page), bytes, open), 0);
            Self { map: map.cast(), page, bytes }
        }
    }

    fn start(&self) -> *mut u8 {
        // SAFETY: within the mapping.
        unsafe { self.map.add(self.page) }
    }

    fn end(&self) -> *mut u8 {
        // SAFETY: within the mapping.
        unsafe { self.start().add(self.bytes) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`.
        assert_eq!(unsafe { libc::munmap(self.map.cast(), self.bytes + 2 * self.page) }, 0);
    }
}

/// Where buffers lie.
#[derive(Clone, Copy, Debug)]
enum At {
    /// They end at the page without access.
    End,
    /// They begin so many elements after the page without access.
    Start(usize),
}

/// Places the buffers of one kernel call after the other, each in pages of its own.
struct Places {
    maps: Vec<Guarded>,
    /// Random bytes; all ones in between make NaN.
    noise: Vec<u8>,
    at: At,
    used: usize,
    outputs: Vec<(usize, usize, usize)>,
}

/// The most elements of a call, of at most four bytes.
const MOST: usize = 4200;

const PAINT: u8 = 0xA7;

/// Bytes around an output that must stay as they are.
const MARGIN: usize = 64;

impl Places {
    fn new() -> Self {
        let mut rng = Lcg::new(1);
        let noise = (0..4 * MOST).map(|_| if rng.below(9) == 0 { 0xFF } else { rng.bits() as u8 });
        let maps = (0..8).map(|_| Guarded::new(4 * MOST + 4096)).collect();
        Self { maps, noise: noise.collect(), at: At::End, used: 0, outputs: Vec::new() }
    }

    fn begin(&mut self, at: At) {
        (self.at, self.used) = (at, 0);
        self.outputs.clear();
    }

    /// A place for `n` elements; no two of a call have the same offset.
    fn place<T>(&mut self, n: usize) -> (*mut T, usize) {
        let (map, bytes) = (self.used, n * size_of::<T>());
        self.used += 1;
        let guarded = &self.maps[map];
        let at = match self.at {
            At::End => guarded.end().wrapping_sub(bytes),
            At::Start(0) => guarded.start(),
            At::Start(offset) => {
                guarded.start().wrapping_add((offset * (2 * map + 1) + map) % 16 * size_of::<T>())
            }
        };
        (at.cast(), map)
    }

    /// An input of any bits.
    fn noise<T: bytemuck::AnyBitPattern>(&mut self, n: usize) -> &'static [T] {
        let bytes = n * size_of::<T>();
        let (at, _) = self.place::<T>(n);
        // SAFETY: the mapping has room, and lives until the places are dropped.
        unsafe {
            ptr::copy_nonoverlapping(self.noise.as_ptr(), at.cast(), bytes);
            std::slice::from_raw_parts(at, n)
        }
    }

    /// An input of values that are allowed.
    fn input<T: Copy>(&mut self, n: usize, f: impl Fn(usize) -> T) -> &'static [T] {
        let (at, _) = self.place::<T>(n);
        // SAFETY: as above.
        unsafe {
            (0..n).for_each(|i| at.add(i).write(f(i)));
            std::slice::from_raw_parts(at, n)
        }
    }

    /// An output, painted with its surroundings.
    fn output<T: bytemuck::AnyBitPattern>(&mut self, n: usize) -> &'static mut [T] {
        let (at, map) = self.place::<T>(n);
        let (start, end) = (at.addr(), at.addr() + n * size_of::<T>());
        self.outputs.push((map, start, end));
        let (from, to) = self.around(map, start, end);
        // SAFETY: as above; outputs have mappings of their own.
        unsafe {
            from.write_bytes(PAINT, to - from.addr());
            std::slice::from_raw_parts_mut(at, n)
        }
    }

    fn around(&self, map: usize, start: usize, end: usize) -> (*mut u8, usize) {
        let map = &self.maps[map];
        let from = start.saturating_sub(MARGIN).max(map.start().addr());
        let to = (end + MARGIN).min(map.end().addr());
        (map.start().with_addr(from), to)
    }

    /// Whether only the outputs were written.
    fn margins_hold(&self) -> bool {
        self.outputs.iter().all(|&(map, start, end)| {
            let (from, to) = self.around(map, start, end);
            (from.addr()..to)
                .filter(|at| !(start..end).contains(at))
                // SAFETY: within the mapping.
                .all(|at| unsafe { from.with_addr(at).read() } == PAINT)
        })
    }

    fn scales(&mut self, n: usize) -> &'static [f32] {
        self.input(n, |i| [0.5, -0.037, 1e-30, 3e20, 1e-3][i % 5])
    }

    /// The scales of groups.
    fn groups(&mut self, n: usize, group: NonZeroUsize) -> &'static [f32] {
        self.scales(n.div_ceil(group.get()))
    }

    fn table(&mut self, n: usize, group: NonZeroUsize, bounded: bool) -> TableCoding<'static> {
        let thresholds = std::array::from_fn(|i| [0.0, 0.5, -2.0][i % 3]);
        let scale = self.groups(n, group);
        TableCoding { thresholds, values: formats::CB4, group, scale, bounded }
    }

    fn affine(&mut self, n: usize, group: NonZeroUsize) -> Affine<'static> {
        let count = n.div_ceil(group.get());
        let scale = self.scales(count);
        let zero_point = self.input(count, |i| (i % 3) as i32 + 1);
        let rounding = [Rounding::AfterRounding, Rounding::BeforeRounding][n % 2];
        let (zero_point_all, min, max, bounded, reciprocal) = (0, 0, 100, false, &[]);
        Affine { group, scale, reciprocal, zero_point, zero_point_all, rounding, min, max, bounded }
    }
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const GROUPS: [NonZeroUsize; 4] = [
    NonZeroUsize::new(3).unwrap(),
    NonZeroUsize::new(32).unwrap(),
    NonZeroUsize::new(100).unwrap(),
    NonZeroUsize::MAX,
];

type Case = (&'static str, fn(&Kernels, usize, &mut Places));

macro_rules! case {
    ($name:ident, |$k:ident, $n:ident, $p:ident| $body:expr) => {
        (stringify!($name), |$k: &Kernels, $n: usize, $p: &mut Places| {
            let _ = $body;
        })
    };
}

/// Groups of several sizes, of any values.
macro_rules! groups {
    ($name:ident) => {
        case!($name, |k, n, p| for group in GROUPS {
            p.used = 0;
            let affine = p.affine(n, group);
            k.$name(p.noise(n), &affine, p.output(n));
        })
    };
}

/// A group per element, of any values.
macro_rules! columns {
    ($name:ident) => {
        case!($name, |k, n, p| {
            let affine = p.affine(n, ONE);
            k.$name(p.noise(n), &affine, p.output(n));
        })
    };
}

/// As `groups` or `columns`, and once more with values that are known to be small.
macro_rules! quantize {
    ($name:ident, $groups:expr) => {
        case!($name, |k, n, p| for (group, bounded) in $groups {
            p.used = 0;
            let mut affine = Affine { bounded, ..p.affine(n, group) };
            if group == ONE && n % 3 == 0 {
                affine.scale = p.input(n, |i| [0.5, -0.037, 1e-20][i % 3]);
                affine.reciprocal = p.input(n, |i| [2.0, 1.0 / -0.037, 1e20][i % 3]);
            }
            let src = if bounded { p.input(n, |i| i as f32 * 1e-30) } else { p.noise(n) };
            k.$name(src, &affine, p.output(n));
        })
    };
}

const BOUNDED: [(NonZeroUsize, bool); 8] = {
    let [a, b, c, d] = GROUPS;
    [(a, false), (b, false), (c, false), (d, false), (a, true), (b, true), (c, true), (d, true)]
};

macro_rules! extremes {
    ($name:ident) => {
        case!($name, |k, n, p| for group in GROUPS {
            p.used = 0;
            let count = n.div_ceil(group.get());
            k.$name(p.noise(n), group, p.output(count), p.output(count));
        })
    };
}

macro_rules! float {
    ($name:ident, $zero_point:literal, $min:literal, $max:literal) => {
        case!($name, |k, n, p| for count in [1, n] {
            p.used = 0;
            let scale = p.input(count, |i| [1e-3, 0.5, -1e30][i % 3]);
            let to = FloatScale { scale, zero_point: $zero_point, min: $min, max: $max };
            k.$name(p.noise(n), &to, p.output(n));
        })
    };
}

macro_rules! fixed {
    ($name:ident, $zero_point:literal, $min:literal, $max:literal) => {
        case!($name, |k, n, p| for (count, single_rounding) in
            [(1, true), (1, false), (n, true), (n, false)]
        {
            p.used = 0;
            let multiplier = p.input(count, |i| i32::MAX >> (i % 3));
            let shift = p.input(count, |i| (i % 62) as i32 - 31);
            let (zero_point, min, max) = ($zero_point, $min, $max);
            let to = FixedScale { multiplier, shift, single_rounding, zero_point, min, max };
            k.$name(p.noise(n), &to, p.output(n));
        })
    };
}

/// Groups of several sizes, and a codebook whose values end at the page, too.
macro_rules! codebook {
    ($name:ident, $values:literal) => {
        case!($name, |k, n, p| for group in GROUPS {
            for values in [2, 3, $values] {
                p.used = 0;
                let values = p.input(values, |i| i as f32 * 0.37 - 9.0);
                let codebook = Codebook { values, group, scale: p.groups(n, group) };
                k.$name(p.noise(n), &codebook, p.output(n));
            }
        })
    };
}

/// A format of each kind of specials.
const FORMATS: [FloatFormat; 4] = [formats::E4M3, formats::E5M2, formats::E5M2_FNUZ, formats::E2M1];

/// A cast that saturates.
fn cast(format: FloatFormat) -> FloatEncoding<'static> {
    let (group, limit) = (NonZeroUsize::MAX, format.max());
    FloatEncoding { format, limit, nan: format.largest(), group, scale: &[], bounded: false }
}

const CASES: &[Case] = &[
    case!(widen_f16, |k, n, p| k.widen_f16(p.noise(n), p.output(n))),
    case!(widen_bf16, |k, n, p| k.widen_bf16(p.noise(n), p.output(n))),
    case!(narrow_f16, |k, n, p| k.narrow_f16(p.noise(n), p.output::<f16>(n))),
    case!(narrow_bf16, |k, n, p| k.narrow_bf16(p.noise(n), p.output::<bf16>(n))),
    quantize!(quantize_i8, BOUNDED),
    quantize!(quantize_u8, BOUNDED),
    quantize!(quantize_i16, BOUNDED),
    quantize!(quantize_u16, BOUNDED),
    quantize!(quantize_columns_i8, [(ONE, false), (ONE, true)]),
    quantize!(quantize_columns_u8, [(ONE, false), (ONE, true)]),
    quantize!(quantize_columns_i16, [(ONE, false), (ONE, true)]),
    quantize!(quantize_columns_u16, [(ONE, false), (ONE, true)]),
    groups!(dequantize_i8),
    groups!(dequantize_u8),
    groups!(dequantize_i16),
    groups!(dequantize_u16),
    columns!(dequantize_columns_i8),
    columns!(dequantize_columns_u8),
    columns!(dequantize_columns_i16),
    columns!(dequantize_columns_u16),
    case!(encode_float, |k, n, p| for (group, bounded) in BOUNDED {
        for format in FORMATS {
            p.used = 0;
            let scale = if group == NonZeroUsize::MAX && n.is_multiple_of(2) {
                &[]
            } else {
                p.groups(n, group)
            };
            let (limit, nan) = (format.max(), format.nan().unwrap_or(1));
            let to = FloatEncoding { format, limit, nan, group, scale, bounded };
            let src = if bounded { p.input(n, |i| i as f32 * 1e-30) } else { p.noise(n) };
            k.encode_float(src, &to, p.output(n));
        }
    }),
    case!(decode_float, |k, n, p| for (format, group) in FORMATS.into_iter().zip(GROUPS) {
        p.used = 0;
        let from = FloatDecoding { format, group, scale: p.groups(n, group) };
        k.decode_float(p.noise(n), &from, p.output(n));
    }),
    case!(encode_table, |k, n, p| for (group, bounded) in BOUNDED {
        p.used = 0;
        let coding = p.table(n, group, bounded);
        let src = if bounded { p.input(n, |i| i as f32 * 1e-30) } else { p.noise(n) };
        k.encode_table(src, &coding, p.output(n));
    }),
    case!(decode_table, |k, n, p| for group in GROUPS {
        p.used = 0;
        let coding = p.table(n, group, false);
        k.decode_table(p.noise(n), &coding, p.output(n));
    }),
    codebook!(encode_codebook_u8, 256),
    codebook!(encode_codebook_u16, 300),
    codebook!(decode_codebook_u8, 100),
    codebook!(decode_codebook_u16, 300),
    case!(divide_columns, |k, n, p| k.divide_columns(p.noise(n), p.scales(n), p.output(n))),
    case!(multiply_columns, |k, n, p| k.multiply_columns(p.output(n), p.scales(n))),
    case!(fake_convert, |k, n, p| for format in FORMATS {
        p.used = 0;
        let shift = [0.0, 0.5][n % 2];
        k.fake_convert(p.output(n), [3.0, 1e30][n / 2 % 2], shift, &cast(format));
    }),
    case!(fake_convert_columns, |k, n, p| for format in FORMATS {
        p.used = 0;
        let shift = p.input(n, |i| i as f32);
        k.fake_convert_columns(p.output(n), p.scales(n), shift, &cast(format));
    }),
    case!(encode_power, |k, n, p| for rounding in
        [PowerRounding::Nearest, PowerRounding::Up, PowerRounding::Down]
    {
        p.used = 0;
        k.encode_power(p.noise(n), rounding, 254, p.output(n));
    }),
    case!(decode_power, |k, n, p| k.decode_power(p.noise(n), p.output(n))),
    case!(noise, |k, n, p| for first in 0..4 {
        p.used = 0;
        k.noise(7, first, p.output(n));
    }),
    case!(dither, |k, n, p| for (mantissa_bits, smallest) in [(3, 121), (10, 113), (7, 1)] {
        p.used = 0;
        k.dither(p.output(n), p.noise(n), mantissa_bits, smallest);
    }),
    case!(saturate, |k, n, p| k.saturate(p.output(n), 1e-15)),
    case!(fake_quantize, |k, n, p| k.fake_quantize(p.output(n), -3e-15, 1e-15, 255)),
    case!(fake_quantize_columns, |k, n, p| {
        let (low, high) = (p.input(n, |i| -(i as f32)), p.input(n, |i| i as f32));
        k.fake_quantize_columns(p.output(n), low, high, 16)
    }),
    extremes!(min_max),
    extremes!(min_max_f16),
    extremes!(min_max_bf16),
    case!(abs_max, |k, n, p| k.abs_max(p.noise(n))),
    case!(abs_max_f16, |k, n, p| k.abs_max_f16(p.noise(n))),
    case!(abs_max_bf16, |k, n, p| k.abs_max_bf16(p.noise(n))),
    case!(min_max_columns, |k, n, p| {
        k.min_max_columns(p.noise(n), n - n / 2, p.output(n / 2), p.output(n / 2))
    }),
    case!(abs_max_columns, |k, n, p| k.abs_max_columns(p.noise(n), n - n / 2, p.output(n / 2))),
    case!(histogram, |k, n, p| for inverse in [1.0, 0.0] {
        p.used = 0;
        let bins = Bins { edges: p.input(18, |i| i as f32), inverse, slack: 0.25 };
        k.histogram(p.noise(n), &bins, p.output(17))
    }),
    case!(histogram_grid, |k, n, p| {
        k.histogram_grid(
            p.noise(n),
            &GridBins { width: 0.5, inverse: 2.0, first: -3 },
            p.output(17),
        )
    }),
    case!(sum, |k, n, p| k.sum(p.noise(n))),
    case!(sum_f16, |k, n, p| k.sum_f16(p.noise(n))),
    case!(sum_bf16, |k, n, p| k.sum_bf16(p.noise(n))),
    case!(sum_squares, |k, n, p| k.sum_squares(p.noise(n), 0.5)),
    case!(squared_distance, |k, n, p| k.squared_distance(p.noise(n), p.noise(n))),
    case!(sum_columns, |k, n, p| k.sum_columns(p.noise(n), n - n / 2, p.output(n / 2))),
    case!(sum_squares_columns, |k, n, p| {
        k.sum_squares_columns(p.noise(n), n - n / 2, p.noise(n / 2), p.output(n / 2))
    }),
    case!(sum_weighted_squares, |k, n, p| {
        let (rows, acc) = (n % 37, p.output(32).first_chunk_mut().unwrap());
        k.sum_weighted_squares(p.noise(32 * rows), p.noise(32 * rows), p.noise(rows), acc)
    }),
    case!(sum_level_errors, |k, n, p| {
        let (rows, acc) = (n % 37, p.output(32).first_chunk_mut().unwrap());
        k.sum_level_errors(p.noise(32 * rows), p.noise(rows), &LEVELS, acc)
    }),
    case!(multiply_rows, |k, n, p| {
        let (rows, depth) = (n % 19, n / 19 % 33);
        k.multiply_rows(p.noise(rows * depth), p.noise(32 * depth), p.output(32 * rows))
    }),
    case!(multiply_vector, |k, n, p| {
        let (rows, cols) = (n % 70, n / 70 % 41);
        k.multiply_vector(p.noise(cols), p.noise(rows * cols), p.output(rows))
    }),
    case!(multiply_vector_i8, |k, n, p| {
        let (rows, cols) = (n % 70, n / 70 % 41);
        let zero = p.input(if n.is_multiple_of(2) { rows } else { 0 }, |i| i as i32 % 256);
        let (h, b) = (p.noise(cols), p.noise(rows * cols));
        k.multiply_vector_i8(h, b, zero, p.noise(rows), p.output(rows))
    }),
    case!(multiply_vector_u8, |k, n, p| {
        let (rows, cols) = (n % 70, n / 70 % 41);
        let zero = p.input(if n.is_multiple_of(2) { rows } else { 0 }, |i| i as i32 % 256);
        let (h, b) = (p.noise(cols), p.noise(rows * cols));
        k.multiply_vector_u8(h, b, zero, p.noise(rows), p.output(rows))
    }),
    case!(dot, |k, n, p| k.dot(p.noise(n), p.noise(n))),
    case!(dot_rows, |k, n, p| k.dot_rows([0; 4].map(|_| p.noise(n)), p.noise(n))),
    case!(dot_rows_f16, |k, n, p| k.dot_rows_f16([0; 4].map(|_| p.noise(n)), p.noise(n))),
    case!(dot_rows_bf16, |k, n, p| k.dot_rows_bf16([0; 4].map(|_| p.noise(n)), p.noise(n))),
    case!(dot_rows_i8, |k, n, p| k.dot_rows_i8([0; 4].map(|_| p.noise(n)), [3; 4], p.noise(n))),
    case!(dot_rows_u8, |k, n, p| k.dot_rows_u8([0; 4].map(|_| p.noise(n)), [3; 4], p.noise(n))),
    case!(add_scaled, |k, n, p| k.add_scaled(0.5, p.noise(n), p.output(n))),
    case!(add_scaled_rows, |k, n, p| {
        let x = [0; 5].map(|_| p.noise(n));
        k.add_scaled_rows(p.noise(n % 6), &x[..n % 6], p.output(n))
    }),
    case!(add_scaled_rows_f16, |k, n, p| {
        let x = [0; 5].map(|_| p.noise(n));
        k.add_scaled_rows_f16(p.noise(n % 6), &x[..n % 6], p.output(n))
    }),
    case!(add_scaled_rows_bf16, |k, n, p| {
        let x = [0; 5].map(|_| p.noise(n));
        k.add_scaled_rows_bf16(p.noise(n % 6), &x[..n % 6], p.output(n))
    }),
    case!(add_scaled_rows_i8, |k, n, p| {
        let (rows, x) = (n % 6, [0; 5].map(|_| p.noise(n)));
        k.add_scaled_rows_i8(p.noise(rows), &x[..rows], p.noise(rows), p.output(n))
    }),
    case!(add_scaled_rows_u8, |k, n, p| {
        let (rows, x) = (n % 6, [0; 5].map(|_| p.noise(n)));
        k.add_scaled_rows_u8(p.noise(rows), &x[..rows], p.noise(rows), p.output(n))
    }),
    case!(dot_f64, |k, n, p| k.dot_f64(p.noise(n / 2), p.noise(n / 2))),
    case!(rotate, |k, n, p| k.rotate(0.6, 0.8, p.output(n / 2), p.output(n / 2))),
    case!(multiply_tile, |k, n, p| {
        let depth = n / 3 % 100;
        let c = p.output(12 * 32).as_chunks_mut::<32>().0.first_chunk_mut::<12>().unwrap();
        k.multiply_tile(p.noise(12 * depth), p.noise(32 * depth), &mut c.each_mut(), n)
    }),
    case!(request, |k, n, p| k.request(p.noise(n))),
    case!(interleave_rows, |k, n, p| {
        let (len, width) = (n / 3 % 90, 6 + n % 7);
        let all = [0; 6].map(|_| p.noise(len));
        let rows: &[&[f32]] = if n % 7 < 3 {
            &all[..5]
        } else {
            &[all[0], all[1], all[2], all[3], all[4], all[5], all[0], all[1], all[2]]
        };
        let dst = p.output((width * len).saturating_sub(n % 2));
        k.interleave_rows(rows, n.is_multiple_of(2), width, dst)
    }),
    case!(solve_lower, |k, n, p| {
        let (rows, stride) = (n % 37, n % 37 + n % 3);
        k.solve_lower(p.noise((rows * stride).saturating_sub(n % 3)), stride, p.output(32 * rows))
    }),
    case!(factor_lower, |k, n, p| k.factor_lower(p.output(32 * (n % 70)), n % 45)),
    case!(bracket, |k, n, p| {
        let limits = (-1e-3, 1e-3);
        k.bracket(p.noise(n), p.noise(n), limits, n.is_multiple_of(2), p.output(n / 2));
    }),
    case!(bracket_f16, |k, n, p| {
        k.bracket_f16(p.noise(n), p.noise(n), (-1e-3, 1e-3), n.is_multiple_of(2), p.output(n / 2));
    }),
    case!(bracket_bf16, |k, n, p| {
        k.bracket_bf16(p.noise(n), p.noise(n), (-1e-3, 1e-3), n.is_multiple_of(2), p.output(n / 2));
    }),
    case!(ranks, |k, n, p| k.ranks(p.noise(n.min(300)), p.output(n.min(300)))),
    case!(pack_6, |k, n, p| k.pack_6(p.noise(n), p.output(3 * n.div_ceil(4)))),
    case!(unpack_6, |k, n, p| k.unpack_6(p.noise(3 * n.div_ceil(4)), p.output(n))),
    case!(pack_4, |k, n, p| k.pack_4(p.noise(n), p.output(n.div_ceil(2)))),
    case!(unpack_u4, |k, n, p| k.unpack_u4(p.noise(n.div_ceil(2)), p.output(n))),
    case!(unpack_i4, |k, n, p| k.unpack_i4(p.noise(n.div_ceil(2)), p.output(n))),
    case!(pack_3, |k, n, p| k.pack_3(p.noise(n), p.output(3 * n.div_ceil(8)))),
    case!(unpack_3, |k, n, p| k.unpack_3(p.noise(3 * n.div_ceil(8)), p.output(n))),
    case!(pack_2, |k, n, p| k.pack_2(p.noise(n), p.output(n.div_ceil(4)))),
    case!(unpack_2, |k, n, p| k.unpack_2(p.noise(n.div_ceil(4)), p.output(n))),
    float!(requantize_i8, -3, -128, 127),
    float!(requantize_u8, 3, 0, 255),
    fixed!(requantize_fixed_i8, -3, -128, 127),
    fixed!(requantize_fixed_u8, 3, 0, 255),
];

/// None, a block and its neighbours, some blocks, and sizes around a page and a piece of a sum.
fn lengths() -> impl Iterator<Item = usize> {
    let edges = [511, 512, 513, 1023, 1025, 2047, 2049, 4095, 4096, 4097, 4129];
    (0..=257).chain(edges)
}

#[test]
fn kernels_stay_in_bounds() {
    let mut places = Places::new();
    for k in dispatch::available() {
        for (name, run) in CASES {
            for n in lengths() {
                let offsets = if n <= 257 { 16 } else { 2 };
                for at in [At::End].into_iter().chain((0..offsets).map(At::Start)) {
                    places.begin(at);
                    run(k, n, &mut places);
                    assert!(places.margins_hold(), "{name} {:?} n = {n} {at:?}", k.isa());
                }
            }
        }
    }
}

/// The list above has all kernels.
#[test]
fn every_kernel_is_tested() {
    let text = include_str!("../src/kernels.rs");
    let list = text.split("macro_rules! kernel_list").nth(1).unwrap();
    let list = list.split("pub(crate) use kernel_list").next().unwrap();
    let kernels: Vec<_> = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next())
        .collect();
    let tested: Vec<_> = CASES.iter().map(|case| case.0).collect();
    assert!(kernels.len() > 40, "the list was found");
    assert_eq!(tested, kernels);
}

/// Buffers that end at a page without access, or begin at one.
struct Edge {
    at_end: bool,
    maps: RefCell<Vec<Guarded>>,
}

impl Memory for Edge {
    fn place(&self, bytes: usize) -> *mut u8 {
        if bytes == 0 {
            return ptr::null_mut();
        }
        let map = Guarded::new(bytes);
        let at = if self.at_end { map.end().wrapping_sub(bytes) } else { map.start() };
        self.maps.borrow_mut().push(map);
        at
    }
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 5), (GROUP, 64)] {
        for dtype in [F32, F16, BF16] {
            for code_type in SCALED {
                let integer = INTEGERS.contains(&code_type);
                let (before, zero) = (code_type % 2, integer && code_type % 3 > 0);
                calls.push(Call::Quantize { dtype, code_type, sharing, before, zero });
                calls.push(Call::Dequantize { dtype, code_type, sharing, zero });
            }
            for to in [F32, F16, BF16] {
                let (from, levels, in_place) = (dtype, 16, to == dtype);
                calls.push(Call::FakeQuantize { from, to, sharing, levels, in_place });
                calls.push(Call::FakeQuantize { from, to, sharing, levels, in_place: false });
            }
            for destination in SIGNED {
                let (to, nan_rule) = ([F32, F16, BF16][destination as usize % 3], destination % 2);
                let (from, shift, in_place) = (dtype, nan_rule == 0, to == dtype);
                calls.push(Call::FakeConvert {
                    from,
                    to,
                    sharing,
                    destination,
                    nan_rule,
                    shift,
                    in_place,
                });
            }
            for what in REDUCTIONS {
                calls.push(Call::Reduce { what, dtype, sharing, hostile: true });
            }
        }
    }
    for dtype in [F32, F16, BF16] {
        for code_type in FLOATS {
            for rules in Rules::all(Some(code_type)).into_iter().step_by(3) {
                calls.push(Call::Encode { dtype, code_type, rules });
            }
            calls.push(Call::Decode { code_type, dtype });
        }
        for to in [F32, F16, BF16] {
            for rules in Rules::all(None).into_iter().step_by(2) {
                calls.push(Call::Convert { from: dtype, to, rules });
            }
        }
    }
    for code_type in [I8, U8] {
        for granularity in [TENSOR, ROW, COLUMN] {
            calls.push(Call::Requantize { code_type, granularity });
            calls.push(Call::RequantizeFixed { code_type, granularity, single: granularity % 2 });
        }
    }
    for mode in MODES.into_iter().filter(|mode| mode.block < 0) {
        for (axis, group) in [(0, -1), (1, -1), (0, 1), (1, 1)] {
            calls.push(compress(mode, axis, group));
        }
    }
    for dtype in [F32, F16, BF16] {
        for sharing in [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 5)] {
            calls.push(Call::Quantile { dtype, sharing, magnitude: sharing.0 == ROW });
        }
        for preset in 0..5 {
            let axis = (preset + dtype) as i32 % 3 - 1;
            calls.push(Call::Ranges { dtype, preset, axis });
        }
        calls.push(Call::Histograms { dtype, kind: dtype % 2 });
        calls.push(Call::Sketches { dtype });
    }
    for code_type in SCALED.into_iter().filter(|code_type| code_bytes(*code_type) == 1) {
        calls.push(Call::Pack { code_type });
    }
    calls
}

fn compress(mode: Mode, axis: u32, group: i32) -> Call {
    let (dtype, half, rules) = (mode.number % 3, mode.number.is_multiple_of(2), axis);
    Call::Compress { dtype, mode, axis, group, half, rules, hostile: false }
}

/// The last row of a matrix ends at the page, whatever its stride; nothing between two rows is
/// touched, which the comparison with ordinary memory shows.
#[test]
fn functions_stay_in_bounds() {
    let shapes = [
        Shape::padded(3, 37, 11),
        Shape::padded(2, 300, 1),
        Shape::new(5, 7),
        Shape::padded(33, 1, 2),
        Shape::padded(1, 4101, 9),
    ];
    // Modes with groups of 16 and 32 need shapes of their own.
    let blocks = [Shape::padded(32, 96, 11), Shape::padded(64, 32, 1)];
    let with_blocks = MODES.into_iter().filter(|mode| mode.block > 0).flat_map(|mode| {
        let calls = [0, 1].map(|axis| compress(mode, axis, mode.block));
        calls.into_iter().flat_map(|call| blocks.map(|shape| (call, shape)))
    });
    let all: Vec<_> =
        calls().into_iter().flat_map(|c| shapes.map(|s| (c, s))).chain(with_blocks).collect();
    on_every_table(|isa| {
        for (call, shape) in &all {
            let shape = *shape;
            let want = call.run(shape, &Heap::default(), ptr::null::<Ctx>());
            for at_end in [true, false] {
                let edge = Edge { at_end, maps: RefCell::default() };
                let got = call.run(shape, &edge, ptr::null());
                assert!(got == want, "{call:?} {shape:?} isa {isa} at the end: {at_end}");
            }
        }
    });
}

/// Runs `f` in a child and says by which signal it died.
fn signal_of(f: impl FnOnce()) -> Option<i32> {
    // SAFETY: the child calls `f`, which only touches memory, and leaves without cleaning up.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "no child");
        if child == 0 {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            f();
            libc::_exit(0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
    }
}

/// A kernel that looks at `before` elements in front of its input, at `after` behind it, and writes
/// `spill` elements behind its output.
fn bad(src: &[f32], dst: &mut [f32], (before, after, spill): (usize, usize, usize)) {
    let (from, to) = (src.as_ptr().wrapping_sub(before), dst.as_mut_ptr());
    let mut sum = 0.0;
    for i in 0..src.len() + before + after {
        // SAFETY: none, which is the point; it runs in a child.
        sum += unsafe { std::hint::black_box(from.wrapping_add(i)).read_volatile() };
    }
    for i in 0..dst.len() + spill {
        // SAFETY: as above.
        unsafe { to.wrapping_add(i).write_volatile(sum) };
    }
}

#[test]
fn a_bad_kernel_is_caught() {
    let mut places = Places::new();
    let caught = |signal| matches!(signal, Some(libc::SIGSEGV | libc::SIGBUS));
    for n in [1, 31, 32, 1024, 4100] {
        for at in [At::End, At::Start(0)] {
            let end = matches!(at, At::End);
            let wrongs = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)];
            let found = [false, !end, end, end];
            for (wrong, found) in wrongs.into_iter().zip(found) {
                places.begin(at);
                let (src, dst) = (places.input(n, |_| 1.0), places.output(n));
                let signal = signal_of(|| bad(src, dst, wrong));
                assert_eq!(caught(signal), found, "{wrong:?} n = {n} {at:?}: {signal:?}");
            }
        }
        // Where there is no page, the paint shows it.
        places.begin(At::Start(3));
        let (src, dst) = (places.input(n, |_| 1.0), places.output(n));
        bad(src, dst, (0, 0, 0));
        assert!(places.margins_hold());
        bad(src, dst, (0, 0, 1));
        assert!(!places.margins_hold());
    }
}
