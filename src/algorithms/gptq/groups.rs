//! Parameters of groups, one group of each channel of a slab.

use crate::algorithms::WHOLE;
use crate::algorithms::codes::{RowParams, dequantize_f32, quantize_row, reciprocals};
use crate::algorithms::gptq::estimation::estimate;
use crate::algorithms::gptq::lanes::Lanes;
use crate::algorithms::gptq::samples::Samples;
use crate::algorithms::gptq::search::search;
use crate::algorithms::weights::{Batch, Rule, through_storage};
use crate::kernels::{Kernels, TILE_COLS};
use crate::params::gptq::{GptqPlan, GptqScale};
use crate::params::matrix::CodeType;
use crate::views::{CodeRun, CodeRunMut, Run};
use core::ops::Range;

/// Runs a macro with the type of one code.
macro_rules! by_type {
    ($code_type:expr, $through:ident) => {
        match $code_type {
            CodeType::I8 | CodeType::I4 => $through!(I8, i8),
            CodeType::U16 => $through!(U16, u16),
            _ => $through!(U8, u8),
        }
    };
}

/// What turns groups into their parameters.
#[derive(Clone, Copy)]
pub(super) struct Grouper<'a> {
    pub(super) k: &'a Kernels,
    pub(super) rule: &'a Rule<'a>,
    pub(super) plan: &'a GptqPlan,
    /// What scales are estimated from.
    pub(super) samples: Option<Samples<'a>>,
}

impl Grouper<'_> {
    /// Takes the scales, as f32, and the zero points of `columns`, whose squared errors count with
    /// `importance`. They are `members` of all columns.
    pub(super) fn take(
        &self,
        (columns, importance): (&[Lanes], &[f32]),
        members: Range<usize>,
        (scale, zero_point): (&mut Lanes, &mut Lanes),
        memory: &mut [Lanes],
    ) {
        let (mut min, mut max) = ([f32::INFINITY; TILE_COLS], [f32::NEG_INFINITY; TILE_COLS]);
        for column in columns {
            self.k.min_max_columns(column, TILE_COLS, &mut min, &mut max);
        }
        let mut batch = Batch::<TILE_COLS>::EMPTY;
        // A width that overflows makes a group that counts as all zero.
        batch.set(self.rule, &min, &max);
        *zero_point = batch.zero_point.map(|z| z as f32);
        *scale = match (self.plan.scale, self.samples) {
            (GptqScale::Search, _) => search(self, &batch, (columns, importance)),
            (GptqScale::Estimation, Some(samples)) => {
                estimate(self, samples, &batch, (columns, members), memory)
            }
            _ => self.stored(&batch.stored),
        };
    }

    /// The scales with which weights are rounded.
    pub(super) fn stored(&self, scale: &Lanes) -> Lanes {
        let mut stored = *scale;
        if self.plan.stored_scales {
            through_storage(self.k, self.rule, &mut stored);
        }
        stored
    }
}

/// What columns are rounded with: `N` lanes, one column after the other.
pub(super) struct Group<'a, const N: usize = TILE_COLS> {
    rule: &'a Rule<'a>,
    batch: Batch<N>,
    reciprocal: [f32; N],
    has_reciprocals: bool,
}

impl<'a, const N: usize> Group<'a, N> {
    /// `bounded`: no element is far beyond the codes.
    pub(super) fn new(rule: &'a Rule<'a>, bounded: bool) -> Self {
        let batch = Batch { bounded, ..Batch::EMPTY };
        Self { rule, batch, reciprocal: [0.0; N], has_reciprocals: false }
    }

    /// Uses parameters that were taken.
    pub(super) fn load(&mut self, scale: &Lanes, zero_point: &Lanes) {
        let divisors = scale.map(|scale| self.rule.divisor(scale));
        let mut inverses = [0.0; TILE_COLS];
        self.has_reciprocals = !reciprocals(&divisors, &mut inverses).is_empty();
        self.batch.scale.as_chunks_mut().0.fill(divisors);
        self.batch.zero_point.as_chunks_mut().0.fill(zero_point.map(|z| z as i32));
        self.reciprocal.as_chunks_mut().0.fill(inverses);
    }

    fn params(&self, lanes: usize) -> RowParams<'_> {
        let mut params = self.batch.params(self.rule, lanes, WHOLE);
        params.by_column = true;
        if self.has_reciprocals {
            params.affine.reciprocal = self.reciprocal.get(..lanes).unwrap_or_default();
        }
        params
    }

    /// Rounds columns, at most as many as there are lanes for: the codes of as many elements as `codes`
    /// has, and the values they stand for.
    #[inline(never)]
    pub(super) fn round(&self, k: &Kernels, x: &[f32], codes: &mut [f32], values: &mut [f32]) {
        let (params, code_type) = (self.params(x.len()), self.rule.format.code_type());
        macro_rules! through {
            ($run:ident, $ty:ty) => {{
                let mut q: [$ty; N] = [0; N];
                let q = q.get_mut(..x.len()).unwrap_or_default();
                quantize_row(k, Run::F32(x), &params, code_type, CodeRunMut::$run(q));
                dequantize_f32(k, CodeRun::$run(q), &params, code_type, 0..x.len(), values);
                codes.iter_mut().zip(q).for_each(|(to, q)| *to = f32::from(*q));
            }};
        }
        by_type!(code_type, through);
    }

    /// The values that the codes of a column stand for.
    #[inline(never)]
    pub(super) fn values(&self, k: &Kernels, codes: &Lanes, values: &mut Lanes) {
        let (params, code_type) = (self.params(TILE_COLS), self.rule.format.code_type());
        macro_rules! through {
            ($run:ident, $ty:ty) => {{
                let q = codes.map(|code| code as $ty);
                dequantize_f32(k, CodeRun::$run(&q), &params, code_type, 0..TILE_COLS, values);
            }};
        }
        by_type!(code_type, through);
    }
}
