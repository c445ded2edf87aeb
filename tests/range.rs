//! Ranges of many tensors and statistics of one: against plain f64, for every order of work, and as
//! bytes that come and go.

#![cfg(feature = "range")]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "range/harness.rs"]
mod harness;
#[path = "range/reducers.rs"]
mod reducers;
#[path = "range/reference.rs"]
mod reference;
#[path = "range/refusals.rs"]
mod refusals;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/tables.rs"]
mod tables;
#[path = "common/threads.rs"]
mod threads;

use harness::*;
use ptqk::algorithms::statistics::layout::{Layout, StateMut};
use ptqk::algorithms::statistics::state;
use ptqk::dispatch;
use ptqk::ffi::*;
use ptqk::kernels::Isa;
use ptqk::parallel::Exec;
use ptqk::params::matrix::Dtype;
use ptqk::views::tensor::TensorView;
use rng::Rng;
use std::ptr;

const ABS_MAX: u32 = 2;
const MEAN: u32 = 2;
const MEDIAN: u32 = 3;
const MEAN_NO_OUTLIERS: u32 = 4;
const MEDIAN_NO_OUTLIERS: u32 = 5;

/// Shapes, gaps of strides, channel axis, and whether axis 0 is a batch.
type Place = (&'static [usize], &'static [usize], Option<usize>, bool);

const PLACES: &[Place] = &[
    (&[3, 7, 5], &[], None, false),
    (&[3, 7, 5], &[], Some(0), false),
    (&[3, 7, 5], &[], Some(1), false),
    (&[3, 7, 5], &[], Some(2), false),
    (&[3, 7, 5], &[], None, true),
    (&[3, 7, 5], &[], Some(1), true),
    (&[3, 7, 5], &[4, 1, 2], Some(2), true),
    (&[3, 7, 5], &[4, 0, 1], None, false),
    (&[2, 300, 3], &[0, 2], Some(2), false),
    (&[2, 3, 300], &[9, 5], Some(1), true),
    (&[2, 3, 300], &[0, 0, 1], Some(1), false),
    (&[130], &[], None, false),
    (&[130], &[3], Some(0), false),
    (&[1, 2, 1, 2, 3, 1, 2, 5], &[1, 0, 2, 0, 1, 7], Some(4), false),
    (&[2, 2, 1, 2, 1, 1, 2, 150], &[], Some(3), true),
    (&[12, 2300], &[], Some(1), false),
    (&[12, 2300], &[2], Some(1), false),
    (&[40, 700], &[], Some(1), false),
];

fn params(place: &Place, estimator: RangeEstimatorParams) -> RangeParams {
    let (shape, _, axis, batch) = *place;
    RangeParams {
        channel_axis: axis.map_or(-1, |axis| axis as i32),
        channels: axis.map_or(1, |axis| shape[axis]) as u64,
        batch_items: if batch { shape[0] as u64 } else { 0 },
        estimator,
        ..RangeParams::DEFAULT
    }
}

/// Samples of a place; with a batch, of different numbers of items.
fn samples(rng: &mut Rng, place: &Place, dtype: u32, count: usize) -> Vec<Data> {
    let (shape, gaps, _, batch) = *place;
    (0..count)
        .map(|i| {
            let mut shape = shape.to_vec();
            if batch && i % 3 == 1 {
                shape[0] = shape[0].div_ceil(2);
            }
            Data::random(rng, &shape, dtype, gaps)
        })
        .collect()
}

/// The range of the samples by the reference.
fn expected(params: &RangeParams, samples: &[Data]) -> [Vec<f64>; 2] {
    let axis = usize::try_from(params.channel_axis).ok();
    let channels = params.channels as usize;
    let branches = [(params.estimator.min, false), (params.estimator.max, true)];
    branches.map(|(branch, is_max)| {
        let p = branch.quantile_outlier_prob;
        let window = params.window_size as usize;
        let counted = samples.iter().take(params.num_samples as usize);
        let skipped = match branch.aggregator_type {
            0 | 1 => 0,
            _ if window == 0 => 0,
            _ => counted.len().saturating_sub(window),
        };
        let mut values = vec![Vec::new(); channels];
        for sample in counted.skip(skipped) {
            let all = sample.channels(axis, params.batch_items > 0);
            for (i, elements) in all.iter().enumerate() {
                let value = reference::statistic(branch.statistics_type, elements, p, is_max);
                let limit = f64::from(branch.clipping_value);
                // A state keeps f32: what is equal there decides about outliers.
                let kept = f64::from(value as f32);
                values[i % channels].push(kept.clamp(-limit, limit));
            }
        }
        values.iter().map(|v| reference::aggregate(branch.aggregator_type, v, p)).collect()
    })
}

