use crate::arch::scalar::minifloat::{decode_one, encode_one};
use crate::kernels::FloatEncoding;

#[inline(always)]
pub(crate) fn convert_one(x: f32, scale: f32, shift: f32, to: &FloatEncoding<'_>) -> f32 {
    // A shift of -0 counts as 0: not every format has a -0.
    let shift = shift + 0.0;
    let code = encode_one(x * scale - shift, to);
    (decode_one(code, to.format) + shift) / scale
}

pub(super) fn run(data: &mut [f32], scale: f32, shift: f32, to: &FloatEncoding<'_>) {
    for x in data {
        *x = convert_one(*x, scale, shift, to);
    }
}

pub(super) fn columns(data: &mut [f32], scale: &[f32], shift: &[f32], to: &FloatEncoding<'_>) {
    for ((x, scale), shift) in data.iter_mut().zip(scale).zip(shift) {
        *x = convert_one(*x, *scale, *shift, to);
    }
}
