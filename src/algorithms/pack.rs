//! Codes of 6, 4, 3 and 2 bits: one byte per code, or packed.

use crate::kernels::Kernels;
use crate::params::matrix::CodeType;

/// Packs one byte per code; `dst` holds the bytes of `src.len()` codes. The native 8-bit types are
/// copied, the 16-bit types have no form of one byte and are left alone.
pub fn pack(k: &Kernels, code_type: CodeType, src: &[u8], dst: &mut [u8]) {
    match code_type {
        CodeType::I4 | CodeType::U4 | CodeType::E2m1 | CodeType::Nf4 => k.pack_4(src, dst),
        CodeType::U3 => k.pack_3(src, dst),
        CodeType::U2 => k.pack_2(src, dst),
        CodeType::E3m2 | CodeType::E2m3 => k.pack_6(src, dst),
        CodeType::I16 | CodeType::U16 => {}
        _ => dst.iter_mut().zip(src).for_each(|(to, from)| *to = *from),
    }
}

/// The inverse of [`pack`]: `dst.len()` codes. Codes of `I4` are sign-extended.
pub fn unpack(k: &Kernels, code_type: CodeType, src: &[u8], dst: &mut [u8]) {
    match code_type {
        CodeType::I4 => k.unpack_i4(src, dst),
        CodeType::U4 | CodeType::E2m1 | CodeType::Nf4 => k.unpack_u4(src, dst),
        CodeType::U3 => k.unpack_3(src, dst),
        CodeType::U2 => k.unpack_2(src, dst),
        CodeType::E3m2 | CodeType::E2m3 => k.unpack_6(src, dst),
        CodeType::I16 | CodeType::U16 => {}
        _ => dst.iter_mut().zip(src).for_each(|(to, from)| *to = *from),
    }
}
