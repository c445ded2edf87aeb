//! Division by a number that many elements share, with the bits of a real division.
//!
//! A division takes as long as five to ten multiplications, so the bodies multiply by the
//! reciprocal and correct once. With `r = RN(1/s)`
//!
//! ```text
//! q = RN(x * r)
//! q = fma(fma(-q, s, x), r, q)
//! ```
//!
//! is the quotient of a real division for every pair of significands: a first quotient is at most
//! 1.5 ulp off, so only the significands with `x * 2^k = s * (midpoint of two floats) + c` for a
//! small integer `c` are at risk, and `tests/division.rs` walks over all of those. For divisors between
//! `2^-80` and `2^80` (`kernels::has_reciprocal`) the residual is exact for every `|x| >= 2^-102`; a
//! smaller `x` has a quotient below `2^-22`, which rounds to 0 whatever its last bits are (where an
//! index changes at 0 they would matter: `Table::new` refuses that). See
//! Brisebarre, Muller and Raina, "Accelerating correctly rounded floating-point division when the
//! divisor is known in advance", IEEE TC 53 (2004).

use crate::arch::simd::Simd;

/// A way to divide a block.
pub(crate) trait Quotient<S: Simd>: Copy {
    /// The quotient, limited; one of 0 may have either sign. A NaN gives 0, or what `Simd::limit`
    /// makes of it if `nan_may_stay`.
    fn of(self, s: S, x: S::F32, nan_may_stay: bool) -> S::F32;

    /// The quotient, 0 with its sign, for codes that saturate: it has no limit but what keeps it
    /// finite. A NaN gives anything. A divisor whose reciprocal is multiplied by is positive.
    fn signed(self, s: S, x: S::F32) -> S::F32;
}

#[inline(always)]
fn limited<S: Simd>(s: S, x: S::F32, limit: S::F32, nan_may_stay: bool) -> S::F32 {
    if nan_may_stay { s.limit(x, limit) } else { s.sanitize(x, limit) }
}

/// A real division, then the limit.
#[derive(Clone, Copy)]
pub(crate) struct Divided<S: Simd> {
    pub(crate) divisor: S::F32,
    pub(crate) limit: S::F32,
}

impl<S: Simd> Quotient<S> for Divided<S> {
    #[inline(always)]
    fn of(self, s: S, x: S::F32, nan_may_stay: bool) -> S::F32 {
        limited(s, s.div(x, self.divisor), self.limit, nan_may_stay)
    }

    #[inline(always)]
    fn signed(self, s: S, x: S::F32) -> S::F32 {
        s.div(x, self.divisor)
    }
}

/// A divisor that is safe, and its reciprocal.
#[derive(Clone, Copy)]
pub(crate) struct Reciprocal<S: Simd> {
    divisor: S::F32,
    reciprocal: S::F32,
}

impl<S: Simd> Reciprocal<S> {
    #[inline(always)]
    pub(crate) fn new(s: S, divisor: f32) -> Self {
        Self { divisor: s.splat(divisor), reciprocal: s.splat(1.0 / divisor) }
    }

    /// A divisor per lane, and its reciprocal.
    #[inline(always)]
    pub(crate) fn of_lanes(divisor: S::F32, reciprocal: S::F32) -> Self {
        Self { divisor, reciprocal }
    }

    /// `x / divisor`.
    #[inline(always)]
    pub(crate) fn divide(self, s: S, x: S::F32) -> S::F32 {
        let q = s.mul(x, self.reciprocal);
        s.fma(s.fnma(q, self.divisor, x), self.reciprocal, q)
    }

    /// The same of a positive divisor, with the sign of a 0: the residual of 0, whatever its sign, is
    /// +0 in this form, and `-0 - 0` is -0.
    #[inline(always)]
    fn divide_signed(self, s: S, x: S::F32) -> S::F32 {
        let q = s.mul(x, self.reciprocal);
        s.fnma(s.fms(q, self.divisor, x), self.reciprocal, q)
    }
}

/// For values that need no limit.
impl<S: Simd> Quotient<S> for Reciprocal<S> {
    #[inline(always)]
    fn of(self, s: S, x: S::F32, _: bool) -> S::F32 {
        self.divide(s, x)
    }

    #[inline(always)]
    fn signed(self, s: S, x: S::F32) -> S::F32 {
        self.divide_signed(s, x)
    }
}

/// Limits `x`, then multiplies by the reciprocal.
#[derive(Clone, Copy)]
pub(crate) struct Limited<S: Simd> {
    pub(crate) reciprocal: Reciprocal<S>,
    /// Largest magnitude of `x`.
    pub(crate) limit: S::F32,
}

impl<S: Simd> Quotient<S> for Limited<S> {
    #[inline(always)]
    fn of(self, s: S, x: S::F32, nan_may_stay: bool) -> S::F32 {
        self.reciprocal.divide(s, limited(s, x, self.limit, nan_may_stay))
    }

    #[inline(always)]
    fn signed(self, s: S, x: S::F32) -> S::F32 {
        self.reciprocal.divide_signed(s, s.limit(x, self.limit))
    }
}
