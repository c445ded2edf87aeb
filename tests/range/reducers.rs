//! Statistics of one tensor, or of the elements of several.

use crate::harness::*;
use crate::reference;
use crate::rng::Rng;
use crate::tables::on_every_table;
use ptqk::ffi::*;
use std::ptr;

fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    let fine =
        (got - want).abs() <= tolerance * want.abs().max(1.0) || got.is_nan() && want.is_nan();
    assert!(fine, "{what}: {got} is not {want}");
}

/// The elements along an axis, for each index of the others.
fn lines(data: &Data, axis: usize) -> Vec<Vec<f64>> {
    let mut lines = std::collections::BTreeMap::new();
    for (i, x) in data.values.iter().enumerate() {
        let mut index = data.index(i);
        index[axis] = 0;
        lines.entry(index).or_insert_with(Vec::new).push(f64::from(*x));
    }
    lines.into_values().collect()
}

type Along = unsafe extern "C" fn(*const Ctx, *const Tensor, u32, *mut f32) -> Status;

const ALONG: [(Along, &str); 3] = [
    (ptqk_mean_variance, "mean variance"),
    (ptqk_max_variance, "max variance"),
    (ptqk_mean_abs_max, "mean abs max"),
];

fn along(f: Along, ctx: *const Ctx, data: &Data, axis: usize) -> f32 {
    let (tensor, mut out) = (data.tensor(), 7.0);
    // SAFETY: the tensor describes live memory.
    ok(unsafe { f(ctx, &tensor, axis as u32, &mut out) });
    out
}

#[test]
fn spread_along_an_axis() {
    let mut rng = Rng(11);
    let shapes: [(&[usize], &[usize]); 7] = [
        (&[2, 12, 16], &[]),
        (&[9, 14], &[3, 1]),
        (&[300], &[]),
        (&[3, 5, 2, 140], &[1, 0, 0, 1]),
        (&[600, 3], &[2]),
        (&[2, 3, 4, 2, 2, 3, 2, 2], &[]),
        (&[1, 1, 7], &[]),
    ];
    for (at, (shape, gaps)) in shapes.into_iter().enumerate() {
        let data = Data::random(&mut rng, shape, [F32, F16, BF16][at % 3], gaps);
        for axis in 0..shape.len() {
            let lines = lines(&data, axis);
            let variances: Vec<f64> = lines.iter().map(|line| reference::variance(line)).collect();
            let largest: f64 =
                lines.iter().map(|line| line.iter().fold(0.0_f64, |a, x| a.max(x.abs()))).sum();
            let want = [
                variances.iter().sum::<f64>() / lines.len() as f64,
                variances.iter().copied().fold(0.0, f64::max),
                largest / lines.len() as f64,
            ];
            for ((f, name), want) in ALONG.into_iter().zip(want) {
                let what = format!("{shape:?} {axis} {name}");
                close(f64::from(along(f, ptr::null(), &data, axis)), want, 1e-6, &what);
            }
        }
        let mut broken = data.clone();
        let mut values = data.values.clone();
        values[data.values.len() / 2] = f32::NAN;
        broken.set(values);
        for (f, name) in ALONG {
            assert!(along(f, ptr::null(), &broken, 0).is_nan(), "{name}");
        }
    }
}

type Sums = unsafe extern "C" fn(*const Ctx, *const Tensor, i32, usize, *mut f64) -> Status;

fn sums(f: Sums, ctx: *const Ctx, data: &Data, axis: Option<usize>) -> Vec<f64> {
    let channels = axis.map_or(1, |axis| data.shape[axis]);
    let (tensor, mut out) = (data.tensor(), vec![7.0; channels]);
    let axis = axis.map_or(-1, |axis| axis as i32);
    // SAFETY: the tensor describes live memory, the output holds `channels` values.
    ok(unsafe { f(ctx, &tensor, axis, channels, out.as_mut_ptr()) });
    out
}

