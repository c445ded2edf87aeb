#[inline(always)]
pub(crate) fn divide_columns(src: &[f32], scale: &[f32], dst: &mut [f32]) {
    for ((y, x), scale) in dst.iter_mut().zip(src).zip(scale) {
        *y = x / scale;
    }
}

#[inline(always)]
pub(crate) fn multiply_columns(data: &mut [f32], scale: &[f32]) {
    for (x, scale) in data.iter_mut().zip(scale) {
        *x *= scale;
    }
}

#[inline(always)]
pub(crate) fn saturate(data: &mut [f32], limit: f32) {
    for x in data {
        let low = if *x < -limit { -limit } else { *x };
        *x = if low > limit { limit } else { low };
    }
}
