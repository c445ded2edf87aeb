//! Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011. A word depends on its key and its place alone, so any part can be made anywhere.

/// Ten rounds.
#[inline(always)]
fn philox(key: u64, counter: u64) -> [u32; 4] {
    const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let [first, second] = MULTIPLIERS;
    let [mut k0, mut k1] = [key as u32, (key >> 32) as u32];
    let [mut a, mut b, mut c, mut d] = [counter as u32, (counter >> 32) as u32, 0, 0];
    for _ in 0..10 {
        let (p, q) = (first * u64::from(a), second * u64::from(c));
        (a, b, c, d) = ((q >> 32) as u32 ^ b ^ k0, q as u32, (p >> 32) as u32 ^ d ^ k1, p as u32);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [a, b, c, d]
}

#[inline(always)]
pub(crate) fn fill(key: u64, first: u64, dst: &mut [u32]) {
    let skip = (first % 4) as usize;
    let head = ((4 - skip) % 4).min(dst.len());
    let (head, rest) = dst.split_at_mut_checked(head).unwrap_or_default();
    let mut counter = first / 4;
    if skip > 0 {
        let words = philox(key, counter);
        head.iter_mut().zip(words.iter().skip(skip)).for_each(|(to, word)| *to = *word);
        counter = counter.wrapping_add(1);
    }
    let (whole, tail) = rest.as_chunks_mut::<4>();
    for to in whole {
        *to = philox(key, counter);
        counter = counter.wrapping_add(1);
    }
    tail.iter_mut().zip(philox(key, counter)).for_each(|(to, word)| *to = word);
}

#[inline(always)]
fn dither_one(x: f32, noise: u32, mantissa_bits: u32, smallest_exponent: u32) -> f32 {
    let bits = x.to_bits() & 0x7FFF_FFFF;
    if bits >= 0x7F80_0000 {
        return x;
    }
    let field = (bits >> 23).max(1);
    let mantissa = (bits & 0x007F_FFFF) | if bits >> 23 == 0 { 0 } else { 1 << 23 };
    // Bits below the last that stays.
    let shift = 23 - mantissa_bits + smallest_exponent.saturating_sub(field);
    let kept = mantissa.checked_shr(shift).unwrap_or(0);
    let fraction = (u64::from(mantissa) << 32).checked_shr(shift).unwrap_or(0) as u32;
    let units = kept + u32::from(noise < fraction);
    // One unit is 2^(field - 150 + shift); it can be a subnormal, so it comes in two factors.
    let exponent = (field + shift) as i32 - 150;
    let (a, b) = (exponent / 2, exponent - exponent / 2);
    let power = |e: i32| f32::from_bits(((127 + e) as u32) << 23);
    let value = units as f32 * power(a) * power(b);
    if x.is_sign_negative() { -value } else { value }
}

#[inline(always)]
pub(crate) fn dither(data: &mut [f32], noise: &[u32], mantissa_bits: u32, smallest_exponent: u32) {
    for (x, noise) in data.iter_mut().zip(noise) {
        *x = dither_one(*x, *noise, mantissa_bits, smallest_exponent);
    }
}
