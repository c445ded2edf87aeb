//! The order in which the columns are rounded.

use crate::algorithms::sort::{key, sort_by_key};
use crate::scratch::Scratch;
use crate::status::Result;

/// The column at each place. Natural order has empty arrays.
pub(super) struct Order<'a> {
    columns: &'a mut [u32],
    /// What the row at each place changes places with, from the first to the last, to come into the
    /// order.
    swaps: &'a mut [u32],
    /// While the order is made: the column at each place, and the place of each column.
    at: &'a mut [u32],
    place: &'a mut [u32],
}

impl<'a> Order<'a> {
    /// Memory for `n` columns in another order than the natural one, or none.
    pub(super) fn carve(scratch: &mut Scratch<'a>, n: usize, is_natural: bool) -> Result<Self> {
        let n = if is_natural { 0 } else { n };
        Ok(Self {
            columns: scratch.array(n)?,
            swaps: scratch.array(n)?,
            at: scratch.array(n)?,
            place: scratch.array(n)?,
        })
    }

    /// The natural order.
    pub(super) fn natural() -> Self {
        Self { columns: &mut [], swaps: &mut [], at: &mut [], place: &mut [] }
    }

    /// Puts the largest elements of the diagonal first; equal ones stay as they are.
    pub(super) fn descend(&mut self, diagonal: &[f32]) {
        let numbered = |to: &mut [u32]| (0..).zip(to).for_each(|(i, to)| *to = i);
        numbered(self.columns);
        let of = |column: u32| diagonal.get(column as usize).copied().unwrap_or_default();
        sort_by_key::<_, 4>(self.columns, self.swaps, |column| u64::from(!key(of(column))));
        numbered(self.at);
        numbered(self.place);
        let Self { columns, swaps, at, place } = self;
        for (i, (column, swap)) in columns.iter().zip(swaps.iter_mut()).enumerate() {
            let from = place.get(*column as usize).copied().unwrap_or_default();
            let moved = at.get(i).copied().unwrap_or_default();
            *swap = from;
            at.get_mut(from as usize).into_iter().for_each(|at| *at = moved);
            place.get_mut(moved as usize).into_iter().for_each(|place| *place = from);
        }
    }

    /// The column at a place.
    pub(super) fn column(&self, place: usize) -> usize {
        self.columns.get(place).map_or(place, |column| *column as usize)
    }

    /// The columns of all places, if they are not in natural order.
    pub(super) fn columns(&self) -> Option<&[u32]> {
        (!self.columns.is_empty()).then_some(&*self.columns)
    }

    /// Brings rows from natural order into this one.
    pub(super) fn apply<T>(&self, rows: &mut [T]) {
        self.swaps.iter().enumerate().for_each(|(i, j)| swap(rows, i, *j));
    }

    /// Brings rows back into natural order.
    pub(super) fn undo<T>(&self, rows: &mut [T]) {
        self.swaps.iter().enumerate().rev().for_each(|(i, j)| swap(rows, i, *j));
    }
}

fn swap<T>(rows: &mut [T], i: usize, j: u32) {
    if i.max(j as usize) < rows.len() {
        rows.swap(i, j as usize);
    }
}
