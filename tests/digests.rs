//! The same bytes everywhere: digests of what every function writes, equal on every instruction set
//! and every target. The inputs come from integers, so no floating-point library takes part.
//!
//! A changed digest is a change of `PTQK_NUMERIC_VERSION`; the failing test prints the new table.

#![cfg(all(
    feature = "convert",
    feature = "gptq",
    feature = "lora",
    feature = "range",
    feature = "requantize",
    feature = "weights"
))]
#![allow(
    unsafe_code,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

#[path = "ffi/calls.rs"]
mod calls;
#[path = "gptq/layer.rs"]
mod layer;
#[path = "lora/layer.rs"]
mod lora_layer;
#[path = "lora/pair.rs"]
mod lora_pair;
#[path = "common/rng.rs"]
mod rng;
#[path = "common/stored.rs"]
mod stored;
#[path = "common/threads.rs"]
mod threads;

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
    ("quantize f32 e4m3", 0x3969_AF1F_8068_3D38),
    ("dequantize e4m3 f32", 0x1781_AB39_9998_6949),
    ("quantize f32 e5m2", 0x3034_74B5_17C7_6F81),
    ("dequantize e5m2 f32", 0xA707_E556_0F0C_C479),
    ("quantize f32 e4m3_fnuz", 0x676A_61B7_7FC5_23E7),
    ("dequantize e4m3_fnuz f32", 0xEA94_CAA2_1DFA_FFD8),
    ("quantize f32 e5m2_fnuz", 0x11A4_7952_E630_3473),
    ("dequantize e5m2_fnuz f32", 0x7BCF_F386_8043_0F83),
    ("quantize f32 e3m2", 0x9BC3_7D13_7491_5FB0),
    ("dequantize e3m2 f32", 0xE798_02AE_DF4E_E198),
    ("quantize f32 e2m3", 0x147D_D308_EBC6_551E),
    ("dequantize e2m3 f32", 0x430A_3C57_0AD5_CDF2),
    ("quantize f32 e2m1", 0x5F6E_AAA9_DE8C_1AFF),
    ("dequantize e2m1 f32", 0xA438_7658_B053_CF7D),
    ("quantize f32 nf4", 0xA6F7_8EE3_F4A9_EF4A),
    ("dequantize nf4 f32", 0x8618_68C5_A6D3_96A6),
    ("encode f32 e4m3", 0x5F16_C437_1678_C589),
    ("decode e4m3 f32", 0xECCE_FBD1_406A_0AF3),
    ("encode f32 e5m2", 0x713D_0359_B3C4_B027),
    ("decode e5m2 f32", 0x420D_D150_41EA_6D84),
    ("encode f32 e4m3_fnuz", 0x8929_B820_1677_3231),
    ("decode e4m3_fnuz f32", 0x3C3B_66F5_2CBA_410E),
    ("encode f32 e5m2_fnuz", 0x1CE1_E587_E57C_D6D3),
    ("decode e5m2_fnuz f32", 0x76F8_BCD7_A091_7D9E),
    ("encode f32 e8m0", 0xD1EA_AC5F_BE31_10FD),
    ("decode e8m0 f32", 0xFBFB_69ED_86EA_092B),
    ("encode f32 e3m2", 0xEEC9_0FF5_F924_0BA1),
    ("decode e3m2 f32", 0x5A36_85A5_F810_FE9F),
    ("encode f32 e2m3", 0x67CF_F79A_4258_3861),
    ("decode e2m3 f32", 0x56B7_13CD_1890_ED05),
    ("encode f32 e2m1", 0x1C46_30DE_2C25_E305),
    ("decode e2m1 f32", 0x15B5_291D_385F_F400),
    ("encode f32 nf4", 0x520A_1687_DF45_3CD5),
    ("decode nf4 f32", 0xD652_A0C6_2421_8C41),
    ("convert f32 f32", 0xF106_C95A_BF87_D245),
    ("fake_convert f32 f32 e4m3", 0x6819_E6D2_E41C_029E),
    ("fake_convert f32 f32 e5m2", 0xA85F_1C13_79BF_A516),
    ("fake_convert f32 f32 e4m3_fnuz", 0x8417_14D8_D07D_57E7),
    ("fake_convert f32 f32 e5m2_fnuz", 0xA85F_1C13_79BF_A516),
    ("fake_convert f32 f32 e3m2", 0xE2F5_1D94_9AA7_6025),
    ("fake_convert f32 f32 e2m3", 0xE760_60C4_BC20_039A),
    ("fake_convert f32 f32 e2m1", 0x3A04_E89E_F174_2E5B),
    ("convert f32 f16", 0x192B_2933_844D_74A5),
    ("fake_convert f32 f16 e4m3", 0x7463_ABC8_12CF_267D),
    ("fake_convert f32 f16 e5m2", 0xF339_3A56_FF14_8A5D),
    ("fake_convert f32 f16 e4m3_fnuz", 0x2E6A_CCF8_BC1F_9700),
    ("fake_convert f32 f16 e5m2_fnuz", 0xF339_3A56_FF14_8A5D),
    ("fake_convert f32 f16 e3m2", 0xF429_ADFA_C9D8_C1E9),
    ("fake_convert f32 f16 e2m3", 0x7367_F83C_50DA_F85A),
    ("fake_convert f32 f16 e2m1", 0x8134_2A2E_4F40_2452),
    ("convert f32 bf16", 0x6CA5_BC95_C9A5_4C8D),
    ("fake_convert f32 bf16 e4m3", 0xF872_F732_AB82_4173),
    ("fake_convert f32 bf16 e5m2", 0x55B6_1971_BDAD_671D),
    ("fake_convert f32 bf16 e4m3_fnuz", 0xCA4D_9ECB_E740_C3B9),
    ("fake_convert f32 bf16 e5m2_fnuz", 0x55B6_1971_BDAD_671D),
    ("fake_convert f32 bf16 e3m2", 0x4310_AC04_D95C_3054),
    ("fake_convert f32 bf16 e2m3", 0x1E0A_A6ED_4DC4_A3F0),
    ("fake_convert f32 bf16 e2m1", 0x11C6_BCDB_6AE6_F101),
    ("fake_quantize f32 f32", 0x1A85_33BF_858B_01C5),
    ("fake_quantize f32 f16", 0x1854_DBC6_E163_244F),
    ("fake_quantize f32 bf16", 0xEF21_569D_D043_3467),
    ("MinMax f32", 0x4340_5E82_B593_7FB0),
    ("AbsMax f32", 0x478E_11A9_2460_A523),
    ("Sum f32", 0x74A6_E1D9_6CA9_1D8F),
    ("Mean f32", 0xA981_BCC1_BE23_71BE),
    ("Variance f32", 0x70AE_0C4F_D2DB_E783),
    ("Median f32", 0x3624_3EA7_BD4F_02EC),
    ("compress int8_sym f32", 0x1B7F_1596_6A80_267D),
    ("compress int8_sym f32 by groups", 0x2344_93AB_9324_77DB),
    ("compress int8_asym f32", 0x5BB2_26CD_76D2_5765),
    ("compress int8_asym f32 by groups", 0x0098_3C2D_F3F7_42B8),
    ("compress int8_asym f32 by other rules", 0xFC4E_C182_3E4C_7BFD),
    ("compress int4_sym f32", 0x6D28_9173_C286_E241),
    ("compress int4_sym f32 by groups", 0x2FF5_34A2_E0BE_1637),
    ("compress int4_asym f32", 0x732A_BE4C_4C17_5F04),
    ("compress int4_asym f32 by groups", 0x3A0F_0E0A_327B_417B),
    ("compress int4_asym f32 by other rules", 0x3F1F_6237_0E4B_CAE1),
    ("compress int3_sym f32", 0x14C8_F3F8_071A_0681),
    ("compress int3_sym f32 by groups", 0xEC61_BE34_E585_EA3B),
    ("compress int2_sym f32", 0xD2DD_3AA1_832D_4C7E),
    ("compress int2_sym f32 by groups", 0x9BB3_DB09_DFFF_44A4),
    ("compress nf4 f32", 0x817B_4055_E258_13D3),
    ("compress nf4 f32 by groups", 0x7AEF_D725_0FA2_9BB6),
    ("compress nf4 f32 by other rules", 0x6AFA_EF56_A0A6_5B19),
    ("compress fp4 f32", 0x71A4_2AB1_800F_0283),
    ("compress fp4 f32 by groups", 0x33D9_D037_CDC4_1F87),
    ("compress fp4 f32 by other rules", 0xE547_A86C_5169_57ED),
    ("compress mxfp4 f32", 0xC4CA_DFAC_703A_3D27),
    ("compress nvfp4 f32", 0x5E84_B750_DFE0_6F65),
    ("compress fp8_e4m3 f32", 0x5E91_A02B_C8BE_4525),
    ("compress fp8_e4m3 f32 by groups", 0xABA1_DA6A_0EC5_B987),
    ("compress fp8_e4m3 f32 by other rules", 0xACCD_2CE5_55D3_3180),
    ("compress fp8_e5m2 f32", 0x35A3_CD2A_0F76_6BB8),
    ("compress fp8_e5m2 f32 by groups", 0x8BD7_0326_2A16_B46C),
    ("compress fp8_e5m2 f32 by other rules", 0x7E1B_D6CD_4EF3_B29F),
    ("compress mxfp8_e4m3 f32", 0xB4EB_621F_F0A7_4DAB),
    ("compress mxfp8_e5m2 f32", 0xDF46_6701_F1A5_C6A9),
    ("compress mxfp6_e3m2 f32", 0xE8C9_3AAD_5ACC_A939),
    ("compress mxfp6_e2m3 f32", 0x1C6A_D922_7710_7A94),
    ("compress mxint8 f32", 0x4468_7B6E_6533_634A),
    ("compress cb4 f32", 0x475F_9554_732C_08CF),
    ("compress cb4 f32 by groups", 0x4113_4DD5_9237_611B),
    ("compress cb4 f32 by other rules", 0x8F9C_3712_AE66_3121),
    ("compress codebook of 11 f32", 0xC676_6986_4312_D748),
    ("compress codebook of 11 f32 by groups", 0x7B38_B2E6_1AC6_0D4A),
    ("compress codebook of 11 f32 by other rules", 0xECA6_FBCF_EFA7_F32A),
    ("compress codebook of 16 f32", 0xCB17_0D65_4068_D312),
    ("compress codebook of 16 f32 by groups", 0xD9E2_14AB_2494_1A43),
    ("compress codebook of 16 f32 by other rules", 0xAC5D_8166_F701_F7D4),
    ("compress codebook of 200 f32", 0x3029_5783_0F6E_6322),
    ("compress codebook of 200 f32 by groups", 0xB34C_ABF8_B5E7_EB2C),
    ("compress codebook of 200 f32 by other rules", 0x143A_AB58_568C_9589),
    ("compress codebook of 300 f32", 0x3287_73F0_0A99_3955),
    ("compress codebook of 300 f32 by groups", 0xAB4A_F3F6_55D1_8FAF),
    ("compress codebook of 300 f32 by other rules", 0xB809_DA58_F903_E704),
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
    ("quantize f16 e4m3", 0x4FF7_2D60_F266_2A50),
    ("dequantize e4m3 f16", 0x4422_59F0_7479_5C0B),
    ("quantize f16 e5m2", 0xB69A_9C30_2122_770A),
    ("dequantize e5m2 f16", 0xD70E_E88B_026C_1DE9),
    ("quantize f16 e4m3_fnuz", 0x3552_764D_D2F8_C6E7),
    ("dequantize e4m3_fnuz f16", 0x106F_2977_BAC7_38BB),
    ("quantize f16 e5m2_fnuz", 0x34EF_BF53_3349_F160),
    ("dequantize e5m2_fnuz f16", 0x87C8_39DB_A624_77E0),
    ("quantize f16 e3m2", 0x9F40_F8C7_E5EF_33BB),
    ("dequantize e3m2 f16", 0xF4CB_5079_275C_C5D0),
    ("quantize f16 e2m3", 0xF087_C686_416E_1D33),
    ("dequantize e2m3 f16", 0x3910_4F8F_DCCF_7D3C),
    ("quantize f16 e2m1", 0x5F6E_AAA9_DE8C_1AFF),
    ("dequantize e2m1 f16", 0x078D_68FF_948A_946B),
    ("quantize f16 nf4", 0xA06B_912D_5B34_4ABA),
    ("dequantize nf4 f16", 0xB3CB_F3C1_7009_AEA9),
    ("encode f16 e4m3", 0xFDD9_4B0C_C57E_E261),
    ("decode e4m3 f16", 0xCC43_24C2_AE82_E8DB),
    ("encode f16 e5m2", 0x45C7_69F7_E676_2623),
    ("decode e5m2 f16", 0xF6C0_2C81_BE6D_3D98),
    ("encode f16 e4m3_fnuz", 0xFA49_549C_62FD_83ED),
    ("decode e4m3_fnuz f16", 0x65EA_42A4_CB08_090D),
    ("encode f16 e5m2_fnuz", 0x2A0E_58A3_6D5B_AE33),
    ("decode e5m2_fnuz f16", 0x47CD_E70F_353C_50D5),
    ("encode f16 e8m0", 0xEAEC_C3C3_D748_DDD5),
    ("decode e8m0 f16", 0x2BEF_650D_82D2_80FA),
    ("encode f16 e3m2", 0x899D_3F81_9851_7E6D),
    ("decode e3m2 f16", 0x8AB0_76D8_FBA5_5F05),
    ("encode f16 e2m3", 0x507C_D9D6_89A4_2515),
    ("decode e2m3 f16", 0xB570_027C_1B37_0231),
    ("encode f16 e2m1", 0xD7F5_FF08_1EB9_60C5),
    ("decode e2m1 f16", 0x3D2C_D85F_2E0F_9167),
    ("encode f16 nf4", 0x520A_1687_DF45_3CD5),
    ("decode nf4 f16", 0x629F_E5FA_BC4D_EF4A),
    ("convert f16 f32", 0x0E65_4683_3015_3DE5),
    ("fake_convert f16 f32 e4m3", 0xD5EF_A035_0B0A_6CC3),
    ("fake_convert f16 f32 e5m2", 0x7914_346B_3178_3901),
    ("fake_convert f16 f32 e4m3_fnuz", 0x79D3_F24D_4878_4E11),
    ("fake_convert f16 f32 e5m2_fnuz", 0x7539_23E2_85AB_B761),
    ("fake_convert f16 f32 e3m2", 0x6FA9_B146_6F1C_F539),
    ("fake_convert f16 f32 e2m3", 0xD106_020B_E78D_0531),
    ("fake_convert f16 f32 e2m1", 0x0FF2_E106_4D13_9B11),
    ("convert f16 f16", 0x8FDC_A659_9E45_FA65),
    ("fake_convert f16 f16 e4m3", 0x58D3_E66E_949E_3B72),
    ("fake_convert f16 f16 e5m2", 0xA9CB_D8D9_5615_AA29),
    ("fake_convert f16 f16 e4m3_fnuz", 0xB13E_A2A2_B141_BE7C),
    ("fake_convert f16 f16 e5m2_fnuz", 0x30B9_484A_F622_0396),
    ("fake_convert f16 f16 e3m2", 0x6072_214E_F0AE_154C),
    ("fake_convert f16 f16 e2m3", 0x1847_5D27_6A12_6F9A),
    ("fake_convert f16 f16 e2m1", 0xAC20_6DB0_F81F_CE5E),
    ("convert f16 bf16", 0x1EED_C884_421A_E785),
    ("fake_convert f16 bf16 e4m3", 0x5D28_2A7E_143A_71E0),
    ("fake_convert f16 bf16 e5m2", 0xE037_D555_4D8A_0AD0),
    ("fake_convert f16 bf16 e4m3_fnuz", 0x3F20_B2AB_B01A_A7E5),
    ("fake_convert f16 bf16 e5m2_fnuz", 0x55F4_26B0_FEA9_E69F),
    ("fake_convert f16 bf16 e3m2", 0x16D3_8AFB_ACF3_F223),
    ("fake_convert f16 bf16 e2m3", 0x0D1E_C0AE_495A_5522),
    ("fake_convert f16 bf16 e2m1", 0x11C6_BCDB_6AE6_F101),
    ("fake_quantize f16 f32", 0x84E6_EFE6_0C4D_FF82),
    ("fake_quantize f16 f16", 0x652B_B148_1BD2_BF2D),
    ("fake_quantize f16 bf16", 0x6FAE_436A_573B_B9AF),
    ("MinMax f16", 0x9F08_8721_9E2F_8240),
    ("AbsMax f16", 0x03FC_693F_DCE5_BB4C),
    ("Sum f16", 0x195A_DA9D_BC1C_57D1),
    ("Mean f16", 0x821C_BA99_6ACB_8771),
    ("Variance f16", 0xF9D9_994E_B658_DD13),
    ("Median f16", 0x0429_9AD1_3762_C794),
    ("compress int8_sym f16", 0x1195_4709_4061_C2AB),
    ("compress int8_sym f16 by groups", 0xC8D0_3AE3_AF3E_BF58),
    ("compress int8_asym f16", 0xC4CC_4925_FC86_C1C2),
    ("compress int8_asym f16 by groups", 0xD43D_5BBB_3F2B_89C3),
    ("compress int8_asym f16 by other rules", 0x4BB1_9510_FED0_C291),
    ("compress int4_sym f16", 0xA5AD_063D_285E_0CF0),
    ("compress int4_sym f16 by groups", 0xCEB6_BEB0_7F7F_5EFD),
    ("compress int4_asym f16", 0xA76C_2092_7E72_F823),
    ("compress int4_asym f16 by groups", 0x22D8_F74B_39C7_08B6),
    ("compress int4_asym f16 by other rules", 0x29EC_2DAD_7CE4_3459),
    ("compress int3_sym f16", 0x8B54_FEF3_B43B_5792),
    ("compress int3_sym f16 by groups", 0x3A18_A1C9_E68A_DD25),
    ("compress int2_sym f16", 0x7190_42C4_D20E_2385),
    ("compress int2_sym f16 by groups", 0x4754_D33B_535C_3347),
    ("compress nf4 f16", 0x9682_1353_975F_FD65),
    ("compress nf4 f16 by groups", 0xE335_7173_299D_506B),
    ("compress nf4 f16 by other rules", 0xEA9C_1484_E98B_682D),
    ("compress fp4 f16", 0x80D3_D555_DDA8_0F9C),
    ("compress fp4 f16 by groups", 0x89F1_969C_F186_4A6D),
    ("compress fp4 f16 by other rules", 0x7E1F_92A5_75A6_D2BB),
    ("compress mxfp4 f16", 0x0E58_251F_D9ED_2D94),
    ("compress nvfp4 f16", 0x5F59_1FA5_5A8B_1E6D),
    ("compress fp8_e4m3 f16", 0x6FEC_BB73_C225_1433),
    ("compress fp8_e4m3 f16 by groups", 0xC252_3E9A_A3F2_3BC6),
    ("compress fp8_e4m3 f16 by other rules", 0x1F5D_DBCE_B778_D776),
    ("compress fp8_e5m2 f16", 0x9C30_1771_9FFD_CF9E),
    ("compress fp8_e5m2 f16 by groups", 0x2669_664B_8127_46B4),
    ("compress fp8_e5m2 f16 by other rules", 0xB7BB_7102_281D_B5D3),
    ("compress mxfp8_e4m3 f16", 0x0D74_A7F6_339B_942A),
    ("compress mxfp8_e5m2 f16", 0x23EA_B889_7191_26C3),
    ("compress mxfp6_e3m2 f16", 0xF43D_2012_68B9_D923),
    ("compress mxfp6_e2m3 f16", 0x7C86_1844_4BD7_3372),
    ("compress mxint8 f16", 0xF35B_DB47_6467_2024),
    ("compress cb4 f16", 0x4397_E80E_0AAD_A1C8),
    ("compress cb4 f16 by groups", 0x65C4_F49E_BA1B_5115),
    ("compress cb4 f16 by other rules", 0x4F62_E6DF_48F9_7E14),
    ("compress codebook of 11 f16", 0x3663_9574_78D7_180E),
    ("compress codebook of 11 f16 by groups", 0x5CCA_80A1_FB2A_6A6F),
    ("compress codebook of 11 f16 by other rules", 0x23D6_8FBF_8E3A_51EA),
    ("compress codebook of 16 f16", 0xEAD2_F64A_D679_04B5),
    ("compress codebook of 16 f16 by groups", 0x03EE_F5BF_3A42_F854),
    ("compress codebook of 16 f16 by other rules", 0x5D8D_320F_5745_9371),
    ("compress codebook of 200 f16", 0xD741_084C_10B8_DD44),
    ("compress codebook of 200 f16 by groups", 0x7C09_E10E_55C6_3C09),
    ("compress codebook of 200 f16 by other rules", 0x350E_AEEE_A109_BE62),
    ("compress codebook of 300 f16", 0x210E_F2D0_0ABA_60E1),
    ("compress codebook of 300 f16 by groups", 0x84EC_D996_E825_CC95),
    ("compress codebook of 300 f16 by other rules", 0xCD6E_4EC7_80C4_92A5),
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
    ("quantize bf16 e4m3", 0xBD8C_72E2_5EFB_C949),
    ("dequantize e4m3 bf16", 0x5271_E3FC_C0E1_47BF),
    ("quantize bf16 e5m2", 0x8033_29CA_4633_4810),
    ("dequantize e5m2 bf16", 0x465B_8906_5298_12FC),
    ("quantize bf16 e4m3_fnuz", 0x4622_ED4D_13EF_7CC9),
    ("dequantize e4m3_fnuz bf16", 0x2386_7857_859C_BE21),
    ("quantize bf16 e5m2_fnuz", 0xB251_F852_D55D_C412),
    ("dequantize e5m2_fnuz bf16", 0x165E_D2DE_B683_84E2),
    ("quantize bf16 e3m2", 0x91A9_A6AC_08B6_4653),
    ("dequantize e3m2 bf16", 0x27DB_2B90_B481_772F),
    ("quantize bf16 e2m3", 0xBBD2_7114_5051_F2D8),
    ("dequantize e2m3 bf16", 0x7373_FCB5_E3B7_B023),
    ("quantize bf16 e2m1", 0x757C_3A57_A46B_2278),
    ("dequantize e2m1 bf16", 0x956D_3AA7_D071_6478),
    ("quantize bf16 nf4", 0x1E83_EC3F_63FD_53D2),
    ("dequantize nf4 bf16", 0x4952_F33B_0644_B3D2),
    ("encode bf16 e4m3", 0x3697_880B_35DA_8A89),
    ("decode e4m3 bf16", 0x0D62_38BA_6768_6CFB),
    ("encode bf16 e5m2", 0xD03B_B61B_C32A_73F7),
    ("decode e5m2 bf16", 0x4C90_27B5_8965_8868),
    ("encode bf16 e4m3_fnuz", 0xE467_57E3_DC4B_697D),
    ("decode e4m3_fnuz bf16", 0x7C36_66F4_41DF_F906),
    ("encode bf16 e5m2_fnuz", 0x491E_F3B3_3ADA_8213),
    ("decode e5m2_fnuz bf16", 0xC032_1AB2_4298_3CEE),
    ("encode bf16 e8m0", 0xC20D_4F96_5D6A_4F01),
    ("decode e8m0 bf16", 0xBA22_56F8_BFF9_29BB),
    ("encode bf16 e3m2", 0xFCFC_5F61_7631_EF39),
    ("decode e3m2 bf16", 0xAFEA_2591_A036_870F),
    ("encode bf16 e2m3", 0xF61A_C5E8_106D_4AE9),
    ("decode e2m3 bf16", 0xF1E3_B1AB_257B_08BD),
    ("encode bf16 e2m1", 0xEB22_F0B7_AD40_DB1D),
    ("decode e2m1 bf16", 0x5834_1A6D_CA3F_62D8),
    ("encode bf16 nf4", 0x5E0E_16D6_9256_497D),
    ("decode nf4 bf16", 0x425F_B3B7_5E22_5EA9),
    ("convert bf16 f32", 0x8F53_2689_E95D_4035),
    ("fake_convert bf16 f32 e4m3", 0x9EC3_D70F_5513_8095),
    ("fake_convert bf16 f32 e5m2", 0xFF92_9C0C_35A8_3E57),
    ("fake_convert bf16 f32 e4m3_fnuz", 0xFE1C_CCC6_3CCC_6655),
    ("fake_convert bf16 f32 e5m2_fnuz", 0xFF92_9C0C_35A8_3E57),
    ("fake_convert bf16 f32 e3m2", 0xDF0F_F64D_63A3_A573),
    ("fake_convert bf16 f32 e2m3", 0x7B97_0CFB_56AD_0E0E),
    ("fake_convert bf16 f32 e2m1", 0x0381_0EA5_F011_2989),
    ("convert bf16 f16", 0x385C_BEAA_7819_93A5),
    ("fake_convert bf16 f16 e4m3", 0xDAE4_EB89_AEC7_D9A9),
    ("fake_convert bf16 f16 e5m2", 0x1A31_96A5_6FAC_2B5E),
    ("fake_convert bf16 f16 e4m3_fnuz", 0x118B_1415_30AE_9301),
    ("fake_convert bf16 f16 e5m2_fnuz", 0x1A31_96A5_6FAC_2B5E),
    ("fake_convert bf16 f16 e3m2", 0x9DC3_6D73_4962_806E),
    ("fake_convert bf16 f16 e2m3", 0x4E15_587F_D06E_837E),
    ("fake_convert bf16 f16 e2m1", 0x4EB2_7FD8_525D_0E69),
    ("convert bf16 bf16", 0x080C_ED8F_0E66_7855),
    ("fake_convert bf16 bf16 e4m3", 0x82BC_FFEE_C5B2_0E4E),
    ("fake_convert bf16 bf16 e5m2", 0xFDFD_6997_A6FE_B41D),
    ("fake_convert bf16 bf16 e4m3_fnuz", 0xD32A_0EE7_F2B8_837B),
    ("fake_convert bf16 bf16 e5m2_fnuz", 0xFDFD_6997_A6FE_B41D),
    ("fake_convert bf16 bf16 e3m2", 0x6572_CFB3_1239_FF43),
    ("fake_convert bf16 bf16 e2m3", 0x2060_3992_A24D_8B34),
    ("fake_convert bf16 bf16 e2m1", 0x3437_6C75_6988_37CA),
    ("fake_quantize bf16 f32", 0xE8E7_F180_3AC9_AD8A),
    ("fake_quantize bf16 f16", 0x6E4F_17B4_636B_5C15),
    ("fake_quantize bf16 bf16", 0xC77A_5A94_1BF0_CD47),
    ("MinMax bf16", 0x7631_DF27_EBCE_FBD4),
    ("AbsMax bf16", 0x4831_638A_F87B_BD4C),
    ("Sum bf16", 0xADC3_9571_B79D_5A3A),
    ("Mean bf16", 0xCA7B_C22F_4E64_B6C8),
    ("Variance bf16", 0x4CF7_A4B5_8BE4_C1AB),
    ("Median bf16", 0xAE3E_2726_D7C0_FB50),
    ("compress int8_sym bf16", 0xF143_5191_528E_D819),
    ("compress int8_sym bf16 by groups", 0x59C5_9BE0_76B9_5CAA),
    ("compress int8_asym bf16", 0xC174_FEAF_ECC1_FC64),
    ("compress int8_asym bf16 by groups", 0x28EE_5208_B91F_BA50),
    ("compress int8_asym bf16 by other rules", 0xBF2F_64F0_6941_AABD),
    ("compress int4_sym bf16", 0x2C53_B8EC_0D2A_7935),
    ("compress int4_sym bf16 by groups", 0x90CA_E190_4FF0_3A76),
    ("compress int4_asym bf16", 0x4264_AE57_E633_F9CD),
    ("compress int4_asym bf16 by groups", 0xB2D2_5425_A37A_33B6),
    ("compress int4_asym bf16 by other rules", 0xAE7D_065F_8C9B_210D),
    ("compress int3_sym bf16", 0x4951_97D0_32A3_BABA),
    ("compress int3_sym bf16 by groups", 0xD8CD_0335_448C_2C76),
    ("compress int2_sym bf16", 0xCBE2_C968_89AD_8484),
    ("compress int2_sym bf16 by groups", 0xFFA3_12A6_70A1_540B),
    ("compress nf4 bf16", 0xAD18_2CD8_93F7_3C80),
    ("compress nf4 bf16 by groups", 0x6EEC_E26A_CC79_F633),
    ("compress nf4 bf16 by other rules", 0x59BE_9C50_D463_00CD),
    ("compress fp4 bf16", 0x33A2_E8FF_1520_62D1),
    ("compress fp4 bf16 by groups", 0x2C27_BDC3_B85B_08C1),
    ("compress fp4 bf16 by other rules", 0x6305_3BB4_D650_3BDD),
    ("compress mxfp4 bf16", 0x5022_E7BE_616E_FB09),
    ("compress nvfp4 bf16", 0xCCDA_DC9B_FAB6_6D1E),
    ("compress fp8_e4m3 bf16", 0x94FF_24F2_DA1A_F8AE),
    ("compress fp8_e4m3 bf16 by groups", 0xB01C_4998_AC12_BA7E),
    ("compress fp8_e4m3 bf16 by other rules", 0x4AA7_824E_0185_F440),
    ("compress fp8_e5m2 bf16", 0xD4AF_8B13_7C21_4785),
    ("compress fp8_e5m2 bf16 by groups", 0x81CE_F623_5C0C_BD60),
    ("compress fp8_e5m2 bf16 by other rules", 0x3E21_38DF_3FE4_90F1),
    ("compress mxfp8_e4m3 bf16", 0x936E_FA89_DECB_EB60),
    ("compress mxfp8_e5m2 bf16", 0x48C1_45FA_0B51_435F),
    ("compress mxfp6_e3m2 bf16", 0x5292_D765_3073_E808),
    ("compress mxfp6_e2m3 bf16", 0xB158_2DAC_945F_07BA),
    ("compress mxint8 bf16", 0x077C_E0E2_AD07_8A02),
    ("compress cb4 bf16", 0x41B0_E4A1_E101_0A3B),
    ("compress cb4 bf16 by groups", 0x5B9C_6188_F30E_5E46),
    ("compress cb4 bf16 by other rules", 0x695C_E817_1B32_992D),
    ("compress codebook of 11 bf16", 0x9509_E931_C571_0958),
    ("compress codebook of 11 bf16 by groups", 0x61B1_1B98_0C11_C374),
    ("compress codebook of 11 bf16 by other rules", 0x0C8E_17A8_ADFE_CEC0),
    ("compress codebook of 16 bf16", 0x6D13_F117_BCCF_603E),
    ("compress codebook of 16 bf16 by groups", 0xD00D_70DF_C8CF_1B90),
    ("compress codebook of 16 bf16 by other rules", 0xDC88_FD3B_702F_7105),
    ("compress codebook of 200 bf16", 0xBC26_F33D_B4A6_1686),
    ("compress codebook of 200 bf16 by groups", 0xDEFA_DE75_F24C_439E),
    ("compress codebook of 200 bf16 by other rules", 0x8A92_B584_FA3C_029B),
    ("compress codebook of 300 bf16", 0x7741_F1C0_85E0_49A0),
    ("compress codebook of 300 bf16 by groups", 0x64B7_B859_5A27_0962),
    ("compress codebook of 300 bf16 by other rules", 0xF35D_C134_B37C_65B8),
    ("quantile f32", 0x224C_C839_3394_8E57),
    ("quantile f32 large", 0x0F39_16DA_7766_F329),
    ("range min_max f32", 0x78FE_81BB_2C69_7CDC),
    ("range mean f32", 0xBA4D_963A_10E0_D68F),
    ("range median f32", 0xA296_FBAD_4D9A_52F0),
    ("range no_outliers f32", 0xD555_9E3F_0ED3_F308),
    ("range quantile f32", 0x2E21_6D2A_DC01_39CE),
    ("histogram parity f32", 0x2CA5_78B0_2AC4_2479),
    ("histogram mergeable f32", 0xB591_F0BD_C07D_9A93),
    ("sketch f32", 0x1C7D_7BF2_04BF_ED58),
    ("quantile f16", 0x9E45_03AE_6584_D393),
    ("quantile f16 large", 0x2362_96C9_24A2_5AD9),
    ("range min_max f16", 0x751B_99B9_2F18_6866),
    ("range mean f16", 0x1D5D_123F_DF97_C38E),
    ("range median f16", 0x4758_9199_4945_2471),
    ("range no_outliers f16", 0x21AC_5965_B878_CD11),
    ("range quantile f16", 0x0275_CFD2_DB92_0A17),
    ("histogram parity f16", 0xF84C_DE23_8609_A7C8),
    ("histogram mergeable f16", 0x7E1D_750F_F524_6792),
    ("sketch f16", 0x83A5_79BE_CCB6_715A),
    ("quantile bf16", 0x66D0_3388_C85C_5E68),
    ("quantile bf16 large", 0x280F_E856_3917_E2A3),
    ("range min_max bf16", 0x59EB_C3C2_00E7_3CC6),
    ("range mean bf16", 0xB6DF_EF8E_7CDE_3DDB),
    ("range median bf16", 0x3560_3047_FA29_63D1),
    ("range no_outliers bf16", 0x8788_22B1_54B7_6871),
    ("range quantile bf16", 0x7721_6B1C_420D_7950),
    ("histogram parity bf16", 0x53C5_8548_47E3_E9B4),
    ("histogram mergeable bf16", 0x6583_EE3E_DB57_86E0),
    ("sketch bf16", 0x35C8_17F4_61E8_4F60),
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
    ("pack e4m3", 0x0CA3_C3AC_0B9A_F825),
    ("pack e3m2", 0xEA95_5F1D_B916_CE8A),
    ("pack e2m3", 0xEA95_5F1D_B916_CE8A),
    ("pack e2m1", 0x8D01_C2AC_4023_9B0E),
    ("pack nf4", 0x8D01_C2AC_4023_9B0E),
    ("quantizer_from_min_max symmetric", 0x4CD5_DFA2_AB46_EBA7),
    ("quantizer_from_min_max asymmetric", 0x7DA0_D927_F01A_4A79),
    ("fp8_scale_from_min_max", 0xA0EC_20E6_5500_B30D),
    ("scale_zero_point", 0x2F08_D953_A37D_69E4),
    ("tune_range", 0xE4FD_0ED3_C7A9_6BDA),
    ("unify_min_max", 0x8FA7_D1C7_9A3F_F53D),
    ("quantize_multiplier", 0x4257_AB76_3C20_29DA),
    ("gptq int8_sym", 0x9425_3A61_B15D_3DA9),
    ("gptq int8_asym", 0x82BB_5169_367C_D97E),
    ("gptq int4_sym", 0x7F64_99C0_2D51_764B),
    ("gptq int4_asym", 0xFCB3_6790_2391_D517),
    ("gptq int3_sym", 0x5990_A6F0_B958_802C),
    ("gptq int2_sym", 0x9788_0B93_9C34_8E48),
    ("gptq nf4", 0xAD39_F2E3_0613_CFD0),
    ("gptq fp4", 0x8C31_7C0B_73B4_EF29),
    ("gptq mxfp4", 0xE91B_382F_AA27_EE1F),
    ("gptq nvfp4", 0x540C_B25F_3284_477C),
    ("gptq fp8_e4m3", 0x1A4A_7395_4A72_E325),
    ("gptq fp8_e5m2", 0x61FC_ADC1_0F2B_ADEA),
    ("gptq mxfp8_e4m3", 0xCCFE_F098_ED2A_3798),
    ("gptq mxfp8_e5m2", 0xC7EF_AC37_79E8_D9B5),
    ("gptq mxfp6_e3m2", 0x61E7_303B_2992_3BE0),
    ("gptq mxfp6_e2m3", 0x2EBD_0560_3E52_170C),
    ("gptq mxint8", 0x960A_F51B_D33A_3A25),
    ("gptq cb4", 0xA6A3_AF0F_435C_6ECD),
    ("gptq codebook of 11", 0x7BF3_0B59_AA75_DD2B),
    ("gptq codebook of 16", 0x7480_F511_405C_FED1),
    ("gptq codebook of 200", 0x2309_8DD9_33A7_370F),
    ("gptq codebook of 300", 0x58D0_04FC_DE23_C99F),
    ("lora int4_sym", 0x7748_A12D_429E_8BA9),
    ("lora int4_asym", 0x32C4_01F4_BB62_E40E),
    ("lora nf4", 0x1F01_C516_9BDA_10F9),
    ("lora mxfp4", 0xF8FC_CDFF_2121_31CD),
    ("lora_init residual", 0x90EF_6EEF_8DEC_F1B4),
    ("lora_init random", 0x5360_583A_DBD4_5269),
    ("lora_apply f32", 0xE21E_D4AD_6DF5_FCD4),
    ("lora_apply f16", 0x68B7_E8BA_F6B4_542A),
    ("lora_apply bf16", 0xC012_0FA1_8239_B2F3),
    ("lora_apply codes", 0xCE8B_5ABD_8E03_E733),
    ("lora_apply f32 transposed", 0x47F0_B68D_400D_3D6E),
    ("lora_apply f16 transposed", 0xFF4B_9A31_2E8C_7542),
    ("lora_apply bf16 transposed", 0xBCD0_A354_746F_5D64),
    ("lora_apply codes transposed", 0x4CA3_72D4_C7D1_A1A1),
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
fn digests() -> Vec<(String, u64)> {
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
            lora_pair::apply(ptr::null(), std::slice::from_ref(&pair), &[all], &x, &mut y);
            lora_pair::merge(ptr::null(), &pair, false, &mut w);
            digest.floats(&y.values());
            digest.floats(&w.values());
        }
        names.push((format!("lora_apply {d}{turn}"), digest.0));
    }
}

/// Layers that are solved: orders, kinds of groups and of scales, passes, either axis.
fn solvers(names: &mut Vec<(String, u64)>) {
    let mut layer = layer::Layer::new(35, 64, 1);
    layer.kill(40);
    for mode in MODES {
        let mut digest = Digest::new();
        let settings = [(0, 2, 0, 0, 1), (1, 0, 1, 1, 1), (1, 1, 0, 1, 0)];
        // The other modes go the same ways with other codes: each takes one.
        let (first, step) = if mode.number < 4 { (0, 1) } else { (mode.number as usize % 3, 3) };
        for (order, groups, scale, passes, axis) in settings.into_iter().skip(first).step_by(step) {
            let mut params = layer::params(&mode, 16, axis);
            params.weights.reduction_axis = axis;
            let block_size = 40 - 8 * groups;
            let params = ffi::GptqParams { order, groups, scale, passes, block_size, ..params };
            let solution = layer::solve(&mode, &params, &layer);
            digest.bytes(&solution.codes);
            digest.bytes(&solution.scale);
            digest.bytes(&solution.zero_point);
            digest.floats(&solution.dequantized);
            digest.floats(&solution.loss);
        }
        names.push((format!("gptq {}", mode.name), digest.0));
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
