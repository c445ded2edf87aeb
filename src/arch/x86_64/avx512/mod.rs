//! AVX-512 F, BW, VL and DQ, with AVX2, FMA and F16C: two registers to a block.

#![allow(unsafe_code, reason = "table entries are unsafe fn pointers")]

mod bits;
mod fixed;
mod pack;
mod simd;
mod slots;
mod words;

use crate::arch::vector_tier;
use crate::kernels::{
    Affine, Bins, Codebook, Counters, FixedScale, FloatDecoding, FloatEncoding, FloatScale,
    GridBins, Isa, Kernels, LevelGrid, PowerRounding, TableCoding, TileMut, kernel_list,
};
use core::num::NonZeroUsize;
use half::{bf16, f16};
use simd::Avx512;

/// The families that are written by hand, and the rest.
mod bodies {
    pub(super) use super::pack;
    pub(super) use crate::arch::generic::*;
}

kernel_list!(vector_tier [Avx512, Avx512, "avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,f16c,bmi1,bmi2,popcnt"]);
