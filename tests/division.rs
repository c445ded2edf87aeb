//! Division without a divide instruction: the proof by enumeration behind `arch::generic::divide`.
//!
//! For a divisor `s` with `r = RN(1/s)`: `q0 = RN(x * r)`, `q = fma(fma(-q0, s, x), r, q0)` is
//! `x / s` to the last bit, for every `x` and `s` within a stated range of exponents.
//!
//! # Why a finite check is a proof
//!
//! Scaling `x` or `s` by a power of two scales every intermediate exactly as long as nothing
//! underflows or overflows, and a change of sign only changes signs. So only the significands
//! `X, S` in `[2^23, 2^24)` count; write `x = X/2^23`, `s = S/2^23`, both in `[1, 2)`.
//!
//! The sequence ends in one rounding of some real number `v` close to `x/s`. Rounding is monotone,
//! so `RN(v) != RN(x/s)` needs a rounding boundary in the closed interval between `v` and `x/s`.
//! The quotient has its ulp at `2^-k`, with `k = 23` if `X >= S` and `k = 24` if not, and the
//! boundaries are `N/2^(k+1)` with `N` odd, `2^24 < N < 2^25`. The distance is
//!
//! ```text
//!     X/S - N/2^(k+1) = c / (S * 2^(k+1)),   c = X*2^(k+1) - N*S, an integer,
//! ```
//!
//! that is `|c|/(2S)` ulp, and `c` is never 0 (`X*2^(k+1)` has at least `k+1` factors of two, `N*S`
//! at most 23). If `|v - x/s| <= e` ulp, the result can be wrong only where `|c| <= 2*S*e`.
//!
//! Let `U` be the ulp of the quotient and `d = 1/s - r`, so `|d| <= 2^-25`. Then
//! `|q0 - x/s| < x*2^-25 + U/2 <= 1.5*U`. The residual `x - s*q0` is a multiple of `2^-23*U` and
//! below `3*U`, so it takes at most 25 bits, and its rounding costs at most `2^-23*U`. The
//! correction multiplies the distance that was left by `1 - s*r`, at most `2^-24`. Together
//! `e < 1.5*2^-24 + 2^-23 = 3.5*2^-24`, and so `|c| < 7`.
//!
//! What is left is to walk all `(S, c)`, about 40 million pairs, and compare with real division.

#![allow(missing_docs, reason = "tests")]

const P: u32 = 24;

/// The inverse of an odd number modulo 2^64: Newton's step doubles the number of right bits.
fn inverse(odd: u64) -> u64 {
    let mut y = odd.wrapping_mul(3) ^ 2; // 5 bits
    for _ in 0..4 {
        y = y.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(y)));
    }
    y
}

/// Calls `found(X, c, X < S)` for all X with `X*2^(k+1) - N*S = c` for an odd N as above and
/// `0 < |c| <= cmax`, at a precision of `p` bits (24 for f32).
///
/// With `S = 2^t * o`, o odd, both other terms divide by 2^t, so c does: `c = 2^t * g` and
/// `X*2^n = N*o + g` with `n = k + 1 - t > 0`. N and o are odd, so g is; and N is known
/// modulo 2^n: `N = -g/o`.
#[inline(always)]
fn hard_dividends(s: u32, p: u32, cmax: i64, mut found: impl FnMut(u32, i64, bool)) {
    let (lo, hi) = (1i64 << (p - 1), 1i64 << p);
    let t = s.trailing_zeros();
    let odd = u64::from(s >> t);
    let inv = inverse(odd);
    for below in [false, true] {
        let n = p + u32::from(below) - t;
        let modulus = 1u64 << n;
        let mut size = 1i64;
        while size << t <= cmax {
            for g in [size, -size] {
                let residue = (g.wrapping_neg() as u64).wrapping_mul(inv) & (modulus - 1);
                // the N = residue (mod 2^n) in [2^p, 2^(p+1))
                let first = 1u64 << p;
                let mut big_n = first + (residue.wrapping_sub(first) & (modulus - 1));
                while big_n < first << 1 {
                    let x = ((big_n * odd) as i64 + g) >> n;
                    if lo <= x && x < hi && (x < i64::from(s)) == below {
                        found(x as u32, g << t, below);
                    }
                    big_n += modulus;
                }
            }
            size += 2;
        }
    }
}

