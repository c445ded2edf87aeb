//! Between float types: 8, 6 and 4 bits from and to 32 and 16, and 32 and 16 among each other.

use crate::algorithms::codes::{RowParams, dequantize_row};
use crate::algorithms::coding::{Coding, Float, Table, UNSCALED};
use crate::algorithms::elementwise::{Shared, map};
use crate::algorithms::pack::pack;
use crate::algorithms::quantize::alignment;
use crate::algorithms::stage::{STAGE, cuts, narrowed, pieces, widen_into, widened};
use crate::formats::FloatFormat;
use crate::kernels::{Kernels, PowerRounding};
use crate::parallel::{Cut, Exec};
use crate::params::convert::{ConvertRules, FloatRounding, NanRule, Overflow};
use crate::params::elementwise::Sharing;
use crate::params::matrix::{CodeType, Dtype};
use crate::status::Result;
use crate::views::{
    CodeRun, CodeRunMut, CodesView, CodesViewMut, MatrixView, MatrixViewMut, Run, RunMut,
};
use half::{bf16, f16};

impl Float {
    /// The rules of a conversion.
    #[must_use]
    pub fn new(format: FloatFormat, overflow: Overflow, nan: NanRule) -> Self {
        let all = Self::saturating(format);
        let limit = match overflow {
            Overflow::Special if format.nan().is_some() => format.magnitude(format.largest() + 1),
            _ => all.limit,
        };
        let nan = match nan {
            NanRule::Keep => all.nan,
            NanRule::NegativeMax => format.sign() | format.largest(),
        };
        Self { limit, nan, ..all }
    }
}

/// What a cell of the random sequence does to a piece of a row.
struct Dither {
    key: u64,
    mantissa_bits: u32,
    smallest_exponent: u32,
}

impl Dither {
    /// For a grid of that many mantissa bits, if the rules say so.
    fn new(rules: &ConvertRules, mantissa_bits: u32, smallest_exponent: u32) -> Option<Self> {
        let stochastic = rules.rounding == FloatRounding::Stochastic;
        stochastic.then_some(Self { key: rules.seed, mantissa_bits, smallest_exponent })
    }

    /// Moves a piece whose first element has the row-major index `first` onto the grid of the
    /// destination, where rounding to nearest leaves it.
    fn apply(&self, k: &Kernels, first: u64, x: &mut [f32]) {
        let mut noise = [0; STAGE];
        let noise = noise.get_mut(..x.len()).unwrap_or_default();
        k.noise(self.key, first, noise);
        k.dither(x, noise, self.mantissa_bits, self.smallest_exponent);
    }
}

/// How the codes of a conversion are made.
enum Encoder {
    Float(Float, Option<Dither>),
    Power { rounding: PowerRounding, overflow: u8 },
    Table(Table),
}

impl Encoder {
    fn new(code_type: CodeType, rules: &ConvertRules) -> Self {
        if let Some(format) = code_type.float_format() {
            let float = Float::new(format, rules.overflow, rules.nan);
            let dither = Dither::new(rules, format.mantissa_bits, format.smallest_exponent());
            return Self::Float(float, dither);
        }
        if code_type == CodeType::Nf4 {
            return Self::Table(Table::nf4());
        }
        let rounding = match rules.rounding {
            FloatRounding::Up => PowerRounding::Up,
            FloatRounding::Down => PowerRounding::Down,
            _ => PowerRounding::Nearest,
        };
        let overflow = if rules.overflow == Overflow::Saturate { 254 } else { 255 };
        Self::Power { rounding, overflow }
    }

    /// One byte per code. `first` is the row-major index of the first element; only a piece of at
    /// most `STAGE` elements can be dithered or be of another type than f32.
    fn encode(&self, k: &Kernels, first: u64, run: Run<'_>, codes: &mut [u8]) {
        let mut buffer = [0.0; STAGE];
        let x = match self {
            Self::Float(_, Some(dither)) => {
                let buffer = buffer.get_mut(..run.len()).unwrap_or_default();
                widen_into(k, run, buffer);
                dither.apply(k, first, buffer);
                buffer
            }
            _ => widened(k, run, &mut buffer),
        };
        match self {
            Self::Float(float, _) => k.encode_float(x, &float.encoding(), codes),
            Self::Power { rounding, overflow } => k.encode_power(x, *rounding, *overflow, codes),
            Self::Table(table) => Coding::Table(table).encode(k, false, x, &UNSCALED, codes),
        }
    }

