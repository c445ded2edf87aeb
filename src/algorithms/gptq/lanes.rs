//! The weights as the solver has them: slabs of 32 output channels, one after the other. A row of a
//! slab is a column of the layer: neighbours are channels, which never meet.

use crate::algorithms::gptq::order::Order;
use crate::algorithms::linalg::pack::{DEPTH, Side};
use crate::algorithms::stage::cuts;
use crate::kernels::{Kernels, TILE_COLS, TILE_ROWS};
use crate::parallel::Tile;
use crate::views::MatrixView;
use core::ops::Range;

/// A row of a slab: one element of each of its channels.
pub(super) type Lanes = [f32; TILE_COLS];

/// Rows of a slab for `n` columns: a tile that begins at any of them ends within.
pub(super) fn slab_rows(n: usize) -> usize {
    n.saturating_add(TILE_ROWS)
}

/// The channels of a slab, as panels see them.
pub(super) fn side(
    (weights, channels_are_columns): (MatrixView<'_>, bool),
    slab: usize,
) -> Side<'_> {
    let first = slab * TILE_COLS;
    let end = first + TILE_COLS;
    let tile = if channels_are_columns {
        Tile { rows: 0..weights.rows(), cols: first..weights.cols().min(end) }
    } else {
        Tile { rows: first..weights.rows().min(end), cols: 0..weights.cols() }
    };
    Side { view: weights.tile(&tile), lanes_are_columns: channels_are_columns, negate: false }
}

/// Writes the columns at some places of an order.
pub(super) fn load_columns(
    k: &Kernels,
    side: &Side<'_>,
    (order, places): (&Order<'_>, Range<usize>),
    to: &mut [Lanes],
) {
    if order.columns().is_none() {
        for (columns, to) in cuts(places, DEPTH).zip(to.chunks_mut(DEPTH)) {
            side.pack_panel::<TILE_COLS>(k, columns, to.as_flattened_mut());
        }
        return;
    }
    for (place, to) in places.zip(to) {
        let column = order.column(place);
        side.pack_panel::<TILE_COLS>(k, column..column + 1, to);
    }
}
