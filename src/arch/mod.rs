//! The kernels, once per instruction set. `scalar` is the specification and the fallback;
//! `generic` holds bodies over a block of 32 lanes that the vector tiers share.

#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) mod bits;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) mod counters;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) mod fixed;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) mod generic;
pub(crate) mod scalar;
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
    )),
    allow(dead_code, reason = "no vector tier on this target")
)]
pub(crate) mod simd;
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) mod words;

#[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
pub(crate) mod aarch64;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86_64;

/// Makes the entry points of a vector tier and its table. Every entry point turns the features on
/// and calls `bodies::family::body(token, arguments)`: `bodies` is `generic`, but for the families
/// that the tier writes by hand.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
macro_rules! vector_tier {
    ([$isa:ident, $token:ident, $features:literal]
     $($(#[doc = $doc:literal])+ fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? = $family:ident::$body:ident;)+) => {
        $(#[target_feature(enable = $features)]
        fn $name($($arg: $ty),*) $(-> $ret)? {
            bodies::$family::$body($token::new(), $($arg),*)
        })+

        /// The table of this tier.
        pub(crate) static KERNELS: Kernels = Kernels { isa: Isa::$isa, $($name),+ };
    };
}
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
))]
pub(crate) use vector_tier;
