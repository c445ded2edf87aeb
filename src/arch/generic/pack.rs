//! Whole-word loops that the compiler widens well: the scalar bodies, compiled with the features
//! of the tier.

use crate::arch::scalar;
use crate::arch::simd::Simd;

macro_rules! same_as_scalar {
    ($($name:ident),+) => {$(
        #[inline(always)]
        pub(crate) fn $name<S: Simd>(_: S, src: &[u8], dst: &mut [u8]) {
            scalar::pack::$name(src, dst);
        }
    )+};
}

same_as_scalar!(pack_4, unpack_u4, unpack_i4, pack_3, unpack_3, pack_2, unpack_2);
