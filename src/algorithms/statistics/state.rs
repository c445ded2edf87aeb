//! The range of many tensors: a state in the caller's memory that sees one tensor after the other.

use crate::algorithms::range::{higher, lower};
use crate::algorithms::stage::cuts;
use crate::algorithms::statistics::aggregate::aggregate;
use crate::algorithms::statistics::layout::{Layout, State, StateMut};
use crate::algorithms::statistics::reduce::reduce;
use crate::algorithms::statistics::walk::BLOCK;
use crate::kernels::Kernels;
use crate::parallel::Exec;
use crate::params::statistics::{AggregatorType, Branch, RangeParams};
use crate::scratch::Scratch;
use crate::status::{Error, Result, Status};
use crate::views::Blocks;
use crate::views::tensor::TensorView;

/// Most tasks that sort, each with scratch of its own.
const LANES: usize = 16;

/// Makes a state without samples of `words`, which hold it.
pub fn init(words: &mut [u64], params: &RangeParams, layout: Layout) -> Result {
    let state = StateMut::create(words, params, layout)?;
    for (values, branch) in state.values.into_iter().zip(&layout.rules.branches) {
        let start = match branch.aggregator {
            AggregatorType::Min => f32::INFINITY,
            AggregatorType::Max => f32::NEG_INFINITY,
            _ => continue,
        };
        values.iter_mut().for_each(|value| *value = start);
    }
    Ok(())
}

/// Refuses a tensor that is no sample of the state.
fn fits(layout: &Layout, tensor: &TensorView<'_>) -> Result {
    let bad = |axis: usize, rule, value: usize| {
        let error = Error::shape(c"tensor", c"shape", rule, value as f64);
        Err(Error { index: axis as u64, ..error })
    };
    let rules = &layout.rules;
    if let Some(axis) = rules.channel_axis {
        let length = tensor.axes().get(axis).map_or(0, |axis| axis.0);
        if length != rules.channels {
            return bad(axis, c"must have channels indices in channel_axis", length);
        }
    }
    let batch = tensor.axes().first().map_or(1, |axis| axis.0);
    if rules.items.is_some() && batch > layout.items {
        return bad(0, c"must have at most batch_items items", batch);
    }
    Ok(())
}

/// Adds a tensor as a sample, unless as many as count have been seen.
pub fn update(
    k: &Kernels,
    exec: Exec<'_>,
    state: &mut StateMut<'_>,
    tensor: &TensorView<'_>,
) -> Result {
    let layout = state.layout;
    fits(&layout, tensor)?;
    let (rules, samples) = (&layout.rules, state.header.samples);
    if samples >= rules.samples {
        return Ok(());
    }
    let view = tensor.by_channel(rules.channel_axis, rules.items.is_some());
    let slot = layout.slot(samples);
    let len = layout.items * rules.channels;
    let from = slot.saturating_mul(len);
    let [min, max] = &mut state.values;
    let mut out = [&mut **min, &mut **max];
    for (out, branch) in out.iter_mut().zip(&rules.branches) {
        if !branch.aggregator.is_running() {
            let all = core::mem::take(out);
            let sample = all.get_mut(from..from.saturating_add(len)).unwrap_or_default();
            // A shorter batch leaves no trace of what was there before.
            sample.iter_mut().for_each(|value| *value = 0.0);
            *out = sample;
        }
    }
    // A sample counts as a whole or not at all, so the call is not cancelled in between.
    reduce(k, exec.silent(), &view, &rules.branches, out)?;
    if let Some(count) = state.counts.get_mut(slot) {
        *count = view.items() as u32;
    }
    state.header.samples = samples + 1;
    Ok(())
}

/// Adds the samples of `from` after those of `state`.
pub fn merge(state: &mut StateMut<'_>, from: &State<'_>) -> Result {
    if bytemuck::bytes_of(&state.header.params) != bytemuck::bytes_of(&from.header.params) {
        let rule = c"must have the parameters of the state";
        return Err(Error::new(Status::InvalidParameter, c"from", rule));
    }
    let (layout, rules) = (state.layout, state.layout.rules);
    let (before, added) = (state.header.samples, from.header.samples);
    let room = rules.samples - before.min(rules.samples);
    if room == 0 || added == 0 {
        return Ok(());
    }
    let running = rules.branches.iter().any(|branch| branch.aggregator.is_running());
    let kept = from.layout.kept(added);
    if added > room && (running || kept.start > 0) {
        let rule =
            c"must have no more samples than the state has room for: the first of them are no \
                     longer known apart";
        return Err(Error::field(c"from", c"samples", rule, added as f64));
    }
    for (which, branch) in rules.branches.iter().enumerate() {
        let combine = match branch.aggregator {
            AggregatorType::Min => lower,
            AggregatorType::Max => higher,
            _ => continue,
        };
        let pairs = state.values.get_mut(which).zip(from.values.get(which));
        for (to, value) in pairs.into_iter().flat_map(|(to, from)| to.iter_mut().zip(*from)) {
            *to = combine(*to, *value);
        }
    }
    for index in kept.start..kept.end.min(room) {
        let (source, target) = (layout.slot(index), layout.slot(before + index));
        for (which, branch) in rules.branches.iter().enumerate() {
            if !branch.aggregator.is_running() {
                let sample = from.sample(which, source);
                let to = state.sample_mut(which, target);
                to.iter_mut().zip(sample).for_each(|(to, value)| *to = *value);
            }
        }
        if let Some((to, count)) = state.counts.get_mut(target).zip(from.counts.get(source)) {
            *to = *count;
        }
    }
    state.header.samples = before + added.min(room);
    Ok(())
}