fn means(ctx: *const Ctx, data: &Data, axis: Option<usize>) -> Vec<f32> {
    let channels = axis.map_or(1, |axis| data.shape[axis]);
    let (tensor, mut out) = (data.tensor(), vec![7.0; channels]);
    let axis = axis.map_or(-1, |axis| axis as i32);
    // SAFETY: as above.
    ok(unsafe { ptqk_channel_mean(ctx, &tensor, axis, channels, out.as_mut_ptr()) });
    out
}

#[test]
fn sums_of_channels() {
    let mut rng = Rng(12);
    for (shape, gaps) in [
        (&[3, 7, 5][..], &[][..]),
        (&[2, 600, 3], &[5]),
        (&[2, 3, 600], &[0, 2, 1]),
        (&[900], &[]),
        (&[300, 2300], &[3]),
        (&[4, 2, 2, 2, 3, 2, 1, 9], &[1, 2, 0, 1]),
    ] {
        for dtype in [F32, F16, BF16] {
            let data = Data::random(&mut rng, shape, dtype, gaps);
            for axis in (0..shape.len()).map(Some).chain([None]) {
                let what = format!("{shape:?} {axis:?}");
                let channels = data.channels(axis, false);
                let sum = sums(ptqk_channel_sum, ptr::null(), &data, axis);
                let squares = sums(ptqk_channel_sum_squares, ptr::null(), &data, axis);
                let mean = means(ptr::null(), &data, axis);
                for (i, x) in channels.iter().enumerate() {
                    let n = x.len() as f64;
                    let want: f64 = x.iter().map(|x| f64::from(*x)).sum();
                    let square: f64 = x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
                    close(sum[i] / n, want / n, 1e-6, &what);
                    close(f64::from(mean[i]), want / n, 1e-6, &what);
                    close(squares[i] / n, square / n, 3e-6, &what);
                }
            }
        }
    }
}

#[test]
fn sensitivity() {
    let mut rng = Rng(13);
    let samples: Vec<_> =
        [[3, 5], [2, 9], [4, 4]].map(|s| Data::random(&mut rng, &s, F32, &[2])).into();
    let mut squares = vec![7.0; 3];
    for (sample, square) in samples.iter().zip(&mut squares) {
        let tensor = sample.tensor();
        // SAFETY: the tensor describes live memory.
        ok(unsafe { ptqk_mean_square(ptr::null(), &tensor, square) });
    }
    let mut h = 7.0;
    // SAFETY: the array is live.
    ok(unsafe { ptqk_hawq_sensitivity(ptr::null(), squares.as_ptr(), 3, &mut h) });
    let want: f64 = samples
        .iter()
        .map(|s| {
            s.values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / s.values.len() as f64
        })
        .sum();
    close(h, 2.0 / 3.0 * want, 1e-6, "h");
    let mut untouched = 7.0;
    // SAFETY: nothing is read.
    ok(unsafe { ptqk_hawq_sensitivity(ptr::null(), ptr::null(), 0, &mut untouched) });
    assert_eq!(untouched, 7.0);
}

fn median_mad(ctx: *const Ctx, samples: &[Data], axis: i32, channels: usize) -> [Vec<f32>; 2] {
    let tensors: Vec<_> = samples.iter().map(Data::tensor).collect();
    let (mut median, mut mad) = (vec![7.0; channels], vec![7.0; channels]);
    let out = (median.as_mut_ptr(), mad.as_mut_ptr());
    // SAFETY: the tensors describe live memory, the outputs hold `channels` values.
    ok(unsafe {
        ptqk_median_mad(ctx, tensors.as_ptr(), tensors.len(), axis, channels, out.0, out.1)
    });
    [median, mad]
}

