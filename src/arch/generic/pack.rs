//! The loop of the packers. Each tier has blocks of its own size and moves their bits in its own
//! way.

/// Makes the bodies of a tier out of its leaf functions on blocks; the scalar bodies do the rest.
macro_rules! by_blocks {
    ($token:ident $($name:ident = $leaf:ident[$from:literal => $to:literal];)+) => {$(
        #[inline(always)]
        pub(super) fn $name(_: $token, src: &[u8], dst: &mut [u8]) {
            let (blocks, out) = (src.as_chunks::<$from>().0, dst.as_chunks_mut::<$to>().0);
            let whole = blocks.len().min(out.len());
            for (block, to) in blocks.iter().zip(out) {
                // SAFETY: the token exists only where the features of the tier are on.
                unsafe { $leaf(block, to) };
            }
            if let (Some(src), Some(dst)) = (src.get($from * whole..), dst.get_mut($to * whole..)) {
                crate::arch::scalar::pack::$name(src, dst);
            }
        }
    )+};
}

pub(crate) use by_blocks;
