//! Pairs of blocks, and what is left.

/// Runs `$body` for every pair `$x` of `$src` and `$q` of `$dst`; what is left is padded to a pair,
/// and done by the same loop in a second round: a loop of its own would double the code.
macro_rules! for_pairs {
    ($src:expr, $dst:expr, $pad:expr, |$x:ident, $q:ident| $body:block) => {{
        let (mut pairs, rest) = $src.as_chunks::<{ $crate::arch::simd::PAIR }>();
        let (mut out, out_rest) = $dst.as_chunks_mut::<{ $crate::arch::simd::PAIR }>();
        let mut last;
        let mut last_out = [bytemuck::Zeroable::zeroed()];
        let mut left = !rest.is_empty();
        loop {
            for ($x, $q) in pairs.iter().zip(out) $body
            if !left {
                break;
            }
            left = false;
            last = [$crate::arch::simd::padded(rest, $pad)];
            (pairs, out) = (&last, &mut last_out);
        }
        if !out_rest.is_empty() {
            let [last_out] = last_out;
            $crate::arch::simd::unpad(&last_out, out_rest);
        }
    }};
}
pub(crate) use for_pairs;