fn assert_close(got: &[f32], want: &[f64], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let fine = (f64::from(*got) - want).abs() <= 8.0 * 3e-7 || got.is_nan() && want.is_nan();
        assert!(fine, "{what}, channel {i}: {got} is not {want}");
        assert!(got.to_bits() != (-0.0_f32).to_bits(), "{what}: -0");
    }
}

#[test]
fn every_reducer_with_every_aggregator() {
    let mut rng = Rng(1);
    for (at, place) in PLACES.iter().enumerate() {
        let dtype = [F32, F16, BF16][at % 3];
        let samples = samples(&mut rng, place, dtype, 9);
        for pair in 0..36 {
            let (kind, aggregator) = (pair / 6, pair % 6);
            let p = [1e-4, 0.02, 0.2][(pair as usize + at) % 3];
            let of_max = branch(5 - kind, (aggregator + 1) % 6, p);
            let params = params(place, estimator(branch(kind, aggregator, p), of_max));
            let (min, max) = State::of(params, &samples).finish();
            let [want_min, want_max] = expected(&params, &samples);
            assert_close(&min, &want_min, &format!("{place:?} {kind} {aggregator} min"));
            assert_close(&max, &want_max, &format!("{place:?} {} max", 5 - kind));
        }
    }
}

#[test]
fn windows_and_capacity() {
    let mut rng = Rng(2);
    for place in [PLACES[2], PLACES[5], PLACES[4]] {
        let samples = samples(&mut rng, &place, F32, 12);
        for (num_samples, window_size) in
            [(1, 0), (5, 0), (12, 3), (7, 3), (300, 5), (2, 9), (40, 12)]
        {
            for aggregator in 0..6 {
                let one = branch(1, aggregator, 1e-4);
                let params = RangeParams {
                    num_samples,
                    window_size,
                    ..params(&place, estimator(one, branch(0, 5 - aggregator, 0.1)))
                };
                let state = State::of(params, &samples);
                assert_eq!(state.samples(), num_samples.min(12));
                let (min, max) = state.finish();
                let [want_min, want_max] = expected(&params, &samples);
                let what = format!("{place:?} {num_samples} {window_size} {aggregator}");
                assert_close(&min, &want_min, &what);
                assert_close(&max, &want_max, &what);
            }
        }
    }
}

/// Estimators of every kind of state: both kept, one kept, none kept.
fn estimators() -> [RangeEstimatorParams; 5] {
    [
        RangeEstimatorParams::DEFAULT,
        estimator(branch(0, MEAN, 1e-4), branch(1, MEDIAN, 1e-4)),
        estimator(branch(0, 0, 1e-4), branch(ABS_MAX, MEAN_NO_OUTLIERS, 1e-4)),
        estimator(branch(4, MEAN, 0.03), branch(4, MEDIAN_NO_OUTLIERS, 0.03)),
        estimator(branch(3, 1, 1e-4), branch(5, 1, 1e-4)),
    ]
}

#[test]
fn blocks_of_samples_merge_to_the_same_bytes() {
    let mut rng = Rng(3);
    for place in [PLACES[0], PLACES[2], PLACES[5], PLACES[6]] {
        for (estimator, (num_samples, window_size)) in estimators()
            .into_iter()
            .flat_map(|e| [(300, 0), (23, 0), (40, 4), (23, 30)].map(|sizes| (e, sizes)))
        {
            let samples = samples(&mut rng, &place, BF16, 23);
            let params = RangeParams { num_samples, window_size, ..params(&place, estimator) };
            let whole = State::of(params, &samples);
            for workers in [1, 2, 3, 7] {
                let mut merged = State::new(params);
                for block in samples.chunks(samples.len().div_ceil(workers)) {
                    ok(merged.try_merge(ptr::null(), &State::of(params, block)));
                }
                assert_eq!(merged, whole, "{place:?} {estimator:?} {window_size} {workers}");
                // And into the first block.
                let mut blocks = samples.chunks(samples.len().div_ceil(workers));
                let mut first = State::of(params, blocks.next().unwrap());
                blocks.for_each(|b| ok(first.try_merge(ptr::null(), &State::of(params, b))));
                assert_eq!(first, whole);
            }
        }
    }
}