/// The scratch of `finish`: for every task, two arrays of the values of a channel, if some are
/// sorted.
pub fn carve<'a>(layout: &Layout, scratch: &mut Scratch<'a>) -> Result<&'a mut [f32]> {
    let sorts = layout.rules.branches.iter().any(|branch| branch.aggregator.sorts());
    let lanes = if sorts { layout.rules.channels.min(LANES) } else { 0 };
    let len = layout.rows().checked_mul(2).and_then(|lane| lane.checked_mul(lanes));
    let error = Error::new(Status::SizeOverflow, c"workspace", c"must fit into the address space");
    scratch.array(len.ok_or(error)?)
}

/// The minimum and the maximum of every channel.
pub fn finish(
    exec: Exec<'_>,
    state: &State<'_>,
    (min, max): (&mut [f32], &mut [f32]),
    workspace: &mut [u8],
) -> Result {
    if state.header.samples == 0 {
        let rule = c"must hold at least one sample";
        return Err(Error::field(c"state", c"samples", rule, 0.0));
    }
    let layout = &state.layout;
    let scratch = carve(layout, &mut Scratch::new(workspace))?;
    let channels = layout.rules.channels;
    let tasks = channels.min(LANES);
    let width = channels.div_ceil(tasks.max(1)).max(1);
    let lane = layout.rows() * 2;
    let outputs = (Blocks::new(min, width), Blocks::new(max, width), Blocks::new(scratch, lane));
    exec.tasks(channels.div_ceil(width), outputs, |task, (mut min, mut max, mut lane)| {
        let lane = lane.slice_mut();
        for (which, out) in [min.slice_mut(), max.slice_mut()].into_iter().enumerate() {
            if let Some(branch) = layout.rules.branches.get(which) {
                finish_channels(state, (which, branch), task * width, out, lane);
            }
        }
    })
}

/// The values of a branch for the channels from `first` on.
fn finish_channels(
    state: &State<'_>,
    (which, branch): (usize, &Branch),
    first: usize,
    out: &mut [f32],
    lane: &mut [f32],
) {
    if branch.aggregator.is_running() {
        let values = state.values.get(which).copied().unwrap_or_default();
        let values = values.get(first..).unwrap_or_default();
        out.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
    } else if branch.aggregator.sorts() {
        let (values, other) = lane.split_at_mut_checked(lane.len() / 2).unwrap_or_default();
        for (channel, out) in (first..).zip(out) {
            let mut n = 0;
            each_row(state, which, |row| {
                if let Some((to, value)) = values.get_mut(n).zip(row.get(channel)) {
                    *to = *value;
                    n += 1;
                }
            });
            let values = values.get_mut(..n).unwrap_or_default();
            *out = aggregate(branch, values, other.get_mut(..n).unwrap_or_default());
        }
    } else {
        let all = first..first.saturating_add(out.len());
        for (channels, out) in cuts(all, BLOCK).zip(out.chunks_mut(BLOCK)) {
            mean_rows(state, which, channels.start, out);
        }
    }
}

/// Means of at most `BLOCK` channels, in the order of the samples.
fn mean_rows(state: &State<'_>, which: usize, first: usize, out: &mut [f32]) {
    let (mut sums, mut n) = ([0.0_f64; BLOCK], 0_u64);
    each_row(state, which, |row| {
        let row = row.get(first..).unwrap_or_default();
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        n += 1;
    });
    for (out, sum) in out.iter_mut().zip(sums) {
        let mean = (sum / n as f64) as f32;
        *out = if mean.is_nan() { f32::NAN } else { mean + 0.0 };
    }
}

/// Calls `f` with the row of channels of every item of every kept sample, the oldest first.
fn each_row(state: &State<'_>, which: usize, mut f: impl FnMut(&[f32])) {
    let layout = &state.layout;
    for index in layout.kept(state.header.samples) {
        let slot = layout.slot(index);
        let rows = state.sample(which, slot).chunks(layout.rules.channels.max(1));
        rows.take(state.rows_of(slot)).for_each(&mut f);
    }
}
