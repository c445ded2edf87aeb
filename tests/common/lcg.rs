//! Integers that are the same in every language: the Python scripts of the vectors make them, too.

#![allow(dead_code, reason = "each test uses a part")]

/// A linear congruential generator: the same integers on every machine. Floats are made of their
/// bits, or by operations that are exact.
#[derive(Clone, Debug)]
pub struct Lcg(u64);

impl Lcg {
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed ^ 0x9E37_79B9_7F4A_7C15);
        rng.bits();
        rng
    }

    pub fn bits(&mut self) -> u32 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// In `0..n`.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(n)) >> 32) as u32
    }

    /// In `-1..1`, a multiple of `2^-23`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() as i32 >> 8) as f32 / 8_388_608.0
    }
}