    /// Elements that can be encoded in one go.
    fn step(&self, run: Run<'_>) -> usize {
        match (self, run) {
            (Self::Float(_, Some(_)), _) => STAGE,
            (_, Run::F32(_)) => PLAIN,
            _ => STAGE,
        }
    }
}

/// Elements of a piece that needs no float buffer.
const PLAIN: usize = 4 * STAGE;

/// Encodes `src` into `dst` of the same shape, whose codes are not integers.
pub fn encode(
    k: &Kernels,
    exec: Exec<'_>,
    rules: &ConvertRules,
    src: MatrixView<'_>,
    dst: CodesViewMut<'_>,
) -> Result {
    let (cols, code_type) = (src.cols(), dst.code_type());
    let encoder = Encoder::new(code_type, rules);
    exec.tiles(Cut::new(src.rows(), cols, alignment(Sharing::Tensor)), dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            let run = src.run(row, tile.cols.clone());
            let first = row as u64 * cols as u64 + tile.cols.start as u64;
            let step = encoder.step(run);
            let bytes = code_type.row_bytes(step).unwrap_or(step);
            match dst.run_mut(i, 0..tile.cols.len()) {
                CodeRunMut::U8(q) => {
                    for (piece, q) in cuts(0..run.len(), step).zip(q.chunks_mut(step)) {
                        encoder.encode(k, first + piece.start as u64, run.part(piece), q);
                    }
                }
                CodeRunMut::Packed(q) => {
                    let mut codes = [0; PLAIN];
                    for (piece, q) in cuts(0..run.len(), step).zip(q.chunks_mut(bytes)) {
                        let codes = codes.get_mut(..piece.len()).unwrap_or_default();
                        encoder.encode(k, first + piece.start as u64, run.part(piece), codes);
                        pack(k, code_type, codes, q);
                    }
                }
                _ => {}
            }
        }
    })
}

/// Decodes `src`, whose codes are not integers, into `dst` of the same shape.
pub fn decode(k: &Kernels, exec: Exec<'_>, src: CodesView<'_>, dst: MatrixViewMut<'_>) -> Result {
    let code_type = src.code_type();
    let table = Table::nf4();
    let coding = match code_type.float_format() {
        Some(format) => Coding::Float(Float::saturating(format)),
        None => Coding::Table(&table),
    };
    let params = RowParams { affine: UNSCALED, by_column: false, coding };
    let cut = Cut::new(src.rows(), src.cols(), alignment(Sharing::Tensor));
    exec.tiles(cut, dst, |tile, mut dst| {
        let src = src.tile(tile);
        for i in 0..tile.rows.len() {
            match src.run(i, 0..tile.cols.len()) {
                CodeRun::U8(q) if code_type == CodeType::E8m0 => {
                    for piece in pieces(tile.cols.len()) {
                        let q = q.get(piece.clone()).unwrap_or_default();
                        narrowed(k, dst.run_mut(i, piece), |y| k.decode_power(q, y));
                    }
                }
                codes => {
                    let out = dst.run_mut(i, 0..tile.cols.len());
                    dequantize_row(k, codes, &params, code_type, out);
                }
            }
        }
    })
}

/// What happens to f32 on its way to a type of 16 or 32 bits.
struct Narrowing {
    /// Largest magnitude, if magnitudes are limited.
    limit: Option<f32>,
    /// What replaces a NaN.
    nan: Option<f32>,
    dither: Option<Dither>,
}

impl Narrowing {
    fn new(rules: &ConvertRules, to: Dtype) -> Self {
        let (largest, mantissa_bits, smallest_exponent) = match to {
            Dtype::F32 => (f32::MAX, 23, 1),
            Dtype::F16 => (f16::MAX.to_f32(), 10, 113),
            Dtype::Bf16 => (bf16::MAX.to_f32(), 7, 1),
        };
        Self {
            limit: (rules.overflow == Overflow::Saturate).then_some(largest),
            nan: (rules.nan == NanRule::NegativeMax).then_some(-largest),
            // All f32 are on the grid of f32.
            dither: Dither::new(rules, mantissa_bits, smallest_exponent)
                .filter(|_| to != Dtype::F32),
        }
    }

