//! One row between floats and codes: the piece that quantization, dequantization and weight
//! compression share.

use crate::algorithms::coding::Coding;
use crate::algorithms::pack::{pack, unpack};
use crate::algorithms::stage::{STAGE, cuts, group_runs, narrowed, pieces, widened};
use crate::kernels::{Affine, Kernels, has_reciprocal};
use crate::params::matrix::CodeType;
use crate::views::{CodeRun, CodeRunMut, Run, RunMut};
use core::ops::Range;

/// Parameters of a row: of consecutive groups, or one per column.
#[derive(Clone, Copy, Debug)]
pub struct RowParams<'a> {
    /// Scales, zero points, group size and code range.
    pub affine: Affine<'a>,
    /// Whether there is a scale per column instead of per group.
    pub by_column: bool,
    /// What the codes stand for.
    pub coding: Coding<'a>,
}

impl<'a> RowParams<'a> {
    /// The scale of element `i`.
    #[cfg(feature = "lora")]
    pub fn scale_of(&self, i: usize) -> f32 {
        let Affine { scale, group, .. } = self.affine;
        let at = if self.by_column { i } else { i / group };
        scale.get(at).copied().unwrap_or_default()
    }

    /// Calls `f` with runs that cover `range` and the parameters of each.
    #[inline]
    fn runs(&self, range: Range<usize>, mut f: impl FnMut(Range<usize>, &Affine<'a>)) {
        let Affine { scale, reciprocal, zero_point, group, .. } = self.affine;
        if self.by_column {
            let scale = scale.get(range.clone()).unwrap_or_default();
            let reciprocal = reciprocal.get(range.clone()).unwrap_or_default();
            let zero_point = zero_point.get(range.clone()).unwrap_or_default();
            f(range, &Affine { scale, reciprocal, zero_point, ..self.affine });
            return;
        }
        group_runs(range, group, |run, first| {
            let scale = scale.get(first..).unwrap_or_default();
            let zero_point = zero_point.get(first..).unwrap_or_default();
            f(run, &Affine { scale, zero_point, ..self.affine });
        });
    }
}

/// The types of codes that rows are made of.
trait Native: Copy {
    fn quantize(
        k: &Kernels,
        params: &RowParams<'_>,
        src: &[f32],
        to: &Affine<'_>,
        dst: &mut [Self],
    );
    fn dequantize(
        k: &Kernels,
        params: &RowParams<'_>,
        src: &[Self],
        from: &Affine<'_>,
        dst: &mut [f32],
    );
}

/// The kernels of a type: for integers per group, per column and back; for other codes, where the
/// type has any.
macro_rules! native {
    ($ty:ty, $quantize:ident, $quantize_columns:ident, $dequantize:ident, $dequantize_columns:ident
     $(, $encode:ident, $decode:ident)?) => {
        impl Native for $ty {
            #[inline]
            fn quantize(
                k: &Kernels,
                params: &RowParams<'_>,
                src: &[f32],
                to: &Affine<'_>,
                dst: &mut [Self],
            ) {
                match params.coding {
                    $(Coding::Float(_) | Coding::Table(_) | Coding::Codebook(_) => {
                        params.coding.$encode(k, params.by_column, src, to, dst);
                    })?
                    _ if params.by_column => k.$quantize_columns(src, to, dst),
                    _ => k.$quantize(src, to, dst),
                }
            }

            #[inline]
            fn dequantize(
                k: &Kernels,
                params: &RowParams<'_>,
                src: &[Self],
                from: &Affine<'_>,
                dst: &mut [f32],
            ) {
                match params.coding {
                    $(Coding::Float(_) | Coding::Table(_) | Coding::Codebook(_) => {
                        params.coding.$decode(k, params.by_column, src, from, dst);
                    })?
                    _ if params.by_column => k.$dequantize_columns(src, from, dst),
                    _ => k.$dequantize(src, from, dst),
                }
            }
        }
    };
}

native!(i8, quantize_i8, quantize_columns_i8, dequantize_i8, dequantize_columns_i8);
native!(u8, quantize_u8, quantize_columns_u8, dequantize_u8, dequantize_columns_u8, encode, decode);
native!(i16, quantize_i16, quantize_columns_i16, dequantize_i16, dequantize_columns_i16);
native!(
    u16,
    quantize_u16,
    quantize_columns_u16,
    dequantize_u16,
    dequantize_columns_u16,
    encode_u16,
    decode_u16
);

fn quantize_native<C: Native>(k: &Kernels, src: Run<'_>, params: &RowParams<'_>, dst: &mut [C]) {
    if let Run::F32(x) = src {
        C::quantize(k, params, x, &params.affine, dst);
        return;
    }
    let mut floats = [0.0; STAGE];
    for piece in pieces(src.len()) {
        let x = widened(k, src.part(piece.clone()), &mut floats);
        params.runs(piece.clone(), |run, affine| {
            let inside = run.start - piece.start..run.end - piece.start;
            let x = x.get(inside).unwrap_or_default();
            C::quantize(k, params, x, affine, dst.get_mut(run).unwrap_or_default());
        });
    }
}

/// Codes of a piece of f32 that is packed or unpacked: there is no float buffer, so it can be longer.
const PACKED_STAGE: usize = 4 * STAGE;

fn quantize_packed(
    k: &Kernels,
    src: Run<'_>,
    params: &RowParams<'_>,
    code_type: CodeType,
    dst: &mut [u8],
) {
    if let Run::F32(x) = src {
        packed_pieces::<PACKED_STAGE>(k, x.len(), code_type, dst, |piece, codes| {
            let x = x.get(piece.clone()).unwrap_or_default();
            quantize_bytes(k, x, params, code_type, piece, codes);
        });
    } else {
        let mut floats = [0.0; STAGE];
        packed_pieces::<STAGE>(k, src.len(), code_type, dst, |piece, codes| {
            let x = widened(k, src.part(piece.clone()), &mut floats);
            quantize_bytes(k, x, params, code_type, piece, codes);
        });
    }
}

/// Makes `len` codes in pieces of `N` bytes with `fill` and packs them.
fn packed_pieces<const N: usize>(
    k: &Kernels,
    len: usize,
    code_type: CodeType,
    dst: &mut [u8],
    mut fill: impl FnMut(Range<usize>, &mut [u8]),
) {
    let mut codes = [0_u8; N];
    let bytes = code_type.row_bytes(N).unwrap_or(N).max(1);
    for (piece, dst) in cuts(0..len, N).zip(dst.chunks_mut(bytes)) {
        let codes = codes.get_mut(..piece.len()).unwrap_or_default();
        fill(piece, codes);
        pack(k, code_type, codes, dst);
    }
}

/// The codes of a piece of a row, one byte each.
fn quantize_bytes(
    k: &Kernels,
    x: &[f32],
    params: &RowParams<'_>,
    code_type: CodeType,
    piece: Range<usize>,
    codes: &mut [u8],
) {
    let start = piece.start;
    params.runs(piece, |run, affine| {
        let inside = run.start - start..run.end - start;
        let x = x.get(inside.clone()).unwrap_or_default();
        let codes = codes.get_mut(inside).unwrap_or_default();
        if code_type == CodeType::I4 {
            i8::quantize(k, params, x, affine, bytemuck::cast_slice_mut(codes));
        } else {
            u8::quantize(k, params, x, affine, codes);
        }
    });
}

/// Computes `1 / scale` into `to`; answers the part that was written, or nothing if a scale has no
/// reciprocal.
pub(crate) fn reciprocals<'a>(scale: &[f32], to: &'a mut [f32]) -> &'a [f32] {
    if !scale.iter().all(|s| has_reciprocal(*s)) {
        return &[];
    }
    to.iter_mut().zip(scale).for_each(|(to, scale)| *to = 1.0 / scale);
    to.get(..scale.len()).unwrap_or_default()
}

