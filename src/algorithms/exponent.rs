//! Powers of two.

/// `floor(log2(x))` of a positive normal number.
pub(crate) fn floor_log2(x: f32) -> i32 {
    (x.to_bits() >> 23) as i32 - 127
}

/// `2^exponent`, within the range of E8M0.
pub(crate) fn power_of_two(exponent: i32) -> f32 {
    let field = (exponent.clamp(-127, 127) + 127) as u32;
    f32::from_bits(if field == 0 { 1 << 22 } else { field << 23 })
}
