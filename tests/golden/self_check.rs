//! Proof that the comparisons can fail: each tolerance mode accepts a good value and refuses a bad one.

use crate::case::{Case, Data, Tensor, Tensors};
use crate::kinds;
use crate::runner::compare;
use crate::tolerance::Rule;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Whether a value is to be accepted.
const GOOD: bool = true;
const BAD: bool = false;

/// Gives the defects found; empty if the checker is fit for use.
pub fn run() -> Vec<String> {
    let mut defects = Vec::new();
    for (rule, verdicts) in rules() {
        let rule = match Rule::parse(&rule) {
            Ok(rule) => rule,
            Err(reason) => {
                defects.push(reason);
                continue;
            }
        };
        for (candidate, expected, want) in verdicts {
            let result = rule.check(&candidate, &expected, &tables());
            if result.is_ok() != want {
                defects.push(format!("{rule:?}: {candidate:?} for {expected:?} gave {result:?}"));
            }
        }
    }
    for rule in broken_rules() {
        if Rule::parse(&rule).is_ok() {
            defects.push(format!("{rule} was accepted"));
        }
    }
    defects.extend(check_compare());
    defects.extend(check_states());
    defects
}

fn f32s<const N: usize>(x: [f32; N]) -> Data {
    Data::F32(x.to_vec())
}

fn u8s<const N: usize>(x: [u8; N]) -> Data {
    Data::U8(x.to_vec())
}

fn i32s<const N: usize>(x: [i32; N]) -> Data {
    Data::I32(x.to_vec())
}

fn tensor(data: Data) -> Tensor {
    Tensor { shape: vec![data.len()], data }
}

/// The tensors that table rules refer to.
fn tables() -> Tensors {
    let losses = f32s([3.0, 1.0, 1.001, 5.0, 4.0, 4.5]);
    let broken = f32s([3.0, 1.0, 1.001, 5.0, f32::NAN, 4.5]);
    Tensors::from([("in.losses".into(), tensor(losses)), ("in.broken".into(), tensor(broken))])
}

/// A candidate, what is expected, and whether the rule should accept.
type Verdict = (Data, Data, bool);

