//! Elements that come, and levels that overflow.

use crate::algorithms::range::finite_extremes;
use crate::algorithms::sketch::state::{State, StateMut};
use crate::algorithms::sort::sort;
use crate::algorithms::stage::{STAGE, pieces, widened};
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::sketch::SketchShape;
use crate::scratch::Scratch;
use crate::status::{Error, Result};
use crate::views::MatrixView;

/// The scratch of an update or a merge: room to sort a level.
pub fn carve<'a>(scratch: &mut Scratch<'a>, shape: SketchShape) -> Result<&'a mut [f32]> {
    scratch.array(shape.capacity)
}

impl StateMut<'_> {
    fn count(&self, level: usize) -> usize {
        self.counts.get(level).map_or(0, |count| (*count as usize).min(self.shape.capacity))
    }

    fn set_count(&mut self, level: usize, count: usize) {
        if let Some(to) = self.counts.get_mut(level) {
            *to = count as u32;
        }
    }

    /// Adds elements to a level, which is compacted when it is full and one more comes: however
    /// elements are cut into calls, the same ones are compacted together.
    fn push(&mut self, level: usize, mut x: &[f32], sorted: &mut [f32]) {
        while !x.is_empty() {
            self.make_room(level, sorted);
            let count = self.count(level);
            let room = self.shape.capacity - count;
            if room == 0 {
                return;
            }
            let (now, later) = x.split_at_checked(room).unwrap_or((x, &[]));
            let from = level.saturating_mul(self.shape.capacity).saturating_add(count);
            let to = self.items.get_mut(from..from.saturating_add(now.len())).unwrap_or_default();
            to.iter_mut().zip(now).for_each(|(to, x)| *to = *x);
            self.set_count(level, count + now.len());
            x = later;
        }
    }

    /// Compacts levels, if need be, until `level` has room for an element.
    fn make_room(&mut self, level: usize, sorted: &mut [f32]) {
        // The levels that are full one after the other, from the last down.
        let (mut top, mut n) = (level, 1);
        while top < self.shape.levels && self.count(top) + n > self.shape.capacity {
            n = self.count(top) / 2;
            top += 1;
        }
        for full in (level..top).rev() {
            self.compact(full, sorted);
        }
    }

    /// Moves every second element of a level, in ascending order, to the next, which has room. Of an
    /// odd number the largest stays.
    fn compact(&mut self, level: usize, sorted: &mut [f32]) {
        let (capacity, count) = (self.shape.capacity, self.count(level));
        let above = self.count(level + 1);
        let from = level.saturating_mul(capacity);
        let room = self.items.get_mut(from..).unwrap_or_default();
        let Some((items, next)) = room.split_at_mut_checked(capacity) else { return };
        let items = items.get_mut(..count).unwrap_or_default();
        sort(items, sorted.get_mut(..count).unwrap_or_default());

        let bit = 1 << level.min(63);
        let odd = self.header.odd & bit != 0;
        self.header.odd ^= bit;
        let (pairs, rest) = items.as_chunks::<2>();
        let to = next.get_mut(above..capacity).unwrap_or_default();
        for (to, [even_item, odd_item]) in to.iter_mut().zip(pairs) {
            *to = if odd { *odd_item } else { *even_item };
        }
        let (moved, stays) = (pairs.len(), rest.first().copied());
        if let (Some(to), Some(largest)) = (items.first_mut(), stays) {
            *to = largest;
        }
        self.set_count(level, usize::from(stays.is_some()));
        self.set_count(level + 1, above + moved);

        // Below any number lie `r` of the elements of this level, and now floor(r / 2) or ceil(r / 2)
        // of twice the weight.
        let summary = &mut self.header.summary;
        let weight = bit;
        if odd {
            summary.rank_under = summary.rank_under.saturating_add(weight);
        } else {
            summary.rank_over = summary.rank_over.saturating_add(weight);
        }
    }
}

/// Adds all elements of `src`, which is not empty, in row-major order. Nothing has changed if an
/// element is not finite.
pub fn update(
    k: &Kernels,
    exec: Exec<'_>,
    state: &mut StateMut<'_>,
    src: MatrixView<'_>,
    workspace: &mut [u8],
) -> Result {
    let sorted = carve(&mut Scratch::new(workspace), state.shape)?;
    let extremes = finite_extremes(k, exec, src)?;
    state.join(extremes, src.rows() as u64 * src.cols() as u64)?;
    let mut buffer = [0.0; STAGE];
    for row in 0..src.rows() {
        let run = src.row(row);
        for piece in pieces(run.len()) {
            state.push(0, widened(k, run.part(piece), &mut buffer), sorted);
        }
    }
    Ok(())
}

/// Adds the elements of `other` to `state`.
pub fn merge(state: &mut StateMut<'_>, other: State<'_>, workspace: &mut [u8]) -> Result {
    if state.shape != other.shape {
        let (rule, value) = (c"must be that of state", other.shape.capacity as f64);
        return Err(Error::field(c"other", c"capacity", rule, value));
    }
    let added = other.summary();
    if added.total == 0 {
        return Ok(());
    }
    let sorted = carve(&mut Scratch::new(workspace), state.shape)?;
    state.join((added.min, added.max), added.total)?;
    for level in 0..state.shape.levels {
        state.push(level, other.level(level), sorted);
    }
    let summary = &mut state.header.summary;
    summary.rank_over = summary.rank_over.saturating_add(added.rank_over);
    summary.rank_under = summary.rank_under.saturating_add(added.rank_under);
    Ok(())
}
