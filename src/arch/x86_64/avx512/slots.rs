#![allow(unsafe_code, reason = "intrinsics")]

use super::simd::{each, leaves};
use core::arch::x86_64::*;

type F = __m512;
type I = __m512i;

/// 15 thresholds in 32 slots of equal width, around 0.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Slots {
    /// The largest magnitude that has a slot.
    most: F,
    per_unit: F,
    /// The threshold of each slot, or infinity.
    thresholds: [F; 2],
    /// How many thresholds the slots below each have.
    below: [I; 2],
}

leaves! {
    /// The slot of a number in its five low bits. It never falls where the number grows: so a threshold
    /// in another slot is on the side on which that slot is.
    fn slot(x: F, most: F, per_unit: F) -> I {
        // A sum of that size has no fraction: its last bits count. The slot of 0 is 16.
        let whole = _mm512_set1_ps(12_582_928.0);
        // 2: the smaller magnitude with the sign of `x`.
        let x = _mm512_range_ps::<2>(x, most);
        _mm512_castps_si512(_mm512_fmadd_ps(x, per_unit, whole))
    }
    fn count(x: F, slots: Slots) -> I {
        let slot = slot(x, slots.most, slots.per_unit);
        let ([t0, t1], [n0, n1]) = (slots.thresholds, slots.below);
        let above = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, _mm512_permutex2var_ps(t0, slot, t1));
        let below = _mm512_permutex2var_epi32(n0, slot, n1);
        _mm512_mask_add_epi32(below, above, below, _mm512_set1_epi32(1))
    }
    fn slots_of(x: &[f32; 16], most: f32, per_unit: f32) -> [i32; 16] {
        let x = _mm512_loadu_ps(x.as_ptr());
        let slots = slot(x, _mm512_set1_ps(most), _mm512_set1_ps(per_unit));
        let slots = _mm512_and_si512(slots, _mm512_set1_epi32(31));
        let mut to = [0; 16];
        _mm512_storeu_si512(to.as_mut_ptr().cast(), slots);
        to
    }
    fn in_registers(most: f32, per_unit: f32, thresholds: &[f32; 32], below: &[i32; 32]) -> Slots {
        let (t, n) = (thresholds.as_ptr(), below.as_ptr());
        Slots {
            most: _mm512_set1_ps(most),
            per_unit: _mm512_set1_ps(per_unit),
            thresholds: [_mm512_loadu_ps(t), _mm512_loadu_ps(t.add(16))],
            below: [_mm512_loadu_si512(n.cast()), _mm512_loadu_si512(n.add(16).cast())],
        }
    }
}

/// `Bits::slots`: none if two thresholds would share one.
#[inline(always)]
pub(super) fn new(thresholds: &[f32; 16]) -> Option<Slots> {
    let [_, used @ ..] = thresholds;
    let magnitudes = used.iter().map(|t| t.abs()).filter(|t| *t < f32::INFINITY);
    let most = magnitudes.fold(0.0, f32::max);
    let per_unit = 15.0 / most;
    if !(f32::MIN_POSITIVE..f32::MAX).contains(&per_unit) {
        return None;
    }
    // SAFETY: only reached with the token of the tier.
    let [_, slots @ ..] = unsafe { slots_of(thresholds, most, per_unit) };
    let (mut thresholds, mut below) = ([f32::INFINITY; 32], [0; 32]);
    for (threshold, slot) in used.iter().zip(slots) {
        if *threshold < f32::INFINITY {
            let to = thresholds.get_mut(slot as usize)?;
            if *to < f32::INFINITY {
                return None;
            }
            *to = *threshold;
            for (n, i) in below.iter_mut().zip(0..) {
                *n += i32::from(i > slot);
            }
        }
    }
    // SAFETY: only reached with the token of the tier.
    Some(unsafe { in_registers(most, per_unit, &thresholds, &below) })
}

/// `Bits::count_below`.
#[inline(always)]
pub(super) fn count_below(x: [F; 2], slots: Slots) -> [I; 2] {
    // SAFETY: only reached with the token of the tier.
    unsafe { each!(count(x, [slots; 2])) }
}