#[test]
fn merging_respects_num_samples() {
    let mut rng = Rng(4);
    let place = PLACES[5];
    let samples = samples(&mut rng, &place, F32, 12);
    let kept = estimator(branch(0, MEAN, 1e-4), branch(1, MEDIAN, 1e-4));
    for (estimator, window_size, fine) in [
        (kept, 0, true),
        (kept, 3, false),
        (estimators()[2], 0, false),
        (estimators()[0], 0, false),
    ] {
        let params = RangeParams { num_samples: 9, window_size, ..params(&place, estimator) };
        let (first, second) = samples.split_at(6);
        let mut state = State::of(params, first);
        let before = state.clone();
        let mut heard = Heard::new();
        let status = state.try_merge(&heard.ctx(), &State::of(params, second));
        if fine {
            ok(status);
            assert_eq!(state, State::of(params, &samples));
        } else {
            assert_eq!(status, Status::InvalidParameter);
            assert_eq!(heard.place(), "from.samples");
            assert_eq!(state, before);
        }
        // A full state ignores everything.
        let mut full = State::of(params, &samples);
        let before = full.clone();
        ok(full.try_merge(ptr::null(), &State::of(params, second)));
        assert_eq!(full, before);
        // Nothing changes nothing.
        let mut state = State::of(params, first);
        ok(state.try_merge(ptr::null(), &State::new(params)));
        assert_eq!(state, State::of(params, first));
    }
}

/// The bytes of a state that saw `samples` through the kernels of one tier.
fn on_tier(
    k: &ptqk::kernels::Kernels,
    ctx: Option<&Ctx>,
    params: &RangeParams,
    samples: &[Data],
) -> Vec<u64> {
    let layout = Layout::new(&params.validate().unwrap()).unwrap();
    let mut words = vec![0; layout.bytes() / 8];
    state::init(&mut words, params, layout).unwrap();
    for sample in samples {
        let axes: Vec<_> =
            sample.shape.iter().copied().zip(sample.strides.iter().copied()).collect();
        let dtype = Dtype::try_from(sample.dtype).unwrap();
        // SAFETY: the tensor describes live memory.
        let view = unsafe { TensorView::new(sample.tensor().data.cast(), dtype, &axes) };
        let mut state = StateMut::open(&mut words, c"state").unwrap();
        state::update(k, Exec::new(ctx), &mut state, &view).unwrap();
    }
    words
}

/// Tensors of several tiles, so that work is spread.
const LARGE: &[Place] = &[
    (&[2, 3, 50_001], &[], None, false),
    (&[3, 70_001], &[], None, true),
    (&[2, 301, 257], &[5, 3], None, false),
    (&[150, 3, 301], &[], Some(0), false),
    (&[4, 37, 1201], &[0, 9], Some(1), true),
    (&[3, 301, 517], &[], Some(2), true),
    (&[3, 301, 137], &[8, 1, 1], Some(2), false),
    (&[90, 2300], &[], Some(1), false),
];

#[test]
fn every_tier_and_thread_count_gives_the_same_bytes() {
    let mut rng = Rng(5);
    for (at, place) in LARGE.iter().enumerate() {
        for dtype in [F32, F16, BF16] {
            let mut samples = samples(&mut rng, place, dtype, 2);
            if at % 2 == 1 {
                samples[0] = with(&samples[0], &[(3, f32::NAN), (4, -0.0), (70, f32::INFINITY)]);
            }
            // Quantiles take their time.
            let quantiles = at % 3 == dtype as usize;
            let clipped = StatisticsParams { clipping_value: 0.5, ..branch(ABS_MAX, 1, 1e-4) };
            for e in [
                estimator(branch(0, MEAN, 1e-4), branch(ABS_MAX, MEAN, 1e-4)),
                estimator(branch(0, 0, 1e-4), clipped),
                // Not what tasks may join: the largest minimum, the smallest maximum.
                estimator(branch(0, 1, 1e-4), branch(1, 1, 1e-4)),
                estimator(branch(0, 0, 1e-4), branch(1, 0, 1e-4)),
                estimator(branch(3, 0, 1e-4), branch(3, MEAN, 1e-4)),
                estimator(branch(4, MEAN, 1e-3), branch(5, 1, 0.4)),
            ]
            .into_iter()
            .take(if quantiles { 6 } else { 5 })
            {
                let params = params(place, e);
                let mut tables = dispatch::available();
                let scalar = tables.next().unwrap();
                assert_eq!(scalar.isa(), Isa::Scalar);
                let want = on_tier(scalar, None, &params, &samples);
                for k in tables {
                    let got = on_tier(k, None, &params, &samples);
                    assert!(got == want, "{place:?} {dtype} {:?}", k.isa());
                }
                for threads in [2, 3, 7] {
                    let ctx = on_threads(threads);
                    let mut state = State::new(params);
                    samples.iter().for_each(|sample| ok(state.try_update(&ctx, sample)));
                    assert!(state.words == want, "{place:?} {dtype} {threads} threads");
                }
            }
        }
    }
}

