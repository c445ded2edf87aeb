//! The same bytes everywhere: digests of what every function writes, equal on every instruction set
//! and every target. The inputs come from integers, so no floating-point library takes part.
//!
//! A changed digest is a change of `PTQK_NUMERIC_VERSION`; the failing test prints the new table.

#![cfg(all(feature = "range", feature = "requantize", feature = "weights"))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;

use calls::*;
use ptqk::ffi::{self, QuantizationParams, Status};
use std::ptr;

/// The version of the numbers that the table below pins.
const NUMERIC_VERSION: u32 = 1;

#[rustfmt::skip]
const DIGESTS: &[(&str, u64)] = &[
    ("quantize f32 i8", 0xFEFB_28FD_5A5E_E96E),
    ("dequantize i8 f32", 0xA2D4_57F3_AE38_4CB4),
    ("quantize f32 u8", 0x775D_E495_3121_C4EC),
    ("dequantize u8 f32", 0x6C13_FD2E_C994_DB9D),
    ("quantize f32 i16", 0x1ED1_B339_750C_1411),
    ("dequantize i16 f32", 0xE604_EA2A_DBF3_7F89),
    ("quantize f32 u16", 0x6D58_FAF1_E387_66FA),
    ("dequantize u16 f32", 0x8D22_A26D_013F_214F),
    ("quantize f32 i4", 0x105F_8A1D_8E4C_9999),
    ("dequantize i4 f32", 0xF9D1_7D3B_28A6_5ABB),
    ("quantize f32 u4", 0x43E7_8AA7_3E02_3A05),
    ("dequantize u4 f32", 0x13C7_FE33_A470_5EBB),
    ("quantize f32 u3", 0x6420_4D2E_1198_EF6D),
    ("dequantize u3 f32", 0x406B_552A_915F_0C32),
    ("quantize f32 u2", 0x50EA_C08B_5C7C_7F0C),
    ("dequantize u2 f32", 0x98B9_0C29_5531_DC5A),
    ("fake_quantize f32 f32", 0x1A85_33BF_858B_01C5),
    ("fake_quantize f32 f16", 0x1854_DBC6_E163_244F),
    ("fake_quantize f32 bf16", 0xEF21_569D_D043_3467),
    ("MinMax f32", 0x4340_5E82_B593_7FB0),
    ("AbsMax f32", 0x478E_11A9_2460_A523),
    ("Sum f32", 0x74A6_E1D9_6CA9_1D8F),
    ("Mean f32", 0xA981_BCC1_BE23_71BE),
    ("Variance f32", 0x70AE_0C4F_D2DB_E783),
    ("compress int8_sym f32", 0x1B7F_1596_6A80_267D),
    ("compress int8_sym f32 by groups", 0x2344_93AB_9324_77DB),
    ("compress int8_asym f32", 0x5BB2_26CD_76D2_5765),
    ("compress int8_asym f32 by groups", 0x0098_3C2D_F3F7_42B8),
    ("compress int4_sym f32", 0x6D28_9173_C286_E241),
    ("compress int4_sym f32 by groups", 0x2FF5_34A2_E0BE_1637),
    ("compress int4_asym f32", 0x732A_BE4C_4C17_5F04),
    ("compress int4_asym f32 by groups", 0x3A0F_0E0A_327B_417B),
    ("compress int3_sym f32", 0x14C8_F3F8_071A_0681),
    ("compress int3_sym f32 by groups", 0xEC61_BE34_E585_EA3B),
    ("compress int2_sym f32", 0xD2DD_3AA1_832D_4C7E),
    ("compress int2_sym f32 by groups", 0x9BB3_DB09_DFFF_44A4),
    ("quantize f16 i8", 0x3AC2_AFE3_B6FD_976E),
    ("dequantize i8 f16", 0x7A69_FE18_9EBF_35B0),
    ("quantize f16 u8", 0x1819_9FD2_CB0A_292F),
    ("dequantize u8 f16", 0xF75A_5F9A_967E_87AE),
    ("quantize f16 i16", 0x471A_CE10_EEAD_4CBF),
    ("dequantize i16 f16", 0xC238_B33C_503C_BE7C),
    ("quantize f16 u16", 0xB53E_2BF3_EF1D_2479),
    ("dequantize u16 f16", 0xCA93_194E_F3E9_B541),
    ("quantize f16 i4", 0xFC8C_7F98_0401_919F),
    ("dequantize i4 f16", 0x471A_33F7_632E_B1D5),
    ("quantize f16 u4", 0xDA95_728C_DCBC_40B3),
    ("dequantize u4 f16", 0xEBCD_18A7_3A82_890D),
    ("quantize f16 u3", 0x3599_B4D2_35F9_82DD),
    ("dequantize u3 f16", 0xC8BA_30EE_10A5_BA5D),
    ("quantize f16 u2", 0xBF7B_C36B_704B_3530),
    ("dequantize u2 f16", 0x40ED_143F_A22F_DA74),
    ("fake_quantize f16 f32", 0x84E6_EFE6_0C4D_FF82),
    ("fake_quantize f16 f16", 0x652B_B148_1BD2_BF2D),
    ("fake_quantize f16 bf16", 0x6FAE_436A_573B_B9AF),
    ("MinMax f16", 0x9F08_8721_9E2F_8240),
    ("AbsMax f16", 0x03FC_693F_DCE5_BB4C),
    ("Sum f16", 0x195A_DA9D_BC1C_57D1),
    ("Mean f16", 0x821C_BA99_6ACB_8771),
    ("Variance f16", 0xF9D9_994E_B658_DD13),
    ("compress int8_sym f16", 0x1195_4709_4061_C2AB),
    ("compress int8_sym f16 by groups", 0xC8D0_3AE3_AF3E_BF58),
    ("compress int8_asym f16", 0xC4CC_4925_FC86_C1C2),
    ("compress int8_asym f16 by groups", 0xD43D_5BBB_3F2B_89C3),
    ("compress int4_sym f16", 0xA5AD_063D_285E_0CF0),
    ("compress int4_sym f16 by groups", 0xCEB6_BEB0_7F7F_5EFD),
    ("compress int4_asym f16", 0xA76C_2092_7E72_F823),
    ("compress int4_asym f16 by groups", 0x22D8_F74B_39C7_08B6),
    ("compress int3_sym f16", 0x8B54_FEF3_B43B_5792),
    ("compress int3_sym f16 by groups", 0x3A18_A1C9_E68A_DD25),
    ("compress int2_sym f16", 0x7190_42C4_D20E_2385),
    ("compress int2_sym f16 by groups", 0x4754_D33B_535C_3347),
    ("quantize bf16 i8", 0xE911_99CF_3A71_E185),
    ("dequantize i8 bf16", 0x8927_A995_65EF_ABDB),
    ("quantize bf16 u8", 0x48EA_9676_2F7D_830C),
    ("dequantize u8 bf16", 0x2E67_8DEC_3015_8B28),
    ("quantize bf16 i16", 0xA091_51C2_858B_075A),
    ("dequantize i16 bf16", 0x7714_2993_7325_39A1),
    ("quantize bf16 u16", 0x5C82_43AD_22B4_CE6B),
    ("dequantize u16 bf16", 0x7ED1_7F38_32B2_D99C),
    ("quantize bf16 i4", 0x6CB2_C071_AAA8_2762),
    ("dequantize i4 bf16", 0x0380_9CC3_CF1B_F760),
    ("quantize bf16 u4", 0x5386_DFF3_EE1C_8FC5),
    ("dequantize u4 bf16", 0x4E18_C7DA_4AF7_6B6C),
    ("quantize bf16 u3", 0xDC91_98EB_B72B_1329),
    ("dequantize u3 bf16", 0x96CA_2429_8EA3_50E3),
    ("quantize bf16 u2", 0xD774_5ADF_3B87_99BB),
    ("dequantize u2 bf16", 0x64CA_3122_34A8_5201),
    ("fake_quantize bf16 f32", 0xE8E7_F180_3AC9_AD8A),
    ("fake_quantize bf16 f16", 0x6E4F_17B4_636B_5C15),
    ("fake_quantize bf16 bf16", 0xC77A_5A94_1BF0_CD47),
    ("MinMax bf16", 0x7631_DF27_EBCE_FBD4),
    ("AbsMax bf16", 0x4831_638A_F87B_BD4C),
    ("Sum bf16", 0xADC3_9571_B79D_5A3A),
    ("Mean bf16", 0xCA7B_C22F_4E64_B6C8),
    ("Variance bf16", 0x4CF7_A4B5_8BE4_C1AB),
    ("compress int8_sym bf16", 0xF143_5191_528E_D819),
    ("compress int8_sym bf16 by groups", 0x59C5_9BE0_76B9_5CAA),
    ("compress int8_asym bf16", 0xC174_FEAF_ECC1_FC64),
    ("compress int8_asym bf16 by groups", 0x28EE_5208_B91F_BA50),
    ("compress int4_sym bf16", 0x2C53_B8EC_0D2A_7935),
    ("compress int4_sym bf16 by groups", 0x90CA_E190_4FF0_3A76),
    ("compress int4_asym bf16", 0x4264_AE57_E633_F9CD),
    ("compress int4_asym bf16 by groups", 0xB2D2_5425_A37A_33B6),
    ("compress int3_sym bf16", 0x4951_97D0_32A3_BABA),
    ("compress int3_sym bf16 by groups", 0xD8CD_0335_448C_2C76),
    ("compress int2_sym bf16", 0xCBE2_C968_89AD_8484),
    ("compress int2_sym bf16 by groups", 0xFFA3_12A6_70A1_540B),
    ("requantize i8", 0x56AE_7127_1881_7846),
    ("requantize_fixed i8 double", 0x23D8_B9C5_ED4B_5F5D),
    ("requantize_fixed i8 single", 0x3A30_C309_A633_3246),
    ("requantize u8", 0xCAD7_6097_52A1_24B2),
    ("requantize_fixed u8 double", 0x1B81_838A_0F22_AB05),
    ("requantize_fixed u8 single", 0xDDDE_03C6_F244_382E),
    ("pack i4", 0xFA48_885D_13D2_7E1E),
    ("pack u4", 0x8D01_C2AC_4023_9B0E),
    ("pack u3", 0x0E42_6FF7_EC94_7AC2),
    ("pack u2", 0x2B62_755C_727F_95E1),
    ("pack i8", 0x0CA3_C3AC_0B9A_F825),
    ("quantizer_from_min_max symmetric", 0x4CD5_DFA2_AB46_EBA7),
    ("quantizer_from_min_max asymmetric", 0x7DA0_D927_F01A_4A79),
    ("scale_zero_point", 0x2F08_D953_A37D_69E4),
    ("tune_range", 0xE4FD_0ED3_C7A9_6BDA),
    ("unify_min_max", 0x8FA7_D1C7_9A3F_F53D),
    ("quantize_multiplier", 0x4257_AB76_3C20_29DA),
];

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
const CODES: [&str; 8] = ["i8", "u8", "i16", "u16", "i4", "u4", "u3", "u2"];
const MODES: [&str; 6] = ["int8_sym", "int8_asym", "int4_sym", "int4_asym", "int3_sym", "int2_sym"];
const SHARINGS: [(u32, u32); 5] = [(TENSOR, 0), (ROW, 0), (COLUMN, 0), (GROUP, 5), (GROUP, 64)];