fn percentiles(
    ctx: *const Ctx,
    samples: &[Data],
    axis: i32,
    channels: usize,
    p: &[f64],
) -> Vec<f32> {
    let tensors: Vec<_> = samples.iter().map(Data::tensor).collect();
    let mut values = vec![7.0; channels * p.len()];
    let out = values.as_mut_ptr();
    // SAFETY: as above.
    ok(unsafe {
        ptqk_percentiles(
            ctx,
            tensors.as_ptr(),
            tensors.len(),
            axis,
            channels,
            p.as_ptr(),
            p.len(),
            out,
        )
    });
    values
}

#[test]
fn order_statistics_of_several_tensors() {
    let mut rng = Rng(14);
    let percents = [0.0, 0.1, 5.0, 50.0, 95.0, 100.0];
    for axis in [None, Some(0), Some(1), Some(2)] {
        let mut samples: Vec<_> = [&[4, 5, 300][..], &[4, 5, 300], &[4, 5, 300]]
            .map(|shape| Data::random(&mut rng, shape, BF16, &[1, 3]))
            .into();
        let mut values = samples[0].values.clone();
        values.iter_mut().step_by(3).for_each(|x| *x = 0.0);
        samples[0].set(values);
        if axis.is_some_and(|axis| axis < 2) {
            samples.push(Data::new(Vec::new(), &[4, 5, 0], BF16, &[]));
        }
        let channels = axis.map_or(1, |axis| samples[0].shape[axis]);
        let code = axis.map_or(-1, |axis| axis as i32);
        let mut pooled = vec![Vec::new(); channels];
        for sample in samples.iter().filter(|s| !s.values.is_empty()) {
            for (to, x) in pooled.iter_mut().zip(sample.channels(axis, false)) {
                to.extend(x.into_iter().map(f64::from));
            }
        }
        let [median, mad] = median_mad(ptr::null(), &samples, code, channels);
        let values = percentiles(ptr::null(), &samples, code, channels, &percents);
        for (i, x) in pooled.iter().enumerate() {
            let large: Vec<f64> =
                x.iter().copied().filter(|x| x.abs() >= f64::from(f32::EPSILON)).collect();
            let center = reference::quantile(&large, 0.5);
            let far: Vec<f64> = x.iter().map(|x| (x - center).abs()).collect();
            close(f64::from(median[i]), center, 1e-6, "median");
            close(f64::from(mad[i]), reference::quantile(&far, 0.5), 1e-6, "mad");
            for (row, p) in percents.iter().enumerate() {
                let want = reference::quantile(x, p / 100.0);
                close(f64::from(values[row * channels + i]), want, 1e-6, "percentile");
            }
        }
        let ctx = on_threads(3);
        assert_eq!(median_mad(&ctx, &samples, code, channels), [median, mad]);
        assert_eq!(percentiles(&ctx, &samples, code, channels, &percents), values);
    }
    // Nothing but zeros has the median 0.
    let zeros = [Data::new(vec![0.0, -0.0, 1e-9], &[3], F32, &[])];
    assert_eq!(median_mad(ptr::null(), &zeros, -1, 1), [[0.0], [0.0]]);
    let nan = [Data::new(vec![0.0, f32::NAN, 1.0], &[3], F32, &[])];
    assert!(median_mad(ptr::null(), &nan, -1, 1).iter().all(|x| x[0].is_nan()));
}

/// Everything of one tensor as bits.
fn everything(ctx: *const Ctx, data: &Data) -> Vec<u64> {
    let mut all = Vec::new();
    for axis in 0..data.shape.len() {
        all.extend(ALONG.map(|(f, _)| u64::from(along(f, ctx, data, axis).to_bits())));
        let axis = Some(axis);
        all.extend(sums(ptqk_channel_sum, ctx, data, axis).iter().map(|x| x.to_bits()));
        all.extend(sums(ptqk_channel_sum_squares, ctx, data, axis).iter().map(|x| x.to_bits()));
        all.extend(means(ctx, data, axis).iter().map(|x| u64::from(x.to_bits())));
    }
    all.extend(sums(ptqk_channel_sum_squares, ctx, data, None).iter().map(|x| x.to_bits()));
    all
}

