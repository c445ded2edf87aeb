//! Picks a table: the best one that the CPU has and the caller allows.

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[allow(unsafe_code, reason = "CPUID and XGETBV")]
mod detect;

use crate::arch;
use crate::kernels::{Isa, Kernels};
use core::sync::atomic::{AtomicU32, Ordering};

/// The only state of the library. Plain loads and stores: racing threads write the same value here.
static DETECTED: AtomicU32 = AtomicU32::new(UNKNOWN);

/// The highest rank that the caller allows.
static ALLOWED: AtomicU32 = AtomicU32::new(u32::MAX);

/// No look at the CPU yet.
const UNKNOWN: u32 = u32::MAX;

/// Rank of a tier on its architecture: a higher one may run wherever a lower one may.
fn rank(isa: Isa) -> u32 {
    match isa {
        Isa::Scalar => 0,
        Isa::Avx2 | Isa::Neon => 1,
        Isa::Avx512 => 2,
    }
}

/// The tables of this target, from the lowest tier.
fn tables() -> &'static [&'static Kernels] {
    #[cfg(target_arch = "x86_64")]
    {
        const TABLES: &[&Kernels] =
            &[&arch::scalar::KERNELS, &arch::x86_64::avx2::KERNELS, &arch::x86_64::avx512::KERNELS];
        TABLES
    }
    #[cfg(all(target_arch = "aarch64", target_feature = "neon", target_endian = "little"))]
    {
        const TABLES: &[&Kernels] = &[&arch::scalar::KERNELS, &arch::aarch64::neon::KERNELS];
        TABLES
    }
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_feature = "neon", target_endian = "little")
    )))]
    {
        const TABLES: &[&Kernels] = &[&arch::scalar::KERNELS];
        TABLES
    }
}

/// The highest rank that the CPU can run.
fn detect() -> u32 {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        detect::rank()
    }
    // Miri has no CPUID; it runs what it was compiled for.
    #[cfg(all(target_arch = "x86_64", miri))]
    {
        u32::from(cfg!(all(
            target_feature = "avx2",
            target_feature = "fma",
            target_feature = "f16c"
        )))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        // Advanced SIMD is part of the target where its table is.
        tables().len() as u32 - 1
    }
}

/// The highest rank that the CPU can run, looked up once.
fn detected() -> u32 {
    let known = DETECTED.load(Ordering::Relaxed);
    if known != UNKNOWN {
        return known;
    }
    let rank = detect();
    DETECTED.store(rank, Ordering::Relaxed);
    rank
}

/// The table in use.
#[inline]
#[must_use]
pub fn active() -> &'static Kernels {
    let rank = detected().min(ALLOWED.load(Ordering::Relaxed));
    tables().get(rank as usize).copied().unwrap_or(&arch::scalar::KERNELS)
}

/// The tables that the CPU can run, from scalar up, whatever [`set_max_isa`] allows.
pub fn available() -> impl Iterator<Item = &'static Kernels> {
    tables().iter().copied().take(detected() as usize + 1)
}

/// Allows no tier above `isa` from now on, for all threads. A tier of another architecture stands
/// for the one of the same rank here.
pub fn set_max_isa(isa: Isa) {
    ALLOWED.store(rank(isa), Ordering::Relaxed);
}