#[test]
fn threads_finish_the_same() {
    let mut rng = Rng(6);
    let place: Place = (&[2, 700, 3], &[], Some(1), true);
    let samples = samples(&mut rng, &place, F32, 20);
    for e in estimators() {
        let state = State::of(params(&place, e), &samples);
        let want = state.finish();
        for threads in [1, 2, 3, 7] {
            assert_eq!(state.finish_on(&on_threads(threads)).unwrap(), want);
        }
    }
}

/// The same tensor with some other elements.
fn with(data: &Data, changes: &[(usize, f32)]) -> Data {
    let mut values = data.values.clone();
    changes.iter().for_each(|(i, x)| values[*i] = *x);
    let mut changed = data.clone();
    changed.set(values);
    changed
}

#[test]
fn strides_change_no_bit() {
    let mut rng = Rng(7);
    let shapes: [(&[usize], &[&[usize]]); 3] = [
        (&[3, 40, 70], &[&[1], &[5, 3], &[0, 7], &[2, 1, 1], &[0, 0, 2]]),
        (&[2, 5, 3, 301], &[&[9, 0, 4], &[0, 0, 1, 1]]),
        (&[700, 9], &[&[2], &[0, 3]]),
    ];
    for (shape, gaps) in shapes {
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|_| value(&mut rng) * 100.0).collect();
        for axis in [None, Some(0), Some(1), Some(shape.len() - 1)] {
            for e in
                estimators().into_iter().chain([estimator(branch(3, MEAN, 0.1), branch(3, 1, 0.1))])
            {
                let params = params(&(&[700, 700, 700, 700], &[], None, false), e);
                let channels = axis.map_or(1, |axis| shape[axis]) as u64;
                let channel_axis = axis.map_or(-1, |axis| axis as i32);
                let params = RangeParams { channels, channel_axis, num_samples: 1, ..params };
                let dense = Data::new(values.clone(), shape, F16, &[]);
                let want = State::of(params, &[dense]);
                for gaps in gaps {
                    let data = Data::new(values.clone(), shape, F16, gaps);
                    assert_eq!(State::of(params, &[data]), want, "{shape:?} {gaps:?} {axis:?}");
                }
            }
        }
    }
}

fn single(values: &[f32]) -> Data {
    Data::new(values.to_vec(), &[values.len()], F32, &[])
}

