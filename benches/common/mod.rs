//! What the benches share: sizes, data, the loops that only move bytes, and the table of shares.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    dead_code,
    reason = "a bench may stop on its first surprise; each bench uses a part of this"
)]
#![allow(unsafe_code, reason = "the loops that only move bytes use the widest registers")]

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Bytes of input: L1, L2, L3 and memory.
pub const SIZES: [(&str, usize); 4] =
    [("16KiB", 16 << 10), ("512KiB", 512 << 10), ("8MiB", 8 << 20), ("256MiB", 256 << 20)];

/// The sizes to run: all, or those that `PTQK_BENCH_SIZES` names, comma separated.
pub fn sizes() -> Vec<(&'static str, usize)> {
    let wanted = std::env::var("PTQK_BENCH_SIZES").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|s| !s.is_empty()).collect();
    SIZES.into_iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)).collect()
}

/// Short measurements: there are many, and what counts is the ratio within one run.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(15)
        .warm_up_time(Duration::from_millis(60))
        .measurement_time(Duration::from_millis(250))
        .without_plots()
        .configure_from_args()
}

/// Weights as trained networks have them, roughly: sums of four uniform numbers.
pub fn floats(len: usize) -> Vec<f32> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len)
        .map(|_| {
            let x = next();
            let sum = (0..4).map(|i| (x >> (16 * i) & 0xFFFF) as f32).sum::<f32>();
            (sum / 65536.0 - 2.0) * 0.05
        })
        .collect()
}

/// Reads `read` and writes `write` bytes, in proportion, and does nothing else. As wide as the CPU.
pub fn traffic(src: &[u8], dst: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has AVX-512 F.
            return unsafe { traffic_avx512(src, dst) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has AVX2.
            return unsafe { traffic_avx2(src, dst) };
        }
    }
    traffic_any::<16>(src, dst);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn traffic_avx512(src: &[u8], dst: &mut [u8]) {
    traffic_any::<64>(src, dst);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn traffic_avx2(src: &[u8], dst: &mut [u8]) {
    traffic_any::<32>(src, dst);
}

/// In registers of `N` bytes. The sums of what is read go into what is written, so that neither
/// can be left out.
#[inline(always)]
fn traffic_any<const N: usize>(src: &[u8], dst: &mut [u8]) {
    type Words<const N: usize> = [u8; N];
    let (reads, writes) = (src.len() / N, dst.len() / N);
    let (src, dst) = (src.as_chunks::<N>().0, dst.as_chunks_mut::<N>().0);
    let xor = |a: Words<N>, b: &Words<N>| {
        let mut out = a;
        out.iter_mut().zip(b).for_each(|(a, b)| *a ^= *b);
        out
    };
    if writes == 0 {
        let mut acc = [[0; N]; 8];
        for eight in src.as_chunks::<8>().0 {
            for (acc, x) in acc.iter_mut().zip(eight) {
                *acc = xor(*acc, x);
            }
        }
        std::hint::black_box(acc);
    } else if reads >= writes {
        let per = reads / writes;
        match per {
            1 => dst.iter_mut().zip(src).for_each(|(d, s)| *d = *s),
            2 => fan_in::<N, 2>(src, dst, xor),
            4 => fan_in::<N, 4>(src, dst, xor),
            8 => fan_in::<N, 8>(src, dst, xor),
            _ => fan_in::<N, 16>(src, dst, xor),
        }
        // What a ratio that is no integer leaves.
        let rest = src.iter().skip(per * writes).fold([0; N], xor);
        std::hint::black_box(rest);
    } else {
        match writes / reads {
            2 => fan_out::<N, 2>(src, dst),
            4 => fan_out::<N, 4>(src, dst),
            8 => fan_out::<N, 8>(src, dst),
            _ => fan_out::<N, 16>(src, dst),
        }
        dst.iter_mut().skip(writes / reads * reads).for_each(|d| *d = [1; N]);
    }
}

#[inline(always)]
fn fan_in<const N: usize, const K: usize>(
    src: &[[u8; N]],
    dst: &mut [[u8; N]],
    xor: impl Fn([u8; N], &[u8; N]) -> [u8; N],
) {
    for (d, s) in dst.iter_mut().zip(src.as_chunks::<K>().0) {
        *d = s.iter().fold([0; N], &xor);
    }
}

#[inline(always)]
fn fan_out<const N: usize, const K: usize>(src: &[[u8; N]], dst: &mut [[u8; N]]) {
    for (d, s) in dst.as_chunks_mut::<K>().0.iter_mut().zip(src) {
        *d = [*s; K];
    }
}

/// Opens the group `kernel/size` and measures the limit for its traffic first.
pub fn group<'c>(
    c: &'c mut Criterion,
    name: &str,
    read: usize,
    write: usize,
) -> BenchmarkGroup<'c, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes((read + write) as u64));
    group.bench_function("limit", |b| {
        let (src, mut dst) = (vec![1_u8; read], vec![1_u8; write]);
        b.iter(|| traffic(&src, std::hint::black_box(&mut dst)));
    });
    group
}

/// Runs `f` once per vector tier, the narrow first, with the tier as the highest allowed.
pub fn tiers(mut f: impl FnMut(&str)) {
    for k in ptqk::dispatch::available() {
        let isa = k.isa();
        if isa != ptqk::kernels::Isa::Scalar {
            ptqk::dispatch::set_max_isa(isa);
            f(&format!("{isa:?}").to_lowercase());
        }
    }
}

/// Prints each group's medians of this run as shares of its limit.
pub fn print_shares() {
    let root = std::env::var("CARGO_TARGET_DIR")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), Into::into)
        .join("criterion");
    let mut rows: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
    for group in std::fs::read_dir(root).into_iter().flatten().flatten() {
        for function in std::fs::read_dir(group.path()).into_iter().flatten().flatten() {
            let path = function.path().join("new/estimates.json");
            let fresh = path.metadata().and_then(|m| m.modified()).is_ok_and(|m| {
                m.elapsed().is_ok_and(|age| age < started().elapsed() + Duration::from_secs(1))
            });
            let Some(text) = fresh.then(|| std::fs::read_to_string(&path).ok()).flatten() else {
                continue;
            };
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let median = value["median"]["point_estimate"].as_f64().unwrap();
            let name = group.file_name().to_string_lossy().into_owned();
            let function = function.file_name().to_string_lossy().into_owned();
            rows.entry(name).or_default().insert(function, median);
        }
    }
    println!("\nshare of the limit (median time of the limit / median time)");
    for (name, functions) in rows {
        let Some(limit) = functions.get("limit") else { continue };
        let shares = functions.iter().filter(|(f, _)| *f != "limit");
        let shares: Vec<String> =
            shares.map(|(f, time)| format!("{f} {:.2}", limit / time)).collect();
        println!("{name:44} {}", shares.join("  "));
    }
}

/// When this process began to measure.
pub fn started() -> std::time::Instant {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    *START.get_or_init(std::time::Instant::now)
}
