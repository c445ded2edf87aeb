//! Statistics through the C border on every tier of this CPU, one thread, against a loop that reads
//! the same bytes.

#![allow(missing_docs, clippy::indexing_slicing, reason = "a bench may stop on its first surprise")]
#![allow(unsafe_code, reason = "the C border takes pointers")]

mod common;

use common::{criterion, floats, group, print_shares, sizes, started, tiers};
use criterion::Criterion;
use half::{bf16, f16};
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr::null;

/// Elements of every type, `bytes` of each.
struct Data {
    floats: Vec<f32>,
    halves: Vec<f16>,
    brains: Vec<bf16>,
}

impl Data {
    fn new(bytes: usize) -> Self {
        let all = floats(bytes / 2);
        Self {
            halves: all.iter().map(|x| f16::from_f32(*x)).collect(),
            brains: all.iter().map(|x| bf16::from_f32(*x)).collect(),
            floats: all[..bytes / 4].to_vec(),
        }
    }

    /// One row of all elements.
    fn matrix(&self, dtype: Dtype) -> Matrix {
        let (data, cols): (*const c_void, usize) = match dtype {
            Dtype::F16 => (self.halves.as_ptr().cast(), self.halves.len()),
            Dtype::Bf16 => (self.brains.as_ptr().cast(), self.brains.len()),
            Dtype::F32 => (self.floats.as_ptr().cast(), self.floats.len()),
        };
        Matrix { data, rows: 1, cols, row_stride: cols, dtype: dtype as u32, reserved: 0 }
    }

    /// Images of 32 by 16 pixels with 8 channels.
    fn images(&self) -> Tensor {
        let shape = [self.floats.len() / 4096, 8, 32, 16, 0, 0, 0, 0];
        let strides = [4096, 512, 16, 1, 0, 0, 0, 0];
        let data = self.floats.as_ptr().cast();
        Tensor { data, dtype: Dtype::F32 as u32, rank: 4, shape, strides }
    }
}

/// Tokens with 1024 channels, as images of one pixel.
fn tokens(src: &Tensor) -> Tensor {
    let n = src.shape[0] * 4;
    Tensor {
        shape: [n, 1, 1, 1024, 0, 0, 0, 0],
        strides: [1024, 1024, 1024, 1, 0, 0, 0, 0],
        ..*src
    }
}

fn ok(status: Status) {
    assert_eq!(status, Status::Ok);
}

/// A state of `bytes` bytes.
fn words(bytes: usize) -> Vec<u64> {
    vec![0; bytes / 8]
}

const DTYPES: [(&str, Dtype); 3] =
    [("f32", Dtype::F32), ("f16", Dtype::F16), ("bf16", Dtype::Bf16)];

fn quantile(c: &mut Criterion, size: &str, bytes: usize, data: &Data) {
    let cases: [(&str, &[f64]); 3] = [("half", &[0.5]), ("low", &[1e-4]), ("both", &[0.01, 0.99])];
    for (type_name, dtype) in DTYPES {
        let src = data.matrix(dtype);
        let mut scratch = vec![0.0; src.cols / 5];
        for (name, p) in cases {
            let mut group = group(c, &format!("quantile_{name}_{type_name}_{size}"), bytes, 0);
            let mut out = [0.0; 2];
            let (scratch, out) = (&mut scratch, out.as_mut_ptr());
            tiers(|isa| {
                let (at, room) = (scratch.as_mut_ptr(), scratch.len());
                group.bench_function(isa, |b| {
                    let params = QuantileParams::DEFAULT;
                    b.iter(|| {
                        // SAFETY: the buffers have the sizes that are given.
                        ok(unsafe {
                            ptqk_quantile(null(), &params, &src, p.as_ptr(), p.len(), at, room, out)
                        })
                    });
                });
            });
            group.finish();
        }
    }
}

fn range(c: &mut Criterion, size: &str, bytes: usize, data: &Data) {
    let src = data.images();
    let items = src.shape[0] as u64;
    let axis = |channel_axis: i32, channels: u64| RangeParams {
        channel_axis,
        channels,
        num_samples: u64::MAX,
        ..RangeParams::DEFAULT
    };
    let cases = [
        ("tensor", src, axis(-1, 1)),
        ("axis0", src, axis(0, items)),
        ("axis1", src, axis(1, 8)),
        ("axis3", src, axis(3, 16)),
        ("tokens", tokens(&src), axis(3, 1024)),
    ];
    for (name, src, params) in cases {
        let mut size_of = 0;
        // SAFETY: both point to live values.
        ok(unsafe { ptqk_range_state_size(null(), &params, &mut size_of) });
        let mut state = words(size_of);
        let state = state.as_mut_ptr().cast();
        // SAFETY: the state has the size of the query.
        ok(unsafe { ptqk_range_init(null(), &params, state, size_of) });
        let mut group = group(c, &format!("range_update_{name}_{size}"), bytes, 0);
        tiers(|isa| {
            group.bench_function(isa, |b| {
                // SAFETY: as above.
                b.iter(|| ok(unsafe { ptqk_range_update(null(), &src, state, size_of) }));
            });
        });
        group.finish();
    }
}

