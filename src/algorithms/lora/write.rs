//! The adapters as the caller wants them.

use super::Sizes;
use crate::algorithms::finite::{TAME, below};
use crate::algorithms::stage::{narrowed, pieces};
use crate::algorithms::weights::{ScalesMut, compress};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::matrix::Dtype;
use crate::params::weights::{WeightFormat, WeightMode, WeightParams};
use crate::scratch::Scratch;
use crate::status::Result;
use crate::views::{CodesViewMut, MatrixView, MatrixViewMut, PerGroup, Run};
use core::ffi::CStr;

/// Where an adapter goes.
#[derive(Debug)]
pub struct AdapterMut<'a> {
    /// What the header calls it.
    pub name: &'static CStr,
    /// Its floats, if they are wanted.
    pub values: Option<MatrixViewMut<'a>>,
    /// Its codes, and a scale and a zero point per row, if they are wanted.
    pub codes: Option<(CodesViewMut<'a>, &'a mut [f32], &'a mut [u8])>,
}

/// Where the results go.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// `A`.
    pub a: AdapterMut<'a>,
    /// `B`.
    pub b: AdapterMut<'a>,
    /// The noise at each step, or none.
    pub noises: &'a mut [f32],
}

/// Cuts, or counts, the workspace for a layer.
pub(super) fn workspace(scratch: &mut Scratch<'_>, sizes: Sizes) -> Result {
    scratch.array::<f32>(sizes.rank.saturating_mul(sizes.outputs)).map(|_| ())
}

/// Writes `A` and `B`, or refuses one that its types cannot hold before anything is written.
pub(super) fn write(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    sizes: Sizes,
    (u, v): (&[f32], &[f32]),
    to: (AdapterMut<'_>, AdapterMut<'_>),
) -> Result {
    let b = scratch.array(sizes.rank.saturating_mul(sizes.outputs))?;
    for (i, v) in v.chunks(sizes.outputs.max(1)).enumerate() {
        let column = b.iter_mut().skip(i).step_by(sizes.rank.max(1));
        column.zip(v).for_each(|(to, from)| *to = *from);
    }
    let both =
        [(to.0, MatrixView::dense(u, sizes.inputs)), (to.1, MatrixView::dense(b, sizes.rank))];
    both.iter().try_for_each(|(to, from)| to.can_hold(k, exec, *from))?;
    both.into_iter().try_for_each(|(to, from)| to.write(k, exec, from))
}

impl AdapterMut<'_> {
    /// Refuses an adapter that is not finite, or of which two elements may be further apart than codes of a
    /// finite scale.
    fn can_hold(&self, k: &Kernels, exec: Exec<'_>, from: MatrixView<'_>) -> Result {
        let limit = if self.codes.is_some() { TAME } else { f32::INFINITY };
        below(k, exec, from, limit, (self.name, c"must be finite, as codes smaller than 2^127"))
    }

    fn write(self, k: &Kernels, exec: Exec<'_>, from: MatrixView<'_>) -> Result {
        if let Some(mut to) = self.values {
            for row in 0..from.rows() {
                for piece in pieces(from.cols()) {
                    let Run::F32(x) = from.run(row, piece.clone()) else { continue };
                    narrowed(k, to.run_mut(row, piece), |to| {
                        to.iter_mut().zip(x).for_each(|(to, from)| *to = *from);
                    });
                }
            }
        }
        let Some((codes, scale, zero_point)) = self.codes else { return Ok(()) };
        let format = int8()?;
        let scale = ScalesMut::F32(PerGroup::new(scale, 1, from.cols()));
        let zero_point = PerGroup::new(zero_point, 1, from.cols());
        compress(k, exec, &format, &[], from, (codes, scale, zero_point), &mut [])
    }
}

/// Eight bits with a zero point per row.
fn int8() -> Result<WeightFormat> {
    let mode = WeightMode::Int8Asym as u32;
    WeightParams { mode, scale_dtype: Dtype::F32 as u32, ..WeightParams::DEFAULT }.validate()
}
