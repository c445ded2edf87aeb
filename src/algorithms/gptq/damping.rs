//! The Hessian in the order of the solver, damped until it can be decomposed.

use crate::algorithms::gptq::order::Order;
use crate::algorithms::linalg::inverse_factor::inverse_factor;
use crate::kernels::Kernels;
use crate::parallel::{Cut, Exec};
use crate::params::gptq::GptqPlan;
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::{MatrixView, MatrixViewMut, Run};

/// Rows of a task.
const ROWS: usize = 64;

/// The least share of the mean that a second attempt adds.
const LEAST: f32 = 1e-6;

/// What was added to the diagonal, and how often that was made larger.
#[derive(Clone, Copy)]
pub(super) struct Damping {
    pub(super) added: f32,
    pub(super) redamps: u32,
}

impl Damping {
    /// Element of the diagonal with its damping.
    pub(super) fn of(self, diagonal: f32) -> f32 {
        alive(diagonal) + self.added
    }
}

/// Element of the diagonal; a column that has seen nothing gets 1.
fn alive(diagonal: f32) -> f32 {
    if diagonal == 0.0 { 1.0 } else { diagonal }
}

/// Copies the Hessian, in order, to the upper part of `to`, with its damping.
fn damp(
    exec: Exec<'_>,
    order: &Order<'_>,
    (hessian, damping): (MatrixView<'_>, Damping),
    to: MatrixViewMut<'_>,
) -> Result {
    let n = hessian.cols();
    exec.silent().tiles(Cut::exact((n, n), ROWS, n), to, |tile, mut to| {
        for (i, row) in tile.rows.clone().enumerate() {
            let to = to.floats_mut(i, row..n);
            let Run::F32(from) = hessian.row(order.column(row)) else { return };
            match order.columns().and_then(|columns| columns.get(row..)) {
                None => to.iter_mut().zip(from.iter().skip(row)).for_each(|(to, x)| *to = *x),
                Some(columns) => to.iter_mut().zip(columns).for_each(|(to, column)| {
                    *to = from.get(*column as usize).copied().unwrap_or_default();
                }),
            }
            to.iter_mut().take(1).for_each(|x| *x = damping.of(*x));
        }
    })
}

/// Replaces `u` by the upper factor of the inverse of the damped Hessian.
pub(super) fn factor(
    k: &Kernels,
    exec: Exec<'_>,
    scratch: &mut Scratch<'_>,
    (plan, order): (&GptqPlan, &Order<'_>),
    (hessian, diagonal): (MatrixView<'_>, &[f32]),
    mut u: MatrixViewMut<'_>,
) -> Result<Damping> {
    let sum: f64 = diagonal.iter().map(|x| f64::from(alive(*x))).sum();
    let mean = sum / diagonal.len() as f64;
    let (mut share, mut redamps) = (plan.damping, 0);
    loop {
        let damping = Damping { added: (f64::from(share) * mean) as f32, redamps };
        damp(exec, order, (hessian, damping), u.whole_mut())?;
        match scratch.phase(|scratch| inverse_factor(k, exec.silent(), scratch, u.whole_mut())) {
            Ok(()) => return Ok(damping),
            Err(error) if error.status != Status::NotPositiveDefinite => return Err(error),
            Err(_) if redamps < plan.redamps => {
                share = if share * 10.0 > LEAST { share * 10.0 } else { LEAST };
                redamps += 1;
            }
            Err(error) => {
                let place = usize::try_from(error.index).unwrap_or_default();
                let rule = c"must be positive definite with its damping";
                let (index, value) = (order.column(place) as u64, f64::from(damping.added));
                return Err(Error::element(error.status, c"hessian", rule, index, value));
            }
        }
    }
}