fn reducers(c: &mut Criterion, size: &str, bytes: usize, data: &Data) {
    let src = data.images();
    let most = src.shape[0].max(1024);
    let (mut sums, mut means) = (vec![0.0; most], vec![0.0; most]);
    let (sums, means) = (sums.as_mut_ptr(), means.as_mut_ptr());
    for (name, src, axis, channels) in [
        ("tensor", src, -1, 1),
        ("axis0", src, 0, src.shape[0]),
        ("axis1", src, 1, 8),
        ("axis3", src, 3, 16),
        ("tokens", tokens(&src), 3, 1024),
    ] {
        let mut group = group(c, &format!("channel_{name}_{size}"), bytes, 0);
        tiers(|isa| {
            group.bench_function(format!("{isa}_sum"), |b| {
                // SAFETY: the outputs hold a value per channel.
                b.iter(|| ok(unsafe { ptqk_channel_sum(null(), &src, axis, channels, sums) }));
            });
            group.bench_function(format!("{isa}_squares"), |b| {
                b.iter(|| {
                    // SAFETY: as above.
                    ok(unsafe { ptqk_channel_sum_squares(null(), &src, axis, channels, sums) })
                });
            });
            group.bench_function(format!("{isa}_mean"), |b| {
                // SAFETY: as above.
                b.iter(|| ok(unsafe { ptqk_channel_mean(null(), &src, axis, channels, means) }));
            });
        });
        group.finish();
    }
}

fn histogram(c: &mut Criterion, size: &str, bytes: usize, data: &Data) {
    for (name, kind) in [("parity", HistogramKind::Parity), ("mergeable", HistogramKind::Mergeable)]
    {
        let params = HistogramParams { kind: kind as u32, ..HistogramParams::DEFAULT };
        let src = data.matrix(Dtype::F32);
        let (mut size_of, mut room) = (0, 0);
        // SAFETY: all point to live values.
        unsafe {
            ok(ptqk_histogram_state_size(null(), &params, &mut size_of));
            ok(ptqk_histogram_workspace_size(null(), &params, 1, src.cols, &mut room));
        }
        let (mut state, mut workspace) = (words(size_of), vec![0_u8; room]);
        let (state, workspace) = (state.as_mut_ptr().cast(), workspace.as_mut_ptr().cast());
        // SAFETY: the state has the size of the query.
        ok(unsafe { ptqk_histogram_init(null(), &params, state, size_of) });
        let mut group = group(c, &format!("histogram_{name}_{size}"), bytes, 0);
        tiers(|isa| {
            group.bench_function(isa, |b| {
                b.iter(|| {
                    // SAFETY: as above.
                    ok(unsafe {
                        ptqk_histogram_update(null(), &src, state, size_of, workspace, room)
                    })
                });
            });
        });
        group.finish();
    }
}

fn sketch(c: &mut Criterion, size: &str, bytes: usize, data: &Data) {
    let params = SketchParams::DEFAULT;
    let src = data.matrix(Dtype::F32);
    let (mut size_of, mut room) = (0, 0);
    // SAFETY: all point to live values.
    unsafe {
        ok(ptqk_sketch_state_size(null(), &params, &mut size_of));
        ok(ptqk_sketch_workspace_size(null(), &params, &mut room));
    }
    let (mut state, mut workspace) = (words(size_of), vec![0_u8; room]);
    let (state, workspace) = (state.as_mut_ptr().cast(), workspace.as_mut_ptr().cast());
    // SAFETY: the state has the size of the query.
    ok(unsafe { ptqk_sketch_init(null(), &params, state, size_of) });
    let mut group = group(c, &format!("sketch_{size}"), bytes, 0);
    tiers(|isa| {
        group.bench_function(isa, |b| {
            b.iter(|| {
                // SAFETY: as above.
                ok(unsafe { ptqk_sketch_update(null(), &src, state, size_of, workspace, room) })
            });
        });
    });
    group.finish();
}

fn main() {
    started();
    let mut c = criterion();
    for (size, bytes) in sizes() {
        let data = Data::new(bytes);
        quantile(&mut c, size, bytes, &data);
        range(&mut c, size, bytes, &data);
        reducers(&mut c, size, bytes, &data);
        histogram(&mut c, size, bytes, &data);
        sketch(&mut c, size, bytes, &data);
    }
    c.final_summary();
    print_shares();
}
