//! From slabs to codes, scales and zero points as they are stored.

use crate::algorithms::gptq::blocks::{Layout, Solved};
use crate::algorithms::gptq::groups::Grouper;
use crate::algorithms::gptq::order::Order;
use crate::algorithms::pack::pack;
use crate::algorithms::stage::{STAGE, pieces};
use crate::algorithms::weights::{Grouping, Rule, ScalesMut};
use crate::kernels::{Kernels, TILE_COLS};
use crate::parallel::{Cut, Exec};
use crate::status::Result;
use crate::views::{CodeRunMut, CodesViewMut, PerGroup, TallRows};
use core::ops::Range;

/// Where the results go.
pub struct Outputs<'a> {
    /// The codes, in the shape of the weights.
    pub codes: CodesViewMut<'a>,
    /// The scales.
    pub scale: ScalesMut<'a>,
    /// The zero points of the asymmetric modes.
    pub zero_point: PerGroup<'a, u8>,
    /// The scale of the matrix with NVFP4, or none.
    pub tensor_scale: &'a mut [f32],
    /// The column at each place, or none.
    pub permutation: &'a mut [u32],
    /// The loss of each channel, or none.
    pub loss: &'a mut [f32],
}

/// Writes everything; answers the sum of the losses.
pub(super) fn write(
    grouper: &Grouper<'_>,
    exec: Exec<'_>,
    (layout, grouping): (Layout, &Grouping),
    slabs: &[f32],
    order: &Order<'_>,
    outputs: Outputs<'_>,
) -> Result<f64> {
    let (k, rule) = (grouper.k, grouper.rule);
    let Outputs { codes, scale, zero_point, tensor_scale, permutation, loss } = outputs;
    let slab = layout.rows() * TILE_COLS;
    let solved = |first: usize| {
        let start = first / TILE_COLS * slab;
        layout.solved(slabs.get(start..start + slab).unwrap_or_default())
    };
    if rule.format.by_column {
        let tall = TallRows { inner: codes, factor: grouping.group.get() };
        let cut = Cut::exact((grouping.rows, grouping.cols), grouping.rows, TILE_COLS);
        exec.silent().tiles(
            cut,
            (tall, scale, zero_point),
            |tile, (codes, scale, zero_point)| {
                let solved = solved(tile.cols.start);
                write_columns(k, rule, tile.cols.len(), &solved, (codes.inner, scale, zero_point));
            },
        )?;
    } else {
        let cut = Cut::exact((grouping.rows, layout.columns), TILE_COLS, layout.columns);
        exec.silent().tiles(cut, (codes, scale, zero_point), |tile, outputs| {
            write_rows(k, rule, tile.rows.len(), &solved(tile.rows.start), outputs);
        })?;
    }
    tensor_scale.iter_mut().for_each(|to| *to = rule.tensor_scale);
    (0..).zip(permutation).for_each(|(place, to)| *to = order.column(place) as u32);
    let channels = if rule.format.by_column { grouping.cols } else { grouping.rows };
    let firsts = (0..channels).step_by(TILE_COLS);
    let losses = firsts.flat_map(|first| solved(first).loss).take(channels);
    let total = losses.clone().map(|x| f64::from(*x)).sum();
    loss.iter_mut().zip(losses).for_each(|(to, x)| *to = *x);
    Ok(total)
}

/// Channels are columns.
fn write_columns(
    k: &Kernels,
    rule: &Rule<'_>,
    count: usize,
    solved: &Solved<'_>,
    (mut codes, mut scale, mut zero_point): (CodesViewMut<'_>, ScalesMut<'_>, PerGroup<'_, u8>),
) {
    for (row, lanes) in solved.weights.iter().enumerate() {
        let lanes = lanes.get(..count).unwrap_or_default();
        write_run(k, rule, codes.run_mut(row, 0..count), count, |range, to| {
            let from = lanes.get(range).unwrap_or_default();
            to.iter_mut().zip(from).for_each(|(to, x)| *to = *x);
        });
    }
    for (group, (stored, zero)) in solved.scale.iter().zip(solved.zero_point).enumerate() {
        scale.write(k, rule, group, 0, stored.get(..count).unwrap_or_default());
        let to = zero_point.row_mut(group);
        to.iter_mut().zip(zero).for_each(|(to, zero)| *to = *zero as u8);
    }
}

/// Channels are rows.
fn write_rows(
    k: &Kernels,
    rule: &Rule<'_>,
    count: usize,
    solved: &Solved<'_>,
    (mut codes, mut scale, mut zero_point): (CodesViewMut<'_>, ScalesMut<'_>, PerGroup<'_, u8>),
) {
    let columns = solved.weights.len();
    for lane in 0..count {
        write_run(k, rule, codes.run_mut(lane, 0..columns), columns, |range, to| {
            let from = solved.weights.get(range).unwrap_or_default();
            for (to, lanes) in to.iter_mut().zip(from) {
                *to = lanes.get(lane).copied().unwrap_or_default();
            }
        });
        for (group, stored) in solved.scale.iter().enumerate() {
            scale.write(k, rule, lane, group, stored.get(lane..lane + 1).unwrap_or_default());
        }
        for (to, zero) in zero_point.row_mut(lane).iter_mut().zip(solved.zero_point) {
            *to = zero.get(lane).copied().unwrap_or_default() as u8;
        }
    }
}

/// Writes a run of codes, which `values` gives as floats.
fn write_run(
    k: &Kernels,
    rule: &Rule<'_>,
    mut to: CodeRunMut<'_>,
    len: usize,
    values: impl Fn(Range<usize>, &mut [f32]),
) {
    let code_type = rule.format.code_type();
    let mut floats = [0.0; STAGE];
    for piece in pieces(len) {
        let floats = floats.get_mut(..piece.len()).unwrap_or_default();
        values(piece.clone(), floats);
        match &mut to {
            CodeRunMut::I8(to) => cast(to.get_mut(piece), floats, |x| x as i8),
            CodeRunMut::U8(to) => cast(to.get_mut(piece), floats, |x| x as u8),
            CodeRunMut::I16(to) => cast(to.get_mut(piece), floats, |x| x as i16),
            CodeRunMut::U16(to) => cast(to.get_mut(piece), floats, |x| x as u16),
            CodeRunMut::Packed(to) => {
                let mut bytes = [0_u8; STAGE];
                let bytes = bytes.get_mut(..floats.len()).unwrap_or_default();
                // A negative code becomes its two's complement.
                cast(Some(bytes), floats, |x| x as i32 as u8);
                let first = code_type.row_bytes(piece.start).unwrap_or_default();
                pack(k, code_type, bytes, to.get_mut(first..).unwrap_or_default());
            }
        }
    }
}

fn cast<T>(to: Option<&mut [T]>, from: &[f32], f: impl Fn(f32) -> T) {
    to.unwrap_or_default().iter_mut().zip(from).for_each(|(to, x)| *to = f(*x));
}
