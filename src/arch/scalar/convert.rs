use crate::arch::simd::Element;
use half::{bf16, f16};

pub(super) fn widen<E: Element>(src: &[E], dst: &mut [f32]) {
    for (to, from) in dst.iter_mut().zip(src) {
        *to = from.to_f32();
    }
}

pub(super) fn narrow_f16(src: &[f32], dst: &mut [f16]) {
    for (to, from) in dst.iter_mut().zip(src) {
        *to = f16::from_f32(*from);
    }
}

pub(super) fn narrow_bf16(src: &[f32], dst: &mut [bf16]) {
    for (to, from) in dst.iter_mut().zip(src) {
        *to = bf16::from_f32(*from);
    }
}
