//! Order statistics over the elements of several tensors, which are visited where they are.

use crate::algorithms::quantile::{Passes, quantiles};
use crate::algorithms::stage::{STAGE, cuts};
use crate::algorithms::statistics::walk::Channel;
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::status::Result;
use crate::views::tensor::ChannelView;
use crate::views::{Blocks, PerGroup, Run};

/// Tensors by number, each of one item.
pub trait Samples: Sync {
    /// Number of tensors.
    fn count(&self) -> usize;

    /// Calls `f` with the tensor, unless it is empty.
    fn with(&self, index: usize, f: &mut dyn FnMut(&ChannelView<'_>));
}

/// What becomes of an element before its rank counts.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Nothing.
    None,
    /// It is left out if its magnitude is less.
    AtLeast(f32),
    /// Its distance from the center counts.
    Distance(f32),
}

/// The elements of a channel of all tensors.
struct Pooled<'s, S> {
    samples: &'s S,
    channel: usize,
    change: Change,
    count: usize,
}

impl<'s, S: Samples> Pooled<'s, S> {
    fn new(k: &Kernels, samples: &'s S, channel: usize, change: Change) -> Self {
        let mut pooled = Self { samples, channel, change, count: 0 };
        let mut n = 0;
        if matches!(change, Change::AtLeast(_)) {
            pooled.each(k, &mut |x| n += x.len());
        } else {
            (0..samples.count()).for_each(|i| samples.with(i, &mut |view| n += view.depth()));
        }
        pooled.count = n;
        pooled
    }

    /// Calls `f` with all values, in pieces.
    fn each(&self, k: &Kernels, f: &mut dyn FnMut(&[f32])) {
        for i in 0..self.samples.count() {
            self.samples.with(i, &mut |view| {
                let values = Channel { view, item: 0, channel: self.channel };
                values.each(k, &mut |x| changed(x, self.change, f));
            });
        }
    }
}

impl<S: Samples> Passes for Pooled<'_, S> {
    fn count(&self) -> usize {
        self.count
    }

    fn visit(&self, k: &Kernels, _: usize, f: &mut dyn FnMut(Run<'_>)) {
        self.each(k, &mut |x| f(Run::F32(x)));
    }
}

fn changed(x: &[f32], change: Change, f: &mut dyn FnMut(&[f32])) {
    if matches!(change, Change::None) {
        f(x);
        return;
    }
    for piece in cuts(0..x.len(), STAGE) {
        let mut buffer = [0.0; STAGE];
        let mut n = 0;
        for x in x.get(piece).unwrap_or_default() {
            let value = match change {
                Change::AtLeast(least) if x.abs() < least => continue,
                Change::Distance(center) => (x - center).abs(),
                _ => *x,
            };
            if let Some(to) = buffer.get_mut(n) {
                *to = value;
                n += 1;
            }
        }
        f(buffer.get(..n).unwrap_or_default());
    }
}

/// Median of the elements that are not almost 0, and median of the distances of all elements from
/// it, per channel. A median of nothing is 0.
pub fn median_mad<S: Samples>(
    k: &Kernels,
    exec: Exec<'_>,
    samples: &S,
    (median, mad): (&mut [f32], &mut [f32]),
) -> Result {
    let channels = median.len();
    let outputs = (Blocks::new(median, 1), Blocks::new(mad, 1));
    exec.tasks(channels, outputs, |channel, (mut median, mut mad)| {
        let found = |change: Change| {
            let values: &dyn Passes = &Pooled::new(k, samples, channel, change);
            let mut out = [0.0];
            if values.count() > 0 {
                quantiles(k, values, false, &[0.5], &mut out);
            }
            let [out] = out;
            out as f32
        };
        let center = found(Change::AtLeast(f32::EPSILON));
        let distance = found(Change::Distance(center));
        median.slice_mut().iter_mut().for_each(|out| *out = center);
        mad.slice_mut().iter_mut().for_each(|out| *out = distance);
    })
}

/// Percentiles of the elements, per channel: a row of channels for each percentile.
pub fn percentiles<S: Samples>(
    k: &Kernels,
    exec: Exec<'_>,
    samples: &S,
    channels: usize,
    percentiles: &[f64],
    out: &mut [f32],
) -> Result {
    let rows = percentiles.len();
    let cut = crate::parallel::Cut::exact((rows, channels), rows, 1);
    exec.tiles(cut, PerGroup::new(out, channels, 1), |tile, mut out| {
        for channel in tile.cols.clone() {
            let values: &dyn Passes = &Pooled::new(k, samples, channel, Change::None);
            for (row, percentile) in percentiles.iter().enumerate() {
                let mut found = [f64::NAN];
                quantiles(k, values, false, &[percentile / 100.0], &mut found);
                let [found] = found;
                let to = out.row_mut(row).get_mut(channel - tile.cols.start);
                to.into_iter().for_each(|to| *to = found as f32);
            }
        }
    })
}