#[test]
fn special_values() {
    let range = |e, all: &[&[f32]]| {
        let samples: Vec<_> = all.iter().map(|values| single(values)).collect();
        let (min, max) =
            State::of(RangeParams { estimator: e, ..RangeParams::DEFAULT }, &samples).finish();
        (min[0], max[0])
    };
    let zero = |x: f32| assert_eq!(x.to_bits(), 0, "{x}");
    // A NaN stays, whatever comes before or after it.
    for kind in 0..6 {
        for aggregator in 0..6 {
            let e = estimator(branch(kind, aggregator, 1e-4), branch(kind, aggregator, 1e-4));
            for at in 0..3 {
                let mut all: [&[f32]; 3] = [&[1.0, 2.0], &[3.0, -5.0], &[4.0]];
                all[at] = &[1.0, f32::NAN, 3.0];
                let (min, max) = range(e, &all);
                assert_eq!(min.to_bits(), f32::NAN.to_bits(), "{kind} {aggregator}");
                assert_eq!(max.to_bits(), f32::NAN.to_bits());
            }
            // No -0.
            let (min, max) = range(e, &[&[-0.0, -0.0], &[-0.0]]);
            zero(min);
            zero(max);
        }
    }
    // Infinities are numbers.
    let (inf, mean) = (f32::INFINITY, estimator(branch(0, MEAN, 1e-4), branch(1, MEDIAN, 1e-4)));
    assert_eq!(range(mean, &[&[-inf, 1.0], &[2.0, 3.0]]), (-inf, 2.0));
    assert_eq!(range(RangeEstimatorParams::DEFAULT, &[&[-inf, inf]]), (-inf, inf));
    // Two samples that differ leave nothing without outliers, equal ones do.
    for aggregator in [MEAN_NO_OUTLIERS, MEDIAN_NO_OUTLIERS] {
        let e = estimator(branch(0, aggregator, 1e-4), branch(1, aggregator, 1e-4));
        assert_eq!(range(e, &[&[1.0, 7.0], &[2.0, 7.0]]), (0.0, 7.0));
        assert_eq!(range(e, &[&[1.0, 9.0]]), (1.0, 9.0));
        assert_eq!(range(e, &[&[1.0], &[2.0], &[50.0]]), (2.0, 2.0));
    }
    // Clipping.
    let clipped = |clipping_value| {
        let one = StatisticsParams { clipping_value, ..branch(0, 0, 1e-4) };
        estimator(one, StatisticsParams { statistics_type: 1, aggregator_type: MEAN, ..one })
    };
    assert_eq!(range(clipped(3.0), &[&[-5.0, 2.0], &[-1.0, 9.0]]), (-3.0, 2.5));
    let (min, max) = range(clipped(0.0), &[&[-5.0, 2.0]]);
    zero(min);
    zero(max);
}

#[test]
fn empty_tensors_are_skipped() {
    let mut state = State::new(RangeParams { num_samples: 2, ..RangeParams::DEFAULT });
    let before = state.clone();
    for shape in [&[0][..], &[3, 0, 2], &[0, 5]] {
        state.update(&Data::new(Vec::new(), shape, F32, &[]));
    }
    assert_eq!(state, before);
    assert_eq!(state.finish_on(ptr::null()), Err(Status::InvalidParameter));
    state.update(&single(&[1.0]));
    state.update(&single(&[5.0]));
    state.update(&single(&[9.0]));
    assert_eq!(state.finish(), (vec![1.0], vec![5.0]));
}

#[test]
fn a_state_needs_as_much_as_it_says() {
    let kept = estimator(branch(0, MEAN, 1e-4), branch(1, MEDIAN, 1e-4));
    let size = |params| state_size(&params);
    // Extremes are of constant size, for any number of samples.
    let many = RangeParams { num_samples: u64::MAX, ..RangeParams::DEFAULT };
    assert_eq!(size(many), 128 + 8);
    let channels = RangeParams { channels: 5, channel_axis: 1, ..many };
    assert_eq!(size(channels), 128 + 40);
    let params = RangeParams { estimator: kept, num_samples: 10, ..channels };
    assert_eq!(size(params), 128 + 2 * 10 * 5 * 4);
    let batch = RangeParams { batch_items: 3, window_size: 4, ..params };
    assert_eq!(size(batch), 128 + 4 * 4 + 2 * 4 * 3 * 5 * 4);
}

#[test]
fn presets_and_schemes() {
    let preset = |number| {
        let mut params = RangeEstimatorParams { size: 0, ..RangeEstimatorParams::DEFAULT };
        // SAFETY: it points to a live value.
        ok(unsafe { ptqk_range_estimator_preset(ptr::null(), number, &mut params) });
        params
    };
    let both = |min, max, aggregator| {
        estimator(branch(min, aggregator, 1e-4), branch(max, aggregator, 1e-4))
    };
    assert_eq!(preset(0), estimator(branch(0, 0, 1e-4), branch(1, 1, 1e-4)));
    assert_eq!(preset(1), both(0, 1, MEAN));
    assert_eq!(preset(2), both(0, 1, MEDIAN));
    assert_eq!(preset(3), both(0, 1, MEAN_NO_OUTLIERS));
    assert_eq!(preset(4), both(4, 4, MEAN));
    for (number, scheme) in (0..5).flat_map(|p| [(p, 0), (p, 1)]) {
        let mut params = preset(number);
        // SAFETY: as above.
        ok(unsafe { ptqk_range_estimator_for_scheme(ptr::null(), scheme, &mut params) });
        let mut want = preset(number);
        if scheme == 0 && want.max.statistics_type == 1 {
            want.max.statistics_type = ABS_MAX;
        }
        assert_eq!(params, want);
    }
}
