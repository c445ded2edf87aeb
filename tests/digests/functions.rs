//! Digests of what every function writes. Nothing of an operating system takes part: a program without
//! one makes them, too.

extern crate alloc;

use crate::calls::*;
use crate::{layer, lora_layer, lora_pair, rng, stored};
use alloc::string::String;
use alloc::{format, vec, vec::Vec};
use core::ptr;
use ptqk::ffi::{self, QuantizationParams, Status};

/// FNV-1a.
struct Digest(u64);

impl Digest {
    fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        for status in &outcome.status {
            self.bytes(&(*status as i32).to_le_bytes());
        }
        for (_, bytes) in &outcome.outputs {
            self.bytes(bytes);
        }
    }

    fn floats(&mut self, values: &[f32]) {
        for value in values {
            let bits = if value.is_nan() { 0x7FC0_0000 } else { value.to_bits() };
            self.bytes(&bits.to_le_bytes());
        }
    }

    fn ints(&mut self, values: &[i32]) {
        values.iter().for_each(|value| self.bytes(&value.to_le_bytes()));
    }
}

const DTYPES: [&str; 3] = ["f32", "f16", "bf16"];
const CODES: [&str; 17] = [
    "i8",
    "u8",
    "i16",
    "u16",
    "i4",
    "u4",
    "u3",
    "u2",
    "e4m3",
    "e5m2",
    "e4m3_fnuz",
    "e5m2_fnuz",
    "e8m0",
    "e3m2",
    "e2m3",
    "e2m1",
    "nf4",
];
const SHARINGS: [(u32, u32); 5] = [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 5), (GROUP, 64)];

/// Blocks and odd tails, gaps between rows, a row and a column.
const SHAPES: [Shape; 4] = [
    Shape::padded(5, 67, 3),
    Shape::new(3, 256),
    Shape::padded(1, 1001, 1),
    Shape::padded(37, 1, 2),
];

/// Shapes for groups of 16 and 32 on both axes.
const BLOCKS: [Shape; 3] =
    [Shape::padded(32, 96, 3), Shape::new(64, 160), Shape::padded(96, 32, 1)];

/// More than one tile, and rows that are cut.
const LARGE: Shape = Shape::new(2, 70_001);

fn all(names: &mut Vec<(String, u64)>, name: String, calls: &[Call], shapes: &[Shape]) {
    let mut digest = Digest::new();
    for call in calls {
        for shape in shapes {
            digest.outcome(&call.run(*shape, &Heap::default(), ptr::null()));
        }
    }
    names.push((name, digest.0));
}

/// Digests of everything, with the table that is in use.
pub fn digests() -> Vec<(String, u64)> {
    let mut names = Vec::new();
    let large = [&SHAPES[..], &[LARGE]].concat();
    for (dtype, d) in (0..).zip(DTYPES) {
        for code_type in SCALED {
            let (c, integer) = (CODES[code_type as usize], INTEGERS.contains(&code_type));
            let calls = SHARINGS.map(|sharing| {
                let (before, zero) = (sharing.1 % 2, integer && sharing.0 != ROW);
                Call::Quantize { dtype, code_type, sharing, before, zero }
            });
            all(&mut names, format!("quantize {d} {c}"), &calls, &SHAPES);
            let calls = SHARINGS.map(|sharing| Call::Dequantize {
                dtype,
                code_type,
                sharing,
                zero: integer && sharing.0 != COLUMN,
            });
            all(&mut names, format!("dequantize {c} {d}"), &calls, &SHAPES);
        }
        conversions(&mut names, (dtype, d));
        for (to, t) in (0..).zip(DTYPES) {
            let calls = SHARINGS.map(|sharing| {
                let (levels, in_place) = ([2, 255, 256, 65536][sharing.0 as usize], to == dtype);
                Call::FakeQuantize { from: dtype, to, sharing, levels, in_place }
            });
            all(&mut names, format!("fake_quantize {d} {t}"), &calls, &SHAPES);
        }
        for what in REDUCTIONS {
            let plain =
                SHARINGS.map(|sharing| Call::Reduce { what, dtype, sharing, hostile: false });
            let hostile =
                SHARINGS.map(|sharing| Call::Reduce { what, dtype, sharing, hostile: true });
            // A median takes long, and there are large quantiles below.
            let shapes = if what == Reduce::Median { &SHAPES[..] } else { &large };
            all(&mut names, format!("{what:?} {d}"), &[plain, hostile].concat(), shapes);
        }
        for mode in MODES {
            compressions(&mut names, (dtype, d), mode);
        }
    }
    statistics(&mut names);
    for (code_type, c) in [(I8, "i8"), (U8, "u8")] {
        let granularities = [TENSOR, ROW, COLUMN];
        let calls = granularities.map(|granularity| Call::Requantize { code_type, granularity });
        all(&mut names, format!("requantize {c}"), &calls, &SHAPES);
        for (single, s) in [(0, "double"), (1, "single")] {
            let calls = granularities.map(|granularity| Call::RequantizeFixed {
                code_type,
                granularity,
                single,
            });
            all(&mut names, format!("requantize_fixed {c} {s}"), &calls, &SHAPES);
        }
    }
    for code_type in [I4, U4, U3, U2, I8, E4M3, E3M2, E2M3, E2M1, NF4] {
        let c = CODES[code_type as usize];
        let shapes: Vec<_> = (0..70).map(|cols| Shape::new(1, cols)).collect();
        all(&mut names, format!("pack {c}"), &[Call::Pack { code_type }], &shapes);
    }
    quantizers(&mut names);
    solvers(&mut names);
    corrections(&mut names);
    adapters(&mut names);
    names
}