/// Blocks and odd tails, gaps between rows, a row and a column.
const SHAPES: [Shape; 4] = [
    Shape::padded(5, 67, 3),
    Shape::new(3, 256),
    Shape::padded(1, 1001, 1),
    Shape::padded(37, 1, 2),
];

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
fn digests() -> Vec<(String, u64)> {
    let mut names = Vec::new();
    let large = [&SHAPES[..], &[LARGE]].concat();
    for (dtype, d) in (0..).zip(DTYPES) {
        for (code_type, c) in (0..).zip(CODES) {
            let calls = SHARINGS.map(|sharing| {
                let (before, zero) = (sharing.1 % 2, sharing.0 != ROW);
                Call::Quantize { dtype, code_type, sharing, before, zero }
            });
            all(&mut names, format!("quantize {d} {c}"), &calls, &SHAPES);
            let calls = SHARINGS.map(|sharing| Call::Dequantize {
                dtype,
                code_type,
                sharing,
                zero: sharing.0 != COLUMN,
            });
            all(&mut names, format!("dequantize {c} {d}"), &calls, &SHAPES);
        }
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
            all(&mut names, format!("{what:?} {d}"), &[plain, hostile].concat(), &large);
        }
        for (mode, m) in (0..).zip(MODES) {
            let groups = [(1, -1), (0, -1), (1, 1), (0, 1)];
            let calls = [false, true].into_iter().flat_map(|hostile| {
                groups.map(|(axis, group)| {
                    let half = (axis + mode) % 2 == 0;
                    Call::Compress { dtype, mode, axis, group, half, hostile }
                })
            });
            let calls: Vec<_> = calls.collect();
            all(&mut names, format!("compress {m} {d}"), &calls, &SHAPES);
            let calls = [32, 64].map(|group| Call::Compress {
                dtype,
                mode,
                axis: 1,
                group,
                half: group == 32,
                hostile: false,
            });
            all(&mut names, format!("compress {m} {d} by groups"), &calls, &[Shape::new(7, 192)]);
        }
    }
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
    for (code_type, c) in [(I4, "i4"), (U4, "u4"), (U3, "u3"), (U2, "u2"), (I8, "i8")] {
        let shapes: Vec<_> = (0..70).map(|cols| Shape::new(1, cols)).collect();
        all(&mut names, format!("pack {c}"), &[Call::Pack { code_type }], &shapes);
    }
    quantizers(&mut names);
    names
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

#[test]
fn the_same_bytes_everywhere() {
    assert_eq!(ffi::ptqk_numeric_version(), NUMERIC_VERSION, "the table is of another version");
    on_every_table(|isa| {
        let seen = digests();
        let same = seen.len() == DIGESTS.len()
            && seen.iter().zip(DIGESTS).all(|(a, b)| (a.0.as_str(), a.1) == *b);
        if !same {
            let table = seen.iter().map(|(name, d)| {
                let [a, b, c, d] = [48, 32, 16, 0].map(|shift| d >> shift & 0xFFFF);
                format!("    (\"{name}\", 0x{a:04X}_{b:04X}_{c:04X}_{d:04X}),\n")
            });
            let wrong = seen.iter().filter(|(n, d)| !DIGESTS.contains(&(n.as_str(), *d)));
            let wrong: Vec<_> = wrong.map(|(name, _)| name).collect();
            panic!("isa {isa} differs in {wrong:?}; it has\n{}", table.collect::<String>());
        }
    });
}
