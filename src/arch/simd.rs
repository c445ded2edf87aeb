//! A block of 32 lanes: the operations in which `generic` writes the kernels.
//!
//! Every operation is IEEE arithmetic in the default environment, the same bits on each
//! implementation. Memory enters as an array reference, so no implementation can reach past it.

use half::{bf16, f16};

/// Lanes of a block.
pub(crate) const BLOCK: usize = 32;

/// Lanes of two blocks: what the narrowing stores of 8-bit codes like best.
pub(crate) const PAIR: usize = 2 * BLOCK;

/// A proof that the CPU has the features of a tier, and its operations on a block.
pub(crate) trait Simd: Copy {
    /// 32 floats.
    type F32: Copy;
    /// 32 integers.
    type I32: Copy;

    /// Whether there are registers for twice the accumulators.
    const WIDE: bool;
    /// Whether `lesser`, `greater` and the reductions hand on a NaN.
    const NAN_STAYS: bool = false;

    /// Has the cache line of an address brought near, whatever the address.
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}

    /// Has the cache line of an address brought nearest, whatever the address.
    #[inline(always)]
    fn prefetch_soon(self, _: *const f32) {}

    /// The transpose of four by four elements, with the bits `flip` of each flipped.
    #[inline(always)]
    fn transpose(self, rows: [&[f32; 4]; 4], flip: u32, to: [&mut [f32; 4]; 4]) {
        let [a, b, c, d] = rows;
        let columns = a.iter().zip(b).zip(c).zip(d);
        for ((((a, b), c), d), to) in columns.zip(to) {
            *to = [*a, *b, *c, *d].map(|x| f32::from_bits(x.to_bits() ^ flip));
        }
    }

    /// The transpose of eight by four elements, which are bytes, with the bits `flip` of each flipped.
    #[inline(always)]
    fn transpose_eight(self, rows: [&[u8; 16]; 8], flip: u32, to: [&mut [f32; 8]; 4]) {
        let rows: [[f32; 4]; 8] = rows.map(|row| bytemuck::must_cast(*row));
        let ([a, b, c, d, e, f, g, h], [t0, t1, t2, t3]) = (rows.each_ref(), to);
        let [l0, h0]: &mut [[f32; 4]; 2] = bytemuck::must_cast_mut(t0);
        let [l1, h1]: &mut [[f32; 4]; 2] = bytemuck::must_cast_mut(t1);
        let [l2, h2]: &mut [[f32; 4]; 2] = bytemuck::must_cast_mut(t2);
        let [l3, h3]: &mut [[f32; 4]; 2] = bytemuck::must_cast_mut(t3);
        self.transpose([a, b, c, d], flip, [l0, l1, l2, l3]);
        self.transpose([e, f, g, h], flip, [h0, h1, h2, h3]);
    }

    fn splat(self, x: f32) -> Self::F32;
    fn load(self, x: &[f32; BLOCK]) -> Self::F32;
    fn store(self, x: Self::F32, to: &mut [f32; BLOCK]);

    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `c - a * b`, rounded once.
    fn fnma(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `a * b - c`, rounded once.
    fn fms(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `if a < b { a } else { b }`.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `if a > b { a } else { b }`.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The smaller one, or either of two zeros. A NaN gives anything unless `NAN_STAYS`.
    #[inline(always)]
    fn lesser(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        self.min(a, b)
    }
    /// The larger one, or either of two zeros. A NaN gives anything unless `NAN_STAYS`.
    #[inline(always)]
    fn greater(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        self.max(a, b)
    }
    fn abs(self, a: Self::F32) -> Self::F32;
    /// `if a > b { yes } else { no }`.
    fn select_gt(self, a: Self::F32, b: Self::F32, yes: Self::F32, no: Self::F32) -> Self::F32;
    /// `if x is NaN { 0 } else { clamp(x, -limit, limit) }`, for a positive limit.
    fn sanitize(self, x: Self::F32, limit: Self::F32) -> Self::F32;
    /// As `sanitize`, but a NaN may stay where arithmetic keeps it and `round_i32` makes it 0.
    #[inline(always)]
    fn limit(self, x: Self::F32, limit: Self::F32) -> Self::F32 {
        self.sanitize(x, limit)
    }
    /// To an integral value, half to even.
    fn round(self, x: Self::F32) -> Self::F32;
    /// Whether any lane is NaN.
    fn any_nan(self, x: Self::F32) -> bool;
    /// The smallest lane, none of which is NaN unless `NAN_STAYS`.
    fn reduce_min(self, x: Self::F32) -> f32;
    /// The largest lane, none of which is NaN unless `NAN_STAYS`.
    fn reduce_max(self, x: Self::F32) -> f32;

    fn splat_i32(self, x: i32) -> Self::I32;
    fn load_i32(self, x: &[i32; BLOCK]) -> Self::I32;
    fn store_i32(self, x: Self::I32, to: &mut [i32; BLOCK]);
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `b` is not `i32::MIN`.
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The bits of `|x|` where they exceed `acc` as an integer, which puts a NaN above infinity.
    fn max_abs_bits(self, acc: Self::I32, x: Self::F32) -> Self::I32;
    /// Rounds half to even. The caller keeps `|x|` below 2^31.
    fn round_i32(self, x: Self::F32) -> Self::I32;
    /// Exact below 2^24.
    fn to_f32(self, x: Self::I32) -> Self::F32;

    fn load_f16(self, x: &[f16; BLOCK]) -> Self::F32;
    fn load_bf16(self, x: &[bf16; BLOCK]) -> Self::F32;
    fn store_f16(self, x: Self::F32, to: &mut [f16; BLOCK]);
    fn store_bf16(self, x: Self::F32, to: &mut [bf16; BLOCK]);

    fn load_i8(self, x: &[i8; BLOCK]) -> Self::I32;
    fn load_u8(self, x: &[u8; BLOCK]) -> Self::I32;
    fn load_i16(self, x: &[i16; BLOCK]) -> Self::I32;
    fn load_u16(self, x: &[u16; BLOCK]) -> Self::I32;
    /// Saturates, then clamps to `min..=max`.
    fn store_i8(self, x: Self::I32, min: i8, max: i8, to: &mut [i8; BLOCK]);
    fn store_u8(self, x: Self::I32, min: u8, max: u8, to: &mut [u8; BLOCK]);
    fn store_i16(self, x: Self::I32, min: i16, max: i16, to: &mut [i16; BLOCK]);
    fn store_u16(self, x: Self::I32, min: u16, max: u16, to: &mut [u16; BLOCK]);
    fn store_i8_pair(self, a: Self::I32, b: Self::I32, min: i8, max: i8, to: &mut [i8; PAIR]);
    fn store_u8_pair(self, a: Self::I32, b: Self::I32, min: u8, max: u8, to: &mut [u8; PAIR]);
}

/// How far ahead of a loop memory is asked for, in bytes: as much as what is read twice, so that
/// the second pass over it has the next such piece brought near for its first pass. The prefetchers
/// of CPUs stop at the end of a page.
pub(crate) const AHEAD: usize = 16384;

/// Bytes of a line of memory.
const LINE: usize = 64;

/// Elements with which it pays to begin blocks with lines of memory.
const LONG: usize = 512;

/// Elements, less than a block of them, and those from the next line of memory on: where registers are
/// as long as a line and blocks begin with one, none is read from two. All come second where that is no gain,
/// as for halves, which are read half a line at a time.
#[inline(always)]
pub(crate) fn split_at_line<S: Simd, T>(_: S, src: &[T]) -> (&[T], &[T]) {
    let pays = S::WIDE && size_of::<T>() == size_of::<f32>() && src.len() >= LONG;
    let head = if pays { src.as_ptr().align_offset(LINE) } else { 0 };
    src.split_at_checked(if head < BLOCK { head } else { 0 }).unwrap_or((&[], src))
}

/// Has every line of some bytes brought near. They need not exist.
#[inline(always)]
pub(crate) fn bring<S: Simd>(s: S, bytes: *const u8, len: usize) {
    for line in (0..len).step_by(LINE) {
        s.prefetch(bytes.wrapping_add(line).cast());
    }
}

/// Has what a loop over arrays will read in a while brought near. Where much is computed per
/// element, too few loads are under way to hide what memory takes.
#[inline(always)]
pub(crate) fn look_ahead<S: Simd, T, const N: usize>(s: S, now: &[T; N]) {
    bring(s, now.as_ptr().cast::<u8>().wrapping_add(AHEAD), size_of::<[T; N]>());
}

/// How far, in bytes, the rows that come next lie from these: rows that are equally far apart are taken as part of
/// a matrix. Anything else is no harm, the pointers are never followed.
#[inline(always)]
pub(crate) fn rows_ahead<T, const N: usize>(rows: &[&[T]; N]) -> usize {
    let mut starts = rows.iter().map(|row| row.as_ptr().addr());
    let first = starts.next().unwrap_or(0);
    starts.next().unwrap_or(0).wrapping_sub(first).wrapping_mul(N)
}

/// The two blocks of a pair.
#[inline(always)]
pub(crate) fn blocks<T: bytemuck::Pod>(pair: &[T; PAIR]) -> &[[T; BLOCK]; 2] {
    bytemuck::must_cast_ref(pair)
}

/// The two blocks of a pair, to write.
#[inline(always)]
pub(crate) fn blocks_mut<T: bytemuck::Pod>(pair: &mut [T; PAIR]) -> &mut [[T; BLOCK]; 2] {
    bytemuck::must_cast_mut(pair)
}

/// A floating-point element that a block can be read from.
pub(crate) trait Element: bytemuck::Pod {
    fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::F32;
    fn to_f32(self) -> f32;
}

impl Element for f32 {
    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::F32 {
        s.load(x)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

impl Element for f16 {
    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::F32 {
        s.load_f16(x)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::F32 {
        s.load_bf16(x)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }
}

/// An integer code of 8 or 16 bits.
pub(crate) trait Code: bytemuck::Pod {
    const SIGNED: bool;

    /// Keeps the low bits; the caller has clamped.
    fn from_i32(x: i32) -> Self;
    fn to_i32(self) -> i32;
    fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::I32;
    fn store<S: Simd>(s: S, x: S::I32, min: Self, max: Self, to: &mut [Self; BLOCK]);

    #[inline(always)]
    fn store_pair<S: Simd>(
        s: S,
        a: S::I32,
        b: S::I32,
        min: Self,
        max: Self,
        to: &mut [Self; PAIR],
    ) {
        let [low, high] = blocks_mut(to);
        Self::store(s, a, min, max, low);
        Self::store(s, b, min, max, high);
    }
}

macro_rules! code {
    ($type:ty, $load:ident, $store:ident $(, $store_pair:ident)?) => {
        impl Code for $type {
            const SIGNED: bool = <$type>::MIN != 0;

            #[inline(always)]
            fn from_i32(x: i32) -> Self {
                x as Self
            }

            #[inline(always)]
            fn to_i32(self) -> i32 {
                i32::from(self)
            }

            #[inline(always)]
            fn load<S: Simd>(s: S, x: &[Self; BLOCK]) -> S::I32 {
                s.$load(x)
            }

            #[inline(always)]
            fn store<S: Simd>(s: S, x: S::I32, min: Self, max: Self, to: &mut [Self; BLOCK]) {
                s.$store(x, min, max, to);
            }

            $(#[inline(always)]
            fn store_pair<S: Simd>(
                s: S,
                a: S::I32,
                b: S::I32,
                min: Self,
                max: Self,
                to: &mut [Self; PAIR],
            ) {
                s.$store_pair(a, b, min, max, to);
            })?
        }
    };
}

code!(i8, load_i8, store_i8, store_i8_pair);
code!(u8, load_u8, store_u8, store_u8_pair);
code!(i16, load_i16, store_i16);
code!(u16, load_u16, store_u16);

/// Folds 32 partial sums in halves.
#[inline(always)]
pub(crate) fn fold(mut lane: [f32; BLOCK]) -> f32 {
    let mut half = BLOCK / 2;
    while half > 0 {
        let (low, high) = lane.split_at_mut(half);
        for (a, b) in low.iter_mut().zip(high.iter()) {
            *a += *b;
        }
        half /= 2;
    }
    let [sum, ..] = lane;
    sum
}

/// The start of `tail`, followed by `pad`, as a block.
#[inline(always)]
pub(crate) fn padded<T: Copy, const N: usize>(tail: &[T], pad: T) -> [T; N] {
    let mut block = [pad; N];
    copy_start(tail, &mut block);
    block
}

/// Copies the start of `block` to `tail`.
#[inline(always)]
pub(crate) fn unpad<T: Copy, const N: usize>(block: &[T; N], tail: &mut [T]) {
    copy_start(block, tail);
}

/// Copies as many elements as both have.
#[inline(always)]
fn copy_start<T: Copy>(from: &[T], to: &mut [T]) {
    let n = from.len().min(to.len());
    if let (Some(from), Some(to)) = (from.get(..n), to.get_mut(..n)) {
        to.copy_from_slice(from);
    }
}