/// Every mode with values on both sides of its border.
fn rules() -> Vec<(Value, Vec<Verdict>)> {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let four = || f32s([1.0, 2.0, 3.0, 4.0]);
    vec![
        (
            json!({"mode": "exact"}),
            vec![
                (f32s([1.0, -0.0, nan, inf]), f32s([1.0, 0.0, nan, inf]), GOOD),
                (i32s([-3, 7]), Data::I8(vec![-3, 7]), GOOD),
                (f32s([1.0, 2.0]), f32s([1.0, 2.000_000_2]), BAD),
                (f32s([nan]), f32s([0.0]), BAD),
                (f32s([0.0]), f32s([nan]), BAD),
                (f32s([inf]), f32s([-inf]), BAD),
                (i32s([-3, 7]), i32s([-3, 8]), BAD),
                (u8s([7]), u8s([7, 7]), BAD),
                (u8s([]), u8s([]), BAD),
            ],
        ),
        (
            json!({"mode": "allclose", "rtol": 0.25, "atol": 0.5}),
            vec![
                (f32s([5.5, 2.5, -0.5]), f32s([4.0, 4.0, 0.0]), GOOD),
                (f32s([nan, inf]), f32s([nan, inf]), GOOD),
                (f32s([5.5, 2.25]), f32s([4.0, 4.0]), BAD),
                (f32s([-0.75]), f32s([0.0]), BAD),
                (f32s([nan]), f32s([1.0]), BAD),
                (f32s([1.0]), f32s([inf]), BAD),
                (f32s([inf]), f32s([1.0]), BAD),
            ],
        ),
        (
            json!({"mode": "allclose_fraction", "max_frac": 0.25, "rtol": 0.0, "atol": 0.5}),
            vec![
                (f32s([1.5, 2.0, 3.0, 9.0]), four(), GOOD),
                (f32s([1.5, 2.0, 3.0, nan]), four(), GOOD),
                (f32s([1.5, 2.0, 3.75, 9.0]), four(), BAD),
            ],
        ),
        (
            json!({"mode": "codes", "max_frac": 0.25, "max_diff": 1}),
            vec![
                (i32s([1, 2, 3, 5]), i32s([1, 2, 3, 4]), GOOD),
                (f32s([0.0, 2.0, 3.0, 4.0]), i32s([1, 2, 3, 4]), GOOD),
                (i32s([1, 2, 3, 6]), i32s([1, 2, 3, 4]), BAD),
                (i32s([1, 2, 4, 5]), i32s([1, 2, 3, 4]), BAD),
                (f32s([1.0, 2.0, 3.0, nan]), four(), BAD),
            ],
        ),
        (
            json!({"mode": "fpcode", "format": "e4m3", "max_frac": 0.0}),
            vec![
                (u8s([0x80, 0x7f, 0x38]), u8s([0x00, 0xff, 0x38]), GOOD),
                (u8s([0x7e]), u8s([0x7f]), BAD),
                (u8s([0x38]), u8s([0xb8]), BAD),
                (u8s([0x00]), u8s([0x01]), BAD),
            ],
        ),
        (
            json!({"mode": "fpcode", "format": "e5m2", "max_frac": 0.5}),
            vec![
                (u8s([0x7d, 0xfc]), u8s([0xff, 0xfc]), GOOD),
                (u8s([0x7c, 0x01]), u8s([0xfc, 0x01]), GOOD),
                (u8s([0x7c, 0x7b]), u8s([0xfc, 0x7c]), BAD),
            ],
        ),
        (
            json!({"mode": "fpcode", "format": "e2m1", "max_frac": 0.0}),
            vec![
                (u8s([8, 7, 1]), u8s([0, 7, 1]), GOOD),
                (u8s([15]), u8s([7]), BAD),
                (u8s([16]), u8s([0]), BAD),
            ],
        ),
        (
            json!({"mode": "fpcode", "format": "nf4", "max_frac": 0.0}),
            vec![
                (u8s([0, 15]), u8s([0, 15]), GOOD),
                (u8s([3]), u8s([4]), BAD),
                (u8s([16]), u8s([16]), BAD),
            ],
        ),
        (
            json!({"mode": "upper_bound", "rtol": 0.25}),
            vec![
                (f32s([5.0, -9.0, 0.0]), f32s([4.0, 0.0, 0.0]), GOOD),
                (f32s([5.000_001]), f32s([4.0]), BAD),
                (f32s([1e-9]), f32s([0.0]), BAD),
                (f32s([nan]), f32s([4.0]), BAD),
                (i32s([5]), i32s([4]), GOOD),
                (i32s([6]), i32s([4]), BAD),
            ],
        ),
        (
            json!({"mode": "rel_frobenius", "rtol": 0.5}),
            vec![
                (f32s([3.0, 6.5]), f32s([3.0, 4.0]), GOOD),
                (f32s([3.0, 6.75]), f32s([3.0, 4.0]), BAD),
                (f32s([3.0, nan]), f32s([3.0, 4.0]), BAD),
                (f32s([1e-9]), f32s([0.0]), BAD),
            ],
        ),
        (
            json!({"mode": "argmin_within", "table": "in.losses", "rtol": 0.01}),
            vec![
                (i32s([2, 1]), i32s([1, 1]), GOOD),
                (i32s([0, 1]), i32s([0, 1]), BAD),
                (i32s([1, 3]), i32s([1, 1]), BAD),
                (i32s([1, -1]), i32s([1, 1]), BAD),
                (i32s([1, 1, 1, 1]), i32s([1, 1, 1, 1]), BAD),
            ],
        ),
        (
            json!({"mode": "argmin_within", "table": "in.broken", "rtol": 0.01}),
            vec![(i32s([1, 2]), i32s([1, 2]), BAD)],
        ),
        (
            json!({"mode": "argmin_within", "table": "in.absent", "rtol": 0.01}),
            vec![(i32s([1, 1]), i32s([1, 1]), BAD)],
        ),
        (json!({"mode": "info"}), vec![(f32s([1.0]), f32s([2.0, 3.0]), GOOD)]),
    ]
}

