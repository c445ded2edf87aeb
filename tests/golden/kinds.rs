//! Which kinds of golden cases the library is held to, and which wait for their algorithm.
//!
//! A kind is on one list as a whole, or mode by mode (the `mode` parameter of the case). A case on
//! neither list is a failure, and so is an implemented entry without a case: a new kind cannot slip
//! through unnoticed, and an empty run cannot pass.

/// A kind and the modes meant, `None` for the whole kind.
pub type Entry = (&'static str, Option<&'static [&'static str]>);

/// Every case of these must pass.
pub const IMPLEMENTED: &[Entry] = &[
    ("qparams", None),
    ("tune_range", None),
    ("unify_stats", None),
    ("fakequant", None),
    ("reducers", None),
    ("range_histogram", None),
    ("range", None),
    ("range_presets", None),
    ("range_extra", None),
    ("process_stats", None),
    ("fp8_decode", None),
    ("fp8_encode", None),
    ("fp4_encode", None),
    ("nf4_encode", None),
    ("e8m0_scale", None),
    ("fp8_params", None),
    ("fake_convert", None),
    (
        "wc",
        Some(&[
            "int8_sym",
            "int8_asym",
            "int4_sym",
            "int4_asym",
            "int3_sym",
            "int2_sym",
            "nf4",
            "fp4",
            "mxfp4",
            "nvfp4",
            "fp8_e4m3",
            "mxfp8_e4m3",
            "cb4",
            "codebook",
        ]),
    ),
    ("group_size_fallback", None),
    (
        "gptq",
        Some(&[
            "int4_sym",
            "int4_asym",
            "nf4",
            "int4_sym scale_estimation",
            "int4_asym scale_estimation",
        ]),
    ),
    ("lora", None),
];

/// Cases of these are counted and not run.
pub const PENDING: &[Entry] = &[
    ("scale_estimation", None),
    ("awq", None),
    ("awq_data_free", None),
    ("smooth_quant", None),
    ("channel_alignment", None),
    ("fast_bias_correction", None),
    ("bias_correction", None),
    ("mixed_precision", None),
    ("e2e_compress", None),
    ("e2e_quantize", None),
    ("acc_functions", None),
    ("accuracy_control", None),
    ("hyper_search", None),
    ("statistics_dump", None),
];

/// Expected tensors (kind, name) of implemented kinds that no handler produces yet.
pub const PENDING_OUTPUTS: &[(&str, &str)] = &[];

/// What a case is to this test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs and must pass.
    Implemented,
    /// It is counted only.
    Pending,
}

/// Whether `entry` means cases of this kind and mode.
pub fn covers(entry: &Entry, kind: &str, mode: Option<&str>) -> bool {
    let (name, modes) = entry;
    *name == kind
        && match modes {
            None => true,
            Some(modes) => mode.is_some_and(|mode| modes.contains(&mode)),
        }
}

/// The state of a kind and mode; an error if it is on no list or on both.
pub fn state(kind: &str, mode: Option<&str>) -> Result<State, String> {
    let listed = |list: &[Entry]| list.iter().any(|entry| covers(entry, kind, mode));
    match (listed(IMPLEMENTED), listed(PENDING)) {
        (true, false) => Ok(State::Implemented),
        (false, true) => Ok(State::Pending),
        (true, true) => Err(format!("{kind} {} is on both lists", mode.unwrap_or("-"))),
        (false, false) => Err(format!("{kind} {} is on no list", mode.unwrap_or("-"))),
    }
}
