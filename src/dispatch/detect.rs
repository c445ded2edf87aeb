//! CPU detection without `std`: CPUID says what the CPU has, XGETBV which registers the operating
//! system saves.

use core::arch::x86_64::{__cpuid_count, _xgetbv};

/// 0: baseline; 1: AVX2, FMA, F16C; 2: and AVX-512 F, BW, VL, DQ, BMI1, BMI2, POPCNT.
pub(super) fn rank() -> u32 {
    const FMA: u32 = 1 << 12;
    const POPCNT: u32 = 1 << 23;
    const OSXSAVE: u32 = 1 << 27;
    const AVX: u32 = 1 << 28;
    const F16C: u32 = 1 << 29;
    const BMI1: u32 = 1 << 3;
    const AVX2: u32 = 1 << 5;
    const BMI2: u32 = 1 << 8;
    const AVX512F: u32 = 1 << 16;
    const AVX512DQ: u32 = 1 << 17;
    const AVX512BW: u32 = 1 << 30;
    const AVX512VL: u32 = 1 << 31;
    const YMM_STATE: u64 = 0b110;
    const ZMM_STATE: u64 = 0b1110_0110;

    // Every x86-64 CPU has CPUID; the highest leaf is asked first.
    if cpuid(0, 0).0 < 7 {
        return 0;
    }
    let (_, _, ecx, _) = cpuid(1, 0);
    let needed = FMA | OSXSAVE | AVX | F16C;
    if ecx & needed != needed {
        return 0;
    }
    // SAFETY: OSXSAVE says that XGETBV exists and register 0 is readable.
    let saved = unsafe { xcr0() };
    let (_, ebx, _, _) = cpuid(7, 0);
    if saved & YMM_STATE != YMM_STATE || ebx & AVX2 == 0 {
        return 0;
    }
    let needed = AVX512F | AVX512DQ | AVX512BW | AVX512VL | BMI1 | BMI2;
    let wide = saved & ZMM_STATE == ZMM_STATE && ebx & needed == needed && ecx & POPCNT != 0;
    if wide { 2 } else { 1 }
}

/// EAX, EBX, ECX, EDX.
#[allow(unused_unsafe, reason = "CPUID became safe in later versions of Rust")]
fn cpuid(leaf: u32, sub: u32) -> (u32, u32, u32, u32) {
    // SAFETY: CPUID exists on every x86-64 CPU.
    let r = unsafe { __cpuid_count(leaf, sub) };
    (r.eax, r.ebx, r.ecx, r.edx)
}

/// # Safety
/// The CPU has XGETBV and the operating system enabled it.
#[target_feature(enable = "xsave")]
unsafe fn xcr0() -> u64 {
    // SAFETY: the contract of this function.
    unsafe { _xgetbv(0) }
}