/// Rules that say too little or make no sense.
fn broken_rules() -> Vec<Value> {
    vec![
        json!({}),
        json!({"mode": "close"}),
        json!({"mode": "allclose", "rtol": 0.1}),
        json!({"mode": "allclose", "rtol": 0.1, "atol": -1.0}),
        json!({"mode": "allclose_fraction", "rtol": 0.1, "atol": 0.1}),
        json!({"mode": "codes", "max_frac": "0.1", "max_diff": 1}),
        json!({"mode": "fpcode", "format": "e3m4", "max_frac": 0.0}),
        json!({"mode": "argmin_within", "rtol": 0.1}),
    ]
}

/// A case counts as failed if a tensor is wrong, missing, without a rule or without a twin.
fn check_compare() -> Vec<String> {
    let set = |entries: &[(&str, f32)]| -> Tensors {
        entries.iter().map(|(name, x)| ((*name).into(), tensor(f32s([*x])))).collect()
    };
    let rules = [("out.a", Rule::Exact), ("out.b", Rule::Exact), ("out.note", Rule::Info)];
    let whole = Case {
        id: "example".into(),
        kind: "example".into(),
        file: String::new(),
        params: Map::new(),
        rules: rules.map(|(name, rule)| (name.into(), rule)).into(),
        shapes: BTreeMap::new(),
        tensors: set(&[("in.x", 0.0), ("out.a", 1.0), ("out.b", 2.0), ("out.note", 3.0)]),
    };
    let mut no_rule = whole.clone();
    no_rule.rules.remove("out.b");
    let mut no_tensor = whole.clone();
    no_tensor.tensors.remove("out.b");
    let good = set(&[("out.a", 1.0), ("out.b", 2.0)]);
    let partial = set(&[("out.a", 1.0)]);
    let both = [("example", "out.a"), ("example", "out.b")];
    let trials = [
        ("all right", &whole, good.clone(), &[][..], GOOD),
        ("wrong", &whole, set(&[("out.a", 1.0), ("out.b", 2.5)]), &[], BAD),
        ("missing", &whole, partial.clone(), &[], BAD),
        ("pending", &whole, partial.clone(), &[("example", "out.b")], GOOD),
        ("pending elsewhere", &whole, partial, &[("other", "out.b")], BAD),
        ("all pending", &whole, set(&[]), &both, BAD),
        ("no rule", &no_rule, good.clone(), &[], BAD),
        ("no tensor", &no_tensor, good, &[], BAD),
        ("input right", &whole, set(&[("in.x", 0.0), ("out.a", 1.0), ("out.b", 2.0)]), &[], GOOD),
        ("input wrong", &whole, set(&[("in.x", 0.1), ("out.a", 1.0), ("out.b", 2.0)]), &[], BAD),
    ];
    let defect = |(name, case, outputs, pending, want): (&str, _, Tensors, &[_], _)| {
        let failures = compare(case, &outputs, pending);
        (failures.is_empty() != want).then(|| format!("compare, {name}: {failures:?}"))
    };
    trials.into_iter().filter_map(defect).collect()
}

/// The lists of kinds know what they know.
fn check_states() -> Vec<String> {
    let trials = [
        ("qparams", Some("symmetric"), Ok(kinds::State::Implemented)),
        ("tune_range", None, Ok(kinds::State::Implemented)),
        ("wc", Some("int8_sym"), Ok(kinds::State::Implemented)),
        ("wc", None, Err(())),
        ("wc", Some("int5_sym"), Err(())),
        ("no_such_kind", None, Err(())),
    ];
    let states = trials.into_iter().filter_map(|(kind, mode, want)| {
        let state = kinds::state(kind, mode);
        (state.clone().map_err(|_| ()) != want).then(|| format!("{kind} {mode:?}: {state:?}"))
    });
    states.collect()
}
