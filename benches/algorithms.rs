//! Whole functions through the C border on every tier of this CPU, one thread, against a loop that
//! moves the same bytes. `PTQK_BENCH_ROWS=1024` makes square matrices of another size.

#![allow(missing_docs, clippy::indexing_slicing, reason = "a bench may stop on its first surprise")]
#![allow(unsafe_code, reason = "the C border takes pointers")]

mod common;

use common::{criterion, floats, group, print_shares, started, tiers};
use criterion::Criterion;
use half::bf16;
use ptqk::ffi::*;
use std::ffi::c_void;
use std::ptr::null;

fn side() -> usize {
    std::env::var("PTQK_BENCH_ROWS").ok().and_then(|v| v.parse().ok()).unwrap_or(4096)
}

fn params(mode: WeightMode, group_size: i32, reduction_axis: u32) -> WeightParams {
    WeightParams { mode: mode as u32, group_size, reduction_axis, ..WeightParams::DEFAULT }
}

fn compress(c: &mut Criterion) {
    let n = side();
    let weights = floats(n * n);
    let brains: Vec<bf16> = weights.iter().map(|x| bf16::from_f32(*x)).collect();
    let cases = [
        ("compress_int8_sym", WeightMode::Int8Sym, -1, 1),
        ("compress_int8_asym", WeightMode::Int8Asym, -1, 1),
        ("compress_int4_sym_g128", WeightMode::Int4Sym, 128, 1),
        ("compress_int4_asym_g128", WeightMode::Int4Asym, 128, 1),
        ("compress_int4_sym_g32", WeightMode::Int4Sym, 32, 1),
        ("compress_int3_sym_g128", WeightMode::Int3Sym, 128, 1),
        ("compress_int2_sym_g128", WeightMode::Int2Sym, 128, 1),
        ("compress_int4_sym_g128_axis0", WeightMode::Int4Sym, 128, 0),
        ("compress_nf4_g128", WeightMode::Nf4, 128, 1),
        ("compress_fp4_g128", WeightMode::Fp4, 128, 1),
        ("compress_mxfp4", WeightMode::Mxfp4, -1, 1),
        ("compress_nvfp4", WeightMode::Nvfp4, -1, 1),
        ("compress_fp8_e4m3_g128", WeightMode::Fp8E4m3, 128, 1),
        ("compress_mxfp8_e4m3", WeightMode::Mxfp8E4m3, -1, 1),
        ("compress_mxfp6_e3m2", WeightMode::Mxfp6E3m2, -1, 1),
        ("compress_mxint8", WeightMode::Mxint8, -1, 1),
        ("compress_cb4", WeightMode::Cb4, -1, 1),
        ("compress_codebook_256", WeightMode::Codebook, -1, 1),
    ];
    let codebook: Vec<f32> = (0..256).map(|i| (i as f32 - 128.0) / 37.0).collect();
    for (name, mode, size, axis) in cases {
        let params = WeightParams {
            codebook: codebook.as_ptr(),
            codebook_size: 256,
            ..params(mode, size, axis)
        };
        let mut layout = WeightLayout::default();
        // SAFETY: all pointers are to live values.
        let status = unsafe { ptqk_weight_layout_query(null(), &params, n, n, &mut layout) };
        assert_eq!(status, Status::Ok);
        let mut codes = vec![0_u8; layout.code_bytes];
        let mut scale = vec![0_u16; layout.groups];
        let mut zero = vec![0_u8; layout.groups];
        let mut tensor = 0.0;
        let tensor: *mut f32 = &mut tensor;
        let inputs = [
            ("", Dtype::F32, weights.as_ptr().cast::<c_void>()),
            ("_bf16", Dtype::Bf16, brains.as_ptr().cast::<c_void>()),
        ];
        for (suffix, dtype, data) in inputs {
            let src =
                Matrix { data, rows: n, cols: n, row_stride: n, dtype: dtype as u32, reserved: 0 };
            let dst = CodesMut {
                data: codes.as_mut_ptr().cast(),
                rows: n,
                cols: n,
                row_stride_bytes: layout.code_row_bytes,
                code_type: layout.code_type,
                reserved: 0,
            };
            let read = n * n * dtype.bytes();
            let mut group = group(c, &format!("{name}{suffix}"), read, layout.code_bytes);
            tiers(|isa| {
                group.bench_function(isa, |b| {
                    b.iter(|| {
                        let (scale, zero) = (scale.as_mut_ptr().cast(), zero.as_mut_ptr());
                        // SAFETY: the buffers have the sizes of the layout.
                        unsafe {
                            ptqk_compress_weights(null(), &params, &src, &dst, scale, zero, tensor)
                        }
                    });
                });
            });
            group.finish();
        }
        let codes_view = Codes {
            data: codes.as_ptr().cast(),
            rows: n,
            cols: n,
            row_stride_bytes: layout.code_row_bytes,
            code_type: layout.code_type,
            reserved: 0,
        };
        let mut out = vec![0.0_f32; n * n];
        let dst = MatrixMut {
            data: out.as_mut_ptr().cast(),
            rows: n,
            cols: n,
            row_stride: n,
            dtype: Dtype::F32 as u32,
            reserved: 0,
        };
        let name = format!("de{name}");
        let mut group = group(c, &name, layout.code_bytes, n * n * 4);
        tiers(|isa| {
            group.bench_function(isa, |b| {
                b.iter(|| {
                    let (scale, zero) = (scale.as_ptr().cast(), zero.as_ptr());
                    // SAFETY: as above.
                    unsafe {
                        ptqk_decompress_weights(
                            null(),
                            &params,
                            &codes_view,
                            scale,
                            zero,
                            tensor,
                            &dst,
                        )
                    }
                });
            });
        });
        group.finish();
    }
}

fn reduce(c: &mut Criterion) {
    let n = side();
    let values = floats(n * n);
    let src = Matrix {
        data: values.as_ptr().cast(),
        rows: n,
        cols: n,
        row_stride: n,
        dtype: Dtype::F32 as u32,
        reserved: 0,
    };
    let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
    for granularity in [Granularity::Tensor, Granularity::Row, Granularity::Column] {
        let params = ReduceParams { granularity: granularity as u32, ..ReduceParams::DEFAULT };
        let mut group = group(c, &format!("min_max_{granularity:?}"), n * n * 4, 0);
        tiers(|isa| {
            group.bench_function(isa, |bench| {
                bench.iter(|| {
                    // SAFETY: the buffers hold a value per row or column.
                    unsafe { ptqk_min_max(null(), &params, &src, a.as_mut_ptr(), b.as_mut_ptr()) }
                });
            });
            group.bench_function(format!("{isa}_mean"), |bench| {
                // SAFETY: as above.
                bench.iter(|| unsafe { ptqk_mean(null(), &params, &src, a.as_mut_ptr()) });
            });
        });
        group.finish();
    }
}

fn main() {
    started();
    let mut c = criterion();
    compress(&mut c);
    reduce(&mut c);
    c.final_summary();
    print_shares();
}
