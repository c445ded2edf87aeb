use crate::arch::scalar::round;

/// OpenVINO FakeQuantize with equal input and output ranges, in its order of operations.
#[inline(always)]
fn snap(x: f32, low: f32, high: f32, steps: f32) -> f32 {
    if x > high {
        high
    } else if x > low {
        let range = high - low;
        round((x - low) / range * steps) / steps * range + low
    } else {
        low
    }
}

pub(super) fn run(data: &mut [f32], low: f32, high: f32, levels: u32) {
    let steps = (levels - 1) as f32;
    for x in data {
        *x = snap(*x, low, high, steps);
    }
}

pub(super) fn columns(data: &mut [f32], low: &[f32], high: &[f32], levels: u32) {
    let steps = (levels - 1) as f32;
    for ((x, low), high) in data.iter_mut().zip(low).zip(high) {
        *x = snap(*x, *low, *high, steps);
    }
}