/// Layers that are corrected: decomposed as a whole and in steps, along either axis.
fn corrections(names: &mut Vec<(String, u64)>) {
    for mode in [MODES[2], MODES[3], MODES[6], MODES[8]] {
        let mut digest = Digest::new();
        for (outputs, inputs, axis, regularized) in [(35, 64, 1, 1), (140, 160, 0, 0)] {
            let layer = lora_layer::Layer::new(outputs, inputs, 11, 2);
            let from = lora_layer::Compressed::new(&layer, &mode, (16, axis), 0);
            let params = ffi::LoraParams {
                apply_regularization: regularized,
                subset_size: 6,
                ..from.settings(5)
            };
            let corrected = lora_layer::correct(&params, &from);
            digest.floats(&corrected.a);
            digest.floats(&corrected.b);
            digest.floats(&corrected.noises);
            digest.bytes(&corrected.a_codes);
            digest.bytes(&corrected.b_codes);
        }
        names.push((format!("lora {}", mode.name), digest.0));
    }
}

/// How a pair of adapters is made.
type MakePair = fn(usize, usize, usize, u32, &mut rng::Rng) -> lora_pair::Pair;

/// Adapters that are made, applied to batches, and merged: of every type of float, and of codes.
fn adapters(names: &mut Vec<(String, u64)>) {
    const RANK: usize = 70;
    let layer = lora_layer::Layer::new(140, 160, 0, 3);
    let from = lora_layer::Compressed::new(&layer, &MODES[3], (16, 1), 0);
    for (kind, name) in [(0, "residual"), (1, "random")] {
        let mut digest = Digest::new();
        for rank in [4, RANK as u32] {
            let params = ffi::LoraInitParams {
                adapter_rank: rank,
                kind,
                weights: from.params,
                ..ffi::LoraInitParams::DEFAULT
            };
            let (a, b) = lora_layer::init(&params, &from);
            digest.floats(&a);
            digest.floats(&b);
        }
        names.push((format!("lora_init {name}"), digest.0));
    }
    let mut rng = rng::Rng(12);
    let turns: [(&str, MakePair); 2] =
        [("", lora_pair::Pair::new), (" transposed", lora_pair::Pair::transposed)];
    for ((turn, make), (dtype, d)) in turns.into_iter().flat_map(|turn| {
        [(0, "f32"), (1, "f16"), (2, "bf16"), (3, "codes")].map(|form| (turn, form))
    }) {
        let mut digest = Digest::new();
        for (rows, rank) in [(1, 8), (19, 3), (2, RANK)] {
            let pair = make(1100, 75, rank, dtype, &mut rng);
            let values = |n, rng: &mut rng::Rng| rng.many(n, rng::Rng::uniform);
            let x = stored::Stored::new(&values(rows * 1100, &mut rng), rows, 1100, dtype % 3);
            let mut y = stored::Stored::new(&values(rows * 75, &mut rng), rows, 75, dtype % 3);
            let mut w = stored::Stored::new(&values(1100 * 75, &mut rng), 75, 1100, dtype % 3);
            let all = ffi::LoraSegment { adapter: 0, first_row: 0, rows };
            lora_pair::apply(ptr::null(), core::slice::from_ref(&pair), &[all], &x, &mut y);
            lora_pair::merge(ptr::null(), &pair, false, &mut w);
            digest.floats(&y.values());
            digest.floats(&w.values());
        }
        names.push((format!("lora_apply {d}{turn}"), digest.0));
    }
}

