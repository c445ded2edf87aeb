//! Ranges of f16 and bf16 from their bits, twice as many to a register as floats.
//!
//! As unsigned integers, the negative ones lie above the others and in reverse: if there is one, the
//! largest integer is the minimum. As signed integers, the others lie above: if there is one, the
//! largest integer is the maximum. So one pass finds both, but for data of one sign: there, the
//! smallest signed integer is what is missing.

use crate::arch::simd::{BLOCK, Element, PAIR, blocks, padded};
use crate::arch::words::Words;
use half::{bf16, f16};

const SIGN: u16 = 0x8000;

/// Elements that are read again while they are in the cache.
const PIECE: usize = 256 * BLOCK;

/// A float of 16 bits.
pub(crate) trait Half: Element {
    /// The bits of infinity.
    const INFINITY: u16;
}

impl Half for f16 {
    const INFINITY: u16 = f16::INFINITY.to_bits();
}

impl Half for bf16 {
    const INFINITY: u16 = bf16::INFINITY.to_bits();
}

#[inline(always)]
fn to_f32<E: Half>(bits: u16) -> f32 {
    bytemuck::must_cast::<u16, E>(bits).to_f32()
}

/// The largest lanes.
#[derive(Clone, Copy)]
struct Largest<S: Words> {
    signed: S::Words,
    unsigned: S::Words,
}

impl<S: Words> Largest<S> {
    #[inline(always)]
    fn add(&mut self, s: S, x: S::Words) {
        self.signed = s.max_i16(self.signed, x);
        self.unsigned = s.max_u16(self.unsigned, x);
    }
}

/// The largest of all, as signed and as unsigned integers.
#[inline(always)]
fn largest<S: Words>(s: S, src: &[u16]) -> (i16, u16) {
    // Two sets of accumulators hide the latency.
    let mut all = Largest::<S> { signed: s.splat_words(SIGN), unsigned: s.splat_words(0) };
    let mut second = all;
    let (pairs, rest) = src.as_chunks::<PAIR>();
    for pair in pairs {
        let [a, b] = blocks(pair);
        all.add(s, s.load_words(a));
        second.add(s, s.load_words(b));
    }
    let (block, tail) = rest.as_chunks::<BLOCK>();
    for x in block {
        all.add(s, s.load_words(x));
    }
    if let Some(first) = tail.first() {
        second.add(s, s.load_words(&padded(tail, *first)));
    }
    let signed = s.reduce_max_i16(s.max_i16(all.signed, second.signed));
    (signed, s.reduce_max_u16(s.max_u16(all.unsigned, second.unsigned)))
}

/// The smallest of all, as signed integers.
#[inline(always)]
fn smallest<S: Words>(s: S, src: &[u16]) -> i16 {
    let mut all = s.splat_words(!SIGN);
    let (blocks, tail) = src.as_chunks::<BLOCK>();
    for x in blocks {
        all = s.min_i16(all, s.load_words(x));
    }
    if let Some(first) = tail.first() {
        all = s.min_i16(all, s.load_words(&padded(tail, *first)));
    }
    s.reduce_min_i16(all)
}

/// Minimum and maximum; NaN if there is one.
#[inline(always)]
pub(crate) fn extremes<S: Words, E: Half>(s: S, src: &[E]) -> (f32, f32) {
    let (mut signed, mut unsigned, mut other) = (i16::MIN, 0, i16::MAX);
    for piece in bytemuck::must_cast_slice::<E, u16>(src).chunks(PIECE) {
        let (a, b) = largest(s, piece);
        (signed, unsigned) = (signed.max(a), unsigned.max(b));
        if signed < 0 || unsigned < SIGN {
            other = other.min(smallest(s, piece));
        }
    }
    if signed > E::INFINITY as i16 || unsigned > E::INFINITY | SIGN {
        return (f32::NAN, f32::NAN);
    }
    let min = if unsigned < SIGN { other as u16 } else { unsigned };
    let max = if signed < 0 { other } else { signed } as u16;
    // Adding +0 turns a -0 into +0: the result does not depend on which zero came first.
    (to_f32::<E>(min) + 0.0, to_f32::<E>(max) + 0.0)
}

/// Without their signs, the integers are ordered as the magnitudes are, and a NaN lies above
/// infinity.
#[inline(always)]
pub(crate) fn abs_max<S: Words, E: Half>(s: S, src: &[E]) -> f32 {
    let magnitude = s.splat_words(!SIGN);
    let (mut all, mut second) = (s.splat_words(0), s.splat_words(0));
    let (pairs, rest) = bytemuck::must_cast_slice::<E, u16>(src).as_chunks::<PAIR>();
    for pair in pairs {
        let [a, b] = blocks(pair);
        all = s.max_u16(all, s.and_words(s.load_words(a), magnitude));
        second = s.max_u16(second, s.and_words(s.load_words(b), magnitude));
    }
    let (block, tail) = rest.as_chunks::<BLOCK>();
    for x in block {
        all = s.max_u16(all, s.and_words(s.load_words(x), magnitude));
    }
    if !tail.is_empty() {
        let last = s.load_words(&padded(tail, 0));
        second = s.max_u16(second, s.and_words(last, magnitude));
    }
    to_f32::<E>(s.reduce_max_u16(s.max_u16(all, second)))
}
