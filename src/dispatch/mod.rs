//! Picks a table: the best one that the CPU has and the caller allows.

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[allow(unsafe_code, reason = "CPUID and XGETBV")]
mod detect;

use crate::arch;
use crate::kernels::{Isa, Kernels};
use core::sync::atomic::{AtomicU32, Ordering};

/// The only state of the library: the highest tier that the CPU has and the highest that the caller
/// allows, as ranks, `KNOWN | detected << 8 | allowed`; `UNKNOWN` until the first look.
static ISA: AtomicU32 = AtomicU32::new(UNKNOWN);

const UNKNOWN: u32 = 0;
const KNOWN: u32 = 1 << 16;
const EVERY: u32 = 0xFF;

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

fn state() -> u32 {
    let state = ISA.load(Ordering::Relaxed);
    if state != UNKNOWN {
        return state;
    }
    let state = KNOWN | detect() << 8 | EVERY;
    // A racing `set_max_isa` must not be lost.
    match ISA.compare_exchange(UNKNOWN, state, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => state,
        Err(other) => other,
    }
}

/// The table in use.
#[inline]
#[must_use]
pub fn active() -> &'static Kernels {
    let state = state();
    let rank = (state >> 8 & 0xFF).min(state & 0xFF);
    tables().get(rank as usize).copied().unwrap_or(&arch::scalar::KERNELS)
}

/// The tables that the CPU can run, from scalar up, whatever [`set_max_isa`] allows.
pub fn available() -> impl Iterator<Item = &'static Kernels> {
    let count = (state() >> 8 & 0xFF) + 1;
    tables().iter().copied().take(count as usize)
}

/// Allows no tier above `isa` from now on, for all threads. A tier of another architecture stands
/// for the one of the same rank here.
pub fn set_max_isa(isa: Isa) {
    let detected = state() & !0xFF;
    ISA.store(detected | rank(isa), Ordering::Relaxed);
}