/// A layer that is solved: order, kinds of groups and of scales, passes, axis.
fn solver(
    digest: &mut Digest,
    (mode, layer): (&Mode, &layer::Layer),
    (order, groups, scale, passes, axis): (u32, u32, u32, u32, u32),
) {
    let mut params = layer::params(mode, 16, axis);
    params.weights.reduction_axis = axis;
    let block_size = 40 - 8 * groups;
    let params = ffi::GptqParams { order, groups, scale, passes, block_size, ..params };
    let solution = layer::solve(mode, &params, layer);
    digest.bytes(&solution.codes);
    digest.bytes(&solution.scale);
    digest.bytes(&solution.zero_point);
    digest.floats(&solution.dequantized);
    digest.floats(&solution.loss);
}

/// Layers that are solved with scales from extremes, searched and estimated.
fn solvers(names: &mut Vec<(String, u64)>) {
    let mut layer = layer::Layer::new(35, 64, 1);
    layer.kill(40);
    let settings = [(0, 2, 0, 0, 1), (1, 0, 1, 1, 1), (1, 1, 0, 1, 0)];
    let estimated = [(0, 2, 2, 0, 1), (1, 1, 2, 0, 0), (0, 0, 2, 1, 1)];
    for mode in &MODES {
        // The other modes go the same ways with other codes: each takes one.
        let (first, step) = if mode.number < 4 { (0, 1) } else { (mode.number as usize % 3, 3) };
        let mut add = |name: &str, settings: [(u32, u32, u32, u32, u32); 3]| {
            let mut digest = Digest::new();
            for setting in settings.into_iter().skip(first).step_by(step) {
                solver(&mut digest, (mode, &layer), setting);
            }
            names.push((format!("{name} {}", mode.name), digest.0));
        };
        add("gptq", settings);
        if mode.block < 0 {
            add("gptq estimated", estimated);
        }
    }
}

/// Quantiles and states.
fn statistics(names: &mut Vec<(String, u64)>) {
    for (dtype, d) in (0..).zip(DTYPES) {
        let quantile =
            |sharing: (u32, u32)| Call::Quantile { dtype, sharing, magnitude: sharing.0 % 2 == 1 };
        let magnitudes = Call::Quantile { dtype, sharing: (TENSOR, 0), magnitude: true };
        let calls = [&SHARINGS.map(quantile)[..], &[magnitudes]].concat();
        all(names, format!("quantile {d}"), &calls, &SHAPES);
        all(names, format!("quantile {d} large"), &[magnitudes], &[LARGE]);
        for (preset, p) in (0..).zip(["min_max", "mean", "median", "no_outliers", "quantile"]) {
            let calls = [-1, 0, 1].map(|axis| Call::Ranges { dtype, preset, axis });
            all(names, format!("range {p} {d}"), &calls, &SHAPES);
        }
        for (kind, name) in [(0, "parity"), (1, "mergeable")] {
            all(
                names,
                format!("histogram {name} {d}"),
                &[Call::Histograms { dtype, kind }],
                &SHAPES,
            );
        }
        all(names, format!("sketch {d}"), &[Call::Sketches { dtype }], &SHAPES);
    }
}

/// Between float types.
fn conversions(names: &mut Vec<(String, u64)>, (dtype, d): (u32, &str)) {
    for code_type in FLOATS {
        let c = CODES[code_type as usize];
        let rules = Rules::all(Some(code_type)).into_iter();
        let calls: Vec<_> = rules.map(|rules| Call::Encode { dtype, code_type, rules }).collect();
        all(names, format!("encode {d} {c}"), &calls, &SHAPES);
        all(names, format!("decode {c} {d}"), &[Call::Decode { code_type, dtype }], &SHAPES);
    }
    for (to, t) in (0..).zip(DTYPES) {
        let rules = Rules::all(None).into_iter();
        let calls: Vec<_> = rules.map(|rules| Call::Convert { from: dtype, to, rules }).collect();
        all(names, format!("convert {d} {t}"), &calls, &SHAPES);
        for destination in SIGNED {
            let calls = SHARINGS.map(|sharing| Call::FakeConvert {
                from: dtype,
                to,
                sharing,
                destination,
                nan_rule: sharing.0 % 2,
                shift: sharing.0 > ROW,
                in_place: to == dtype,
            });
            let c = CODES[destination as usize];
            all(names, format!("fake_convert {d} {t} {c}"), &calls, &SHAPES);
        }
    }
}