/// The only test of this program that changes the tier of all threads: results are the same on all.
#[test]
fn tiers_threads_and_strides_change_no_bit() {
    let mut rng = Rng(15);
    for (shape, gaps) in [
        (&[3, 150, 517][..], &[7, 3][..]),
        (&[150_001], &[1]),
        (&[2, 70_003], &[0, 1]),
        (&[140, 5, 3, 31], &[3, 0, 2, 1]),
        (&[300, 2300], &[3]),
    ] {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| value(&mut rng) * 9.0).collect();
        for dtype in [F32, F16, BF16] {
            let data = Data::new(values.clone(), shape, dtype, &[]);
            let want = everything(ptr::null(), &data);
            // Thousands of numbers: too many to print.
            let same = |got: Vec<u64>, what| assert!(got == want, "{shape:?} {what}");
            same(
                everything(ptr::null(), &Data::new(values.clone(), shape, dtype, gaps)),
                "strides".to_owned(),
            );
            for threads in [2, 3, 7] {
                same(everything(&on_threads(threads), &data), format!("{threads} threads"));
            }
            on_every_table(|isa| same(everything(ptr::null(), &data), format!("table {isa}")));
        }
    }
}

#[test]
fn stats_of_activations() {
    let mut rng = Rng(16);
    for (samples, subset) in
        [(10, 64), (40, 12), (33, 16), (17, 16), (16, 16), (100, 64), (5, 0), (300, 1), (1, 1)]
    {
        for dtype in [F32, F16, BF16] {
            let channels = 37;
            let means = Data::random(&mut rng, &[samples, channels], dtype, &[3]);
            let counts: Vec<u64> = (0..samples)
                .map(|i| u64::from(rng.next() % 7) + if i % 5 == 0 { 1 << 40 } else { 0 })
                .collect();
            let mut order: Vec<usize> = (0..samples).collect();
            let mut step = 1;
            if subset > 0 && samples > subset {
                order.sort_by_key(|i| std::cmp::Reverse(counts[*i]));
                step = samples / subset;
            }
            let taken: Vec<usize> = order.into_iter().step_by(step).collect();
            let (mut columns, mut bytes) = (0, 0);
            // SAFETY: they point to live values.
            unsafe {
                ok(ptqk_process_stats_columns(ptr::null(), samples, subset, &mut columns));
                ok(ptqk_process_stats_workspace_size(ptr::null(), samples, subset, &mut bytes));
            }
            assert_eq!(columns, taken.len());
            let (tensor, mut workspace) = (means.tensor(), vec![0xA5_u8; bytes + 3]);
            let matrix = Matrix {
                data: tensor.data,
                rows: samples,
                cols: channels,
                row_stride: means.strides[0],
                dtype,
                reserved: 0,
            };
            let (mut importance, mut x) =
                (vec![7.0_f32; channels], vec![7.0_f32; channels * columns]);
            let to = MatrixMut {
                data: x.as_mut_ptr().cast(),
                rows: channels,
                cols: columns,
                row_stride: columns,
                dtype: F32,
                reserved: 0,
            };
            let all = samples <= subset || subset == 0;
            let counts = if all { ptr::null() } else { counts.as_ptr() };
            // SAFETY: every buffer has the size that it should have; an odd address is fine.
            ok(unsafe {
                ptqk_process_stats(
                    ptr::null(),
                    &matrix,
                    counts,
                    subset,
                    importance.as_mut_ptr(),
                    &to,
                    workspace.as_mut_ptr().add(3).cast(),
                    bytes,
                )
            });
            for channel in 0..channels {
                let at = |sample: usize| means.values[sample * channels + channel];
                let largest = (0..samples).map(|s| at(s).abs()).fold(0.0, f32::max);
                assert_eq!(importance[channel], largest);
                for (column, sample) in taken.iter().enumerate() {
                    assert_eq!(x[channel * columns + column], at(*sample), "{samples} {subset}");
                }
            }
        }
    }
}