    fn is_plain(&self) -> bool {
        self.limit.is_none() && self.nan.is_none() && self.dither.is_none()
    }

    fn apply(&self, k: &Kernels, first: u64, x: &mut [f32]) {
        if let Some(nan) = self.nan {
            x.iter_mut().for_each(|x| *x = if x.is_nan() { nan } else { *x });
        }
        if let Some(dither) = &self.dither {
            dither.apply(k, first, x);
        }
        if let Some(limit) = self.limit {
            k.saturate(x, limit);
        }
    }
}

/// Converts `src` into `dst` of the same shape and another float type.
pub fn convert(
    k: &Kernels,
    exec: Exec<'_>,
    rules: &ConvertRules,
    src: MatrixView<'_>,
    dst: MatrixViewMut<'_>,
) -> Result {
    let cols = src.cols();
    let narrowing = Narrowing::new(rules, dst.dtype());
    let cut = Cut::new(src.rows(), cols, alignment(Sharing::Tensor));
    exec.tiles(cut, dst, |tile, mut dst| {
        for (i, row) in tile.rows.clone().enumerate() {
            let run = src.run(row, tile.cols.clone());
            if narrowing.is_plain() && direct(k, run, dst.run_mut(i, 0..tile.cols.len())) {
                continue;
            }
            let first = row as u64 * cols as u64 + tile.cols.start as u64;
            for piece in pieces(run.len()) {
                let first = first + piece.start as u64;
                let from = run.part(piece.clone());
                narrowed(k, dst.run_mut(i, piece), |y| {
                    widen_into(k, from, y);
                    narrowing.apply(k, first, y);
                });
            }
        }
    })
}

/// Converts a run with one kernel; answers whether there is one.
fn direct(k: &Kernels, src: Run<'_>, dst: RunMut<'_>) -> bool {
    match (src, dst) {
        (Run::F32(x), RunMut::F16(y)) => k.narrow_f16(x, y),
        (Run::F32(x), RunMut::Bf16(y)) => k.narrow_bf16(x, y),
        (src, RunMut::F32(y)) => widen_into(k, src, y),
        (Run::F16(x), RunMut::F16(y)) => copy(x, y),
        (Run::Bf16(x), RunMut::Bf16(y)) => copy(x, y),
        _ => return false,
    }
    true
}

fn copy<T: Copy>(from: &[T], to: &mut [T]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

/// Scales and shifts of a matrix that is converted and converted back.
#[derive(Clone, Copy, Debug)]
pub struct Casts<'a> {
    /// Which elements share a scale and a shift.
    pub sharing: Sharing,
    /// The scales, as many as `sharing` asks for.
    pub scale: &'a [f32],
    /// The shifts, as many; or none, for 0.
    pub shift: &'a [f32],
    /// The format.
    pub float: Float,
}

/// Converts `src` to the format and back, into `dst` of the same shape; without `src`, `dst` in
/// place.
pub fn fake_convert(
    k: &Kernels,
    exec: Exec<'_>,
    casts: &Casts<'_>,
    src: Option<MatrixView<'_>>,
    dst: MatrixViewMut<'_>,
) -> Result {
    let Casts { sharing, scale, shift, float } = *casts;
    let to = float.encoding();
    map(k, exec, sharing, src, dst, |shared, data| match shared {
        Shared::One(i) => {
            let scale = scale.get(i).copied().unwrap_or(1.0);
            let shift = shift.get(i).copied().unwrap_or(0.0);
            k.fake_convert(data, scale, shift, &to);
        }
        Shared::Each(columns) => {
            let none = [0.0; STAGE];
            let scale = scale.get(columns.clone()).unwrap_or_default();
            let shift = shift.get(columns).or(none.get(..data.len()));
            k.fake_convert_columns(data, scale, shift.unwrap_or_default(), &to);
        }
    })
}

/// The scale that maps the largest magnitude of a channel to the largest number of the format:
/// `max_format / max(max, |min| + 2^-23)`.
#[must_use]
pub fn fp8_scale(format: FloatFormat, min: f32, max: f32) -> f32 {
    let low = min.abs() + f32::EPSILON;
    let largest = if low > max { low } else { max };
    format.max() / largest
}
