//! Random test data: the same on every machine.

#![allow(dead_code, reason = "each test uses a part")]

extern crate alloc;

use alloc::vec::Vec;

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ x >> 31) as u32
    }

    /// In `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.next()) * n as u64) >> 32) as usize
    }

    /// In `low..=high`.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1) as usize) as i32
    }

    /// In `-1..1`.
    pub fn uniform(&mut self) -> f32 {
        self.next() as i32 as f32 / 2_147_483_648.0
    }

    /// About normal, of variance 1.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() * 0.5
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Any float, NaN and infinity included.
    pub fn bits(&mut self) -> f32 {
        f32::from_bits(self.next())
    }

    /// `x`, or a float near it.
    pub fn nudge(&mut self, x: f32) -> f32 {
        f32::from_bits(x.to_bits().wrapping_add_signed(self.between(-2, 2)))
    }

    /// Any scale: finite and not 0.
    pub fn scale(&mut self) -> f32 {
        loop {
            let x = self.bits();
            if x.is_finite() && x != 0.0 {
                return x;
            }
        }
    }

    pub fn many<T>(&mut self, len: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..len).map(|_| one(self)).collect()
    }
}