/// Both axes, the groups that a mode has, the rules that it may have, with and without NaN.
fn compressions(names: &mut Vec<(String, u64)>, (dtype, d): (u32, &str), mode: Mode) {
    let m = mode.name;
    let call = |(axis, group), rules, hostile| {
        let half = u32::is_multiple_of(axis + mode.number, 2);
        Call::Compress { dtype, mode, axis, group, half, rules, hostile }
    };
    if mode.block > 0 {
        let calls = [(1, mode.block), (0, mode.block)].into_iter().flat_map(|groups| {
            let hostile = [false, true].into_iter();
            hostile.flat_map(move |hostile| [0, 1, 2].map(|rules| call(groups, rules, hostile)))
        });
        all(names, format!("compress {m} {d}"), &calls.collect::<Vec<_>>(), &BLOCKS);
        return;
    }
    let groups = [(1, -1), (0, -1), (1, 1), (0, 1)];
    let calls =
        [false, true].into_iter().flat_map(|hostile| groups.map(|groups| call(groups, 0, hostile)));
    all(names, format!("compress {m} {d}"), &calls.collect::<Vec<_>>(), &SHAPES);
    let calls = [32, 64].map(|group| Call::Compress {
        dtype,
        mode,
        axis: 1,
        group,
        half: group == 32,
        rules: 0,
        hostile: false,
    });
    all(names, format!("compress {m} {d} by groups"), &calls, &[Shape::new(7, 192)]);
    if mode.is_asymmetric() || mode.number > 5 {
        let calls = [(1, 32), (0, 16), (1, -1), (0, -1)].into_iter().flat_map(|groups| {
            let hostile = [false, true].into_iter();
            hostile.flat_map(move |hostile| [1, 2].map(|rules| call(groups, rules, hostile)))
        });
        all(names, format!("compress {m} {d} by other rules"), &calls.collect::<Vec<_>>(), &BLOCKS);
    }
}