/// Quantizes a row. `dst` holds as many codes as `src` has elements.
pub fn quantize_row(
    k: &Kernels,
    src: Run<'_>,
    params: &RowParams<'_>,
    code_type: CodeType,
    dst: CodeRunMut<'_>,
) {
    match dst {
        CodeRunMut::I8(q) => quantize_native(k, src, params, q),
        CodeRunMut::U8(q) => quantize_native(k, src, params, q),
        CodeRunMut::I16(q) => quantize_native(k, src, params, q),
        CodeRunMut::U16(q) => quantize_native(k, src, params, q),
        CodeRunMut::Packed(q) => quantize_packed(k, src, params, code_type, q),
    }
}

fn dequantize_native<C: Native>(
    k: &Kernels,
    src: &[C],
    params: &RowParams<'_>,
    range: Range<usize>,
    dst: &mut [f32],
) {
    let start = range.start;
    params.runs(range, |run, affine| {
        let inside = run.start - start..run.end - start;
        let q = src.get(inside.clone()).unwrap_or_default();
        let y = dst.get_mut(inside).unwrap_or_default();
        C::dequantize(k, params, q, affine, y);
    });
}

/// Dequantizes the codes `range` of a row into as many f32. A range of packed codes starts at a unit and is at
/// most `PACKED_STAGE` long.
pub(crate) fn dequantize_f32(
    k: &Kernels,
    src: CodeRun<'_>,
    params: &RowParams<'_>,
    code_type: CodeType,
    range: Range<usize>,
    dst: &mut [f32],
) {
    let native = range.clone();
    match src {
        CodeRun::I8(q) => {
            dequantize_native(k, q.get(native).unwrap_or_default(), params, range, dst);
        }
        CodeRun::U8(q) => {
            dequantize_native(k, q.get(native).unwrap_or_default(), params, range, dst);
        }
        CodeRun::I16(q) => {
            dequantize_native(k, q.get(native).unwrap_or_default(), params, range, dst);
        }
        CodeRun::U16(q) => {
            dequantize_native(k, q.get(native).unwrap_or_default(), params, range, dst);
        }
        CodeRun::Packed(q) => {
            let mut codes = [0_u8; PACKED_STAGE];
            let codes = codes.get_mut(..range.len()).unwrap_or_default();
            let first = code_type.row_bytes(range.start).unwrap_or_default();
            unpack(k, code_type, q.get(first..).unwrap_or_default(), codes);
            if code_type == CodeType::I4 {
                let codes: &[i8] = bytemuck::cast_slice(codes);
                dequantize_native(k, codes, params, range, dst);
            } else {
                dequantize_native(k, codes, params, range, dst);
            }
        }
    }
}

/// Dequantizes a row. `src` holds as many codes as `dst` has elements.
pub fn dequantize_row(
    k: &Kernels,
    src: CodeRun<'_>,
    params: &RowParams<'_>,
    code_type: CodeType,
    dst: RunMut<'_>,
) {
    let one = |range: Range<usize>, y: &mut [f32]| {
        dequantize_f32(k, src, params, code_type, range, y);
    };
    match dst {
        RunMut::F32(y) if !matches!(src, CodeRun::Packed(_)) => one(0..y.len(), y),
        RunMut::F32(y) => {
            let ranges = cuts(0..y.len(), PACKED_STAGE);
            ranges.zip(y.chunks_mut(PACKED_STAGE)).for_each(|(range, y)| one(range, y));
        }
        RunMut::F16(y) => {
            for (range, y) in pieces(y.len()).zip(y.chunks_mut(STAGE)) {
                narrowed(k, RunMut::F16(y), |y| one(range, y));
            }
        }
        RunMut::Bf16(y) => {
            for (range, y) in pieces(y.len()).zip(y.chunks_mut(STAGE)) {
                narrowed(k, RunMut::Bf16(y), |y| one(range, y));
            }
        }
    }
}
