//! Float formats of at most eight bits: sign, exponent, mantissa, from the top bit down.
//!
//! Sources: E4M3 and E5M2 are those of the OCP 8-bit floating point specification and of
//! arXiv 2209.05433; their `fnuz` variants those of arXiv 2206.02915; E2M1, E2M3 and E3M2 those of
//! the OCP microscaling (MX) specification.

/// What the codes at the end of the range stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specials {
    /// Numbers: there is no NaN and no infinity.
    None,
    /// The last code of each sign is NaN; there is no infinity.
    LastIsNan,
    /// The last exponent holds infinity and NaN, as in IEEE 754.
    Ieee,
    /// What would be -0 is NaN; there is no infinity and one zero ("fnuz").
    NegativeZeroIsNan,
}

/// A binary float format. `value = (-1)^sign * 2^(exponent - bias) * 1.mantissa`, with exponent 0
/// `(-1)^sign * 2^(1 - bias) * 0.mantissa`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatFormat {
    /// Bits of the mantissa, 1..=3.
    pub mantissa_bits: u32,
    /// Bits of the exponent, 2..=5.
    pub exponent_bits: u32,
    /// Bias of the exponent.
    pub bias: u32,
    /// What the end of the range means.
    pub specials: Specials,
}

/// E4M3: up to 448, smallest subnormal `2^-9`, NaN `S.1111.111`, no infinity.
pub const E4M3: FloatFormat =
    FloatFormat { mantissa_bits: 3, exponent_bits: 4, bias: 7, specials: Specials::LastIsNan };
/// E5M2: up to 57344, smallest subnormal `2^-16`, infinity `S.11111.00`, NaN `S.11111.{01,10,11}`.
pub const E5M2: FloatFormat =
    FloatFormat { mantissa_bits: 2, exponent_bits: 5, bias: 15, specials: Specials::Ieee };
/// E4M3 fnuz: up to 240, smallest subnormal `2^-10`, NaN `1.0000.000`.
pub const E4M3_FNUZ: FloatFormat = FloatFormat {
    mantissa_bits: 3,
    exponent_bits: 4,
    bias: 8,
    specials: Specials::NegativeZeroIsNan,
};
/// E5M2 fnuz: up to 57344, smallest subnormal `2^-17`, NaN `1.00000.00`.
pub const E5M2_FNUZ: FloatFormat = FloatFormat {
    mantissa_bits: 2,
    exponent_bits: 5,
    bias: 16,
    specials: Specials::NegativeZeroIsNan,
};
/// E3M2: up to 28, smallest subnormal `2^-4`.
pub const E3M2: FloatFormat =
    FloatFormat { mantissa_bits: 2, exponent_bits: 3, bias: 3, specials: Specials::None };
/// E2M3: up to 7.5, smallest subnormal `2^-3`.
pub const E2M3: FloatFormat =
    FloatFormat { mantissa_bits: 3, exponent_bits: 2, bias: 1, specials: Specials::None };
/// E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
pub const E2M1: FloatFormat =
    FloatFormat { mantissa_bits: 1, exponent_bits: 2, bias: 1, specials: Specials::None };

impl FloatFormat {
    /// Position of the sign bit.
    #[must_use]
    pub const fn sign_shift(&self) -> u32 {
        self.exponent_bits + self.mantissa_bits
    }

    /// The sign bit.
    #[must_use]
    pub const fn sign(&self) -> u8 {
        1 << self.sign_shift()
    }

    /// The code of the largest number.
    #[must_use]
    pub const fn largest(&self) -> u8 {
        let all = self.sign() - 1;
        match self.specials {
            Specials::None | Specials::NegativeZeroIsNan => all,
            Specials::LastIsNan => all - 1,
            Specials::Ieee => all - (1 << self.mantissa_bits),
        }
    }

    /// A code of NaN, if there is one.
    #[must_use]
    pub const fn nan(&self) -> Option<u8> {
        match self.specials {
            Specials::None => None,
            Specials::LastIsNan | Specials::Ieee => Some(self.sign() - 1),
            Specials::NegativeZeroIsNan => Some(self.sign()),
        }
    }

    /// The value that a code without sign would have if it were an ordinary number.
    #[must_use]
    pub const fn magnitude(&self, code: u8) -> f32 {
        // The bits of an f32 whose exponent is too small by the difference of the biases. With
        // exponent 0 it is a subnormal of f32: the product is exact there, too.
        f32::from_bits((code as u32) << (23 - self.mantissa_bits)) * self.unbias()
    }

    /// The largest number.
    #[must_use]
    pub const fn max(&self) -> f32 {
        self.magnitude(self.largest())
    }

    /// `2^(127 - bias)`.
    pub(crate) const fn unbias(&self) -> f32 {
        f32::from_bits((254 - self.bias) << 23)
    }

    /// The exponent field that an f32 has at the smallest normal number.
    pub(crate) const fn smallest_exponent(&self) -> u32 {
        128 - self.bias
    }
}

/// The values of NF4, "normal float" of 4 bits, ascending: code 0 is -1. Source: QLoRA,
/// arXiv 2305.14314.
pub const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// Between which values of NF4 a number changes its code: code `i` for
/// `NF4_THRESHOLDS[i - 1] < x <= NF4_THRESHOLDS[i]`. They are the midpoints as NNCF states them
/// (`CENTER_OF_NF4_QUANTILES`).
pub const NF4_THRESHOLDS: [f32; 15] = [
    -0.848_096_43,
    -0.610_632_9,
    -0.459_995_27,
    -0.339_679_42,
    -0.234_607_4,
    -0.137_911_74,
    -0.045_525_018,
    0.039_790_15,
    0.120_255_254,
    0.203_521_25,
    0.292_013_76,
    0.389_312_54,
    0.501_663_4,
    0.642_786_9,
    0.861_478_4,
];

/// The values of CB4, NNCF's codebook of 16 numbers that E4M3 represents exactly.
pub const CB4: [f32; 16] = [
    -3.5, -2.5, -1.875, -1.375, -1.0, -0.625, -0.3125, 0.0, 0.28125, 0.5625, 0.875, 1.125, 1.5,
    2.0, 2.5, 3.5,
];