/// The functions over statistics.
fn quantizers(names: &mut Vec<(String, u64)>) {
    const N: usize = 64;
    let mut rng = Lcg::new(77);
    let mut low = [0.0_f32; N];
    let mut high = [0.0_f32; N];
    for (low, high) in low.iter_mut().zip(&mut high) {
        // Of all magnitudes; some tiny, some one-sided.
        let scale = f32::from_bits((97 + rng.below(60)) << 23);
        let (a, b) = (rng.unit() * scale, rng.unit() * scale);
        (*low, *high) = if a < b { (a, b) } else { (b, a) };
    }
    let magnitude: Vec<f32> = low.iter().zip(&high).map(|(l, h)| l.abs().max(h.abs())).collect();
    for (scheme, s) in [(0, "symmetric"), (1, "asymmetric")] {
        let mut digest = Digest::new();
        for num_bits in 2..=16 {
            for narrow_range in [0, 1] {
                for signedness_to_force in 0..3 {
                    for overflow_fix in [0, 1] {
                        let overflow_fix =
                            if scheme == 0 && num_bits > 2 { overflow_fix } else { 0 };
                        let params = QuantizationParams {
                            num_bits,
                            scheme,
                            signedness_to_force,
                            per_channel: 1,
                            narrow_range,
                            overflow_fix,
                            ..QuantizationParams::DEFAULT
                        };
                        let max = if scheme == 0 { &magnitude } else { &high[..] };
                        quantizer(&mut digest, &params, &low, max);
                    }
                }
            }
        }
        names.push((format!("quantizer_from_min_max {s}"), digest.0));
    }

    let mut digest = Digest::new();
    for destination_type in SIGNED {
        for (per_channel, activation_scale) in [(1, 0.5), (0, 0.5), (0, 0.3)] {
            let params = ffi::Fp8Params {
                destination_type,
                per_channel,
                activation_scale,
                ..ffi::Fp8Params::DEFAULT
            };
            let n = if per_channel == 1 { N } else { 1 };
            for at in (0..N).step_by(n) {
                let mut scale = [0.0_f32; N];
                let (l, h, s) = (low[at..].as_ptr(), high[at..].as_ptr(), scale.as_mut_ptr());
                // SAFETY: `n` elements follow in each.
                ok(unsafe { ffi::ptqk_fp8_scale_from_min_max(ptr::null(), &params, l, h, n, s) });
                digest.floats(&scale[..n]);
            }
        }
    }
    names.push(("fp8_scale_from_min_max".into(), digest.0));

    let mut digest = Digest::new();
    let grids = [(-128, 127), (0, 255), (-8, 7), (0, 65535), (-65536, 65536), (5, 7)];
    for (level_low, level_high) in grids {
        for narrow in [0, 1] {
            let (mut scale, mut zero) = ([0.0_f32; N], [0_i32; N]);
            let (l, h, s, z) = (low.as_ptr(), high.as_ptr(), scale.as_mut_ptr(), zero.as_mut_ptr());
            // SAFETY: all arrays hold `N` elements.
            ok(unsafe {
                ffi::ptqk_scale_zero_point(
                    ptr::null(),
                    l,
                    h,
                    N,
                    level_low,
                    level_high,
                    narrow,
                    s,
                    z,
                )
            });
            digest.floats(&scale);
            digest.ints(&zero);
        }
    }
    names.push(("scale_zero_point".into(), digest.0));

    let mut digest = Digest::new();
    let (below, above) = (low.map(|x| -x.abs()), high.map(f32::abs));
    for bits in 2..=16 {
        for unify in [0, 1] {
            let (mut a, mut b) = ([0.0_f32; N], [0.0_f32; N]);
            let (l, h, a_to, b_to) =
                (below.as_ptr(), above.as_ptr(), a.as_mut_ptr(), b.as_mut_ptr());
            // SAFETY: as above.
            ok(unsafe { ffi::ptqk_tune_range(ptr::null(), l, h, N, bits, unify, a_to, b_to) });
            digest.floats(&a);
            digest.floats(&b);
        }
    }
    names.push(("tune_range".into(), digest.0));

    let mut digest = Digest::new();
    for n in 1..=N {
        let (mut a, mut b) = (0.0_f32, 0.0_f32);
        let (l, h) = (low.as_ptr(), high.as_ptr());
        // SAFETY: the arrays hold `n` elements.
        ok(unsafe { ffi::ptqk_unify_min_max(ptr::null(), l, h, n, &mut a, &mut b) });
        digest.floats(&[a, b]);
    }
    names.push(("unify_min_max".into(), digest.0));

    let mut digest = Digest::new();
    for exponent in 0..1052_u64 {
        for _ in 0..4 {
            let fraction = u64::from(rng.bits()) << 20 | u64::from(rng.bits() >> 12);
            let scale = f64::from_bits(exponent << 52 | fraction);
            let (mut m, mut s) = (0, 0);
            // SAFETY: both outputs are here.
            ok(unsafe { ffi::ptqk_quantize_multiplier(ptr::null(), scale, &mut m, &mut s) });
            digest.ints(&[m, s]);
        }
    }
    names.push(("quantize_multiplier".into(), digest.0));
}

fn quantizer(digest: &mut Digest, params: &QuantizationParams, min: &[f32], max: &[f32]) {
    let n = min.len();
    let (mut low, mut high, mut scale) = (vec![0.0_f32; n], vec![0.0_f32; n], vec![0.0_f32; n]);
    let (mut zero, mut grid) = (vec![0_i32; n], ffi::QuantizerGrid::default());
    // SAFETY: all arrays hold `n` elements.
    ok(unsafe {
        ffi::ptqk_quantizer_from_min_max(
            ptr::null(),
            params,
            min.as_ptr(),
            max.as_ptr(),
            n,
            low.as_mut_ptr(),
            high.as_mut_ptr(),
            scale.as_mut_ptr(),
            zero.as_mut_ptr(),
            &mut grid,
        )
    });
    [low, high, scale].iter().for_each(|values| digest.floats(values));
    digest.ints(&zero);
    let ffi::QuantizerGrid {
        level_low,
        level_high,
        code_min,
        code_max,
        levels,
        is_signed,
        code_type,
    } = grid;
    digest.ints(&[level_low, level_high, code_min, code_max]);
    digest.ints(&[levels, is_signed, code_type].map(|x| x as i32));
}

fn ok(status: Status) {
    assert_eq!(status, Status::Ok);
}