/// The sequence under test.
#[inline(always)]
fn divide(x: f32, s: f32, r: f32) -> f32 {
    let q = x * r;
    (-q).mul_add(s, x).mul_add(r, q)
}

/// The significand as a number in [1, 2).
#[inline(always)]
fn value(significand: u32) -> f32 {
    f32::from_bits((significand & 0x007f_ffff) | 0x3f80_0000)
}

fn scaled(significand: u32, exponent: i32) -> f32 {
    (f64::from(significand) * 2f64.powi(exponent - 23)) as f32
}

fn significands() -> std::ops::Range<u32> {
    1 << (P - 1)..1 << P
}

#[test]
fn equals_division_for_all_pairs_of_significands() {
    let mut pairs = 0_u64;
    for s in significands() {
        let (s, r) = (value(s), 1.0 / value(s));
        hard_dividends(s_bits(s), P, 7, |x, c, _| {
            pairs += 1;
            let x = value(x);
            assert_eq!(divide(x, s, r), x / s, "x = {x}, s = {s}, c = {c}");
        });
    }
    assert_eq!(pairs, 40_702_450, "the enumeration found what it should");
}

fn s_bits(s: f32) -> u32 {
    s.to_bits() & 0x007f_ffff | 0x0080_0000
}

/// The enumeration against its definition, and the claim against all pairs, at precisions small
/// enough to try everything. `f64` holds all exact intermediates.
#[test]
fn small_precisions_by_brute_force() {
    fn round(v: f64, p: u32) -> f64 {
        if v == 0.0 {
            return v;
        }
        let e = ((v.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let unit = 2f64.powi(e + 1 - p as i32);
        (v / unit).round_ties_even() * unit
    }
    for p in 5..=10_u32 {
        let half = 2f64.powi(p as i32 - 1);
        for s in 1_u32 << (p - 1)..1 << p {
            let mut listed = std::collections::BTreeSet::new();
            hard_dividends(s, p, 7, |x, c, below| {
                listed.insert((x, c, below));
            });
            let sf = f64::from(s) / half;
            let r = round(1.0 / sf, p);
            let mut expected = std::collections::BTreeSet::new();
            for x in 1_u32 << (p - 1)..1 << p {
                let below = x < s;
                let shifted = i64::from(x) << (p + u32::from(below));
                let floor = shifted / i64::from(s);
                for n in floor - 8..=floor + 8 {
                    let c = shifted - n * i64::from(s);
                    if n & 1 == 1 && (1 << p..2 << p).contains(&n) && c.abs() <= 7 {
                        expected.insert((x, c, below));
                    }
                }
                let xf = f64::from(x) / half;
                let q = round(xf * r, p);
                let q = round(q + r * round(xf - q * sf, p), p);
                assert_eq!(q, round(xf / sf, p), "p = {p}, X = {x}, S = {s}");
            }
            assert_eq!(listed, expected, "p = {p}, S = {s}");
        }
    }
}

/// The hard pairs with the exponents at the corners of the range in which the library uses the
/// sequence, both signs.
#[test]
fn exponents_at_the_ends_of_the_range() {
    // Exponents of x and s: the smallest x whose residual is exact, the smallest and largest s.
    let corners = [(-102, -80), (-62, -80), (-80, -80), (0, 80), (96, 80), (80, 80), (-1, 79)];
    for s in significands().step_by(211) {
        hard_dividends(s, P, 7, |x, c, _| {
            for (ex, es) in corners {
                for sign in [1.0, -1.0] {
                    let (x, s) = (scaled(x, ex), sign * scaled(s, es));
                    let (exact, got) = (x / s, divide(x, s, 1.0 / s));
                    assert_eq!(got.to_bits(), exact.to_bits(), "{x:e} / {s:e}, c = {c}");
                }
            }
        });
    }
}
