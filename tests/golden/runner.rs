//! Runs the cases of a folder and tells the results.

use crate::case::{Case, Tensor, Tensors};
use crate::handlers;
use crate::kinds::{self, Entry, State};
use crate::tolerance::Rule;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// The counts of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    kind: String,
    passed: usize,
    failed: usize,
    pending: usize,
}

/// What came out of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    tallies: Vec<Tally>,
    failures: Vec<String>,
    /// Failures that belong to the set as a whole.
    failed: usize,
}

impl Report {
    /// Notes a failure that belongs to no case.
    pub fn fail(&mut self, reason: String) {
        self.failures.push(reason);
        self.failed += 1;
    }

    /// Whether something ran and nothing failed.
    pub fn is_success(&self) -> bool {
        let (passed, failed) = self.totals();
        passed > 0 && failed == 0
    }

    /// Prints failures, kinds and totals.
    pub fn print(&self) {
        for failure in &self.failures {
            println!("FAILED {failure}");
        }
        for Tally { kind, passed, failed, pending } in &self.tallies {
            if passed + failed > 0 {
                println!("{kind}: {passed} passed, {failed} failed");
            }
            if *pending > 0 {
                println!("{kind}: {pending} pending");
            }
        }
        let (passed, failed) = self.totals();
        println!("{passed} passed, {failed} failed");
    }

    fn totals(&self) -> (usize, usize) {
        let passed = self.tallies.iter().map(|tally| tally.passed).sum();
        let failed = self.tallies.iter().map(|tally| tally.failed).sum::<usize>();
        (passed, failed + self.failed)
    }

    #[allow(clippy::indexing_slicing, reason = "a known kind, or the one just added")]
    fn tally(&mut self, kind: &str) -> &mut Tally {
        let known = self.tallies.iter().position(|tally| tally.kind == kind);
        let at = known.unwrap_or(self.tallies.len());
        if known.is_none() {
            self.tallies.push(Tally { kind: kind.into(), ..Tally::default() });
        }
        &mut self.tallies[at]
    }

    /// Notes the failures of a case, or that it passed.
    fn finish(&mut self, case: &Case, failures: Vec<String>) {
        let tally = self.tally(&case.kind);
        *(if failures.is_empty() { &mut tally.passed } else { &mut tally.failed }) += 1;
        self.failures.extend(failures.into_iter().map(|reason| format!("{}: {reason}", case.id)));
    }
}

/// Runs every case of a folder.
pub fn run(folder: &Path) -> Report {
    let mut report = Report::default();
    match read_index(folder) {
        Err(reason) => report.fail(format!("{}: {reason}", folder.display())),
        Ok(index) => run_index(folder, &index, &mut report),
    }
    report
}

fn read_index(folder: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(folder.join("index.json"))
        .map_err(|error| format!("index.json: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("index.json: {error}"))
}

fn run_index(folder: &Path, index: &Value, report: &mut Report) {
    let Some(entries) = index.get("cases").and_then(Value::as_array) else {
        return report.fail("index.json: no list `cases`".into());
    };
    let promised = index.get("num_cases").and_then(Value::as_u64);
    if promised != u64::try_from(entries.len()).ok() {
        report.fail(format!("index.json: num_cases {promised:?}, {} listed", entries.len()));
    }
    let (mut ids, mut met) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let mut case = match Case::parse(entry) {
            Ok(case) => case,
            Err(reason) => {
                report.fail(format!("{}: {reason}", entry.get("id").unwrap_or(&Value::Null)));
                continue;
            }
        };
        if !ids.insert(case.id.clone()) {
            report.fail(format!("{}: listed twice", case.id));
        }
        let mode = case.mode();
        met.insert((case.kind.clone(), mode.clone()));
        match kinds::state(&case.kind, mode.as_deref()) {
            Ok(State::Implemented) => {
                let failures = run_case(folder, &mut case);
                report.finish(&case, failures);
            }
            Ok(State::Pending) => report.tally(&case.kind).pending += 1,
            Err(reason) => report.finish(&case, vec![reason]),
        }
    }
    for reason in missing(kinds::IMPLEMENTED, &met) {
        report.fail(reason);
    }
}

/// The implemented kinds and modes without a case.
fn missing(list: &[Entry], met: &BTreeSet<(String, Option<String>)>) -> Vec<String> {
    let mut reasons = Vec::new();
    for (kind, modes) in list {
        let modes = modes.map_or(vec![None], |modes| modes.iter().map(Some).collect());
        for mode in modes {
            let one = mode.map(std::slice::from_ref);
            if !met.iter().any(|(k, m)| kinds::covers(&(kind, one), k, m.as_deref())) {
                let mode = mode.map(|mode| format!(" {mode}")).unwrap_or_default();
                reasons.push(format!("{kind}{mode}: no case"));
            }
        }
    }
    reasons
}

/// Loads, computes and compares one case; gives the failures.
fn run_case(folder: &Path, case: &mut Case) -> Vec<String> {
    if let Err(reason) = case.load(folder) {
        return vec![reason];
    }
    match handlers::run(case) {
        Ok(outputs) => compare(case, &outputs, kinds::PENDING_OUTPUTS),
        Err(reason) => vec![reason],
    }
}

/// Compares what a handler produced with the tensors of the case; gives the failures.
///
/// Each `out.*` tensor of the case must have a rule, and unless the rule is `info` or the tensor is
/// pending, it must have been produced. An `in.*` tensor that was produced too must be exact: that is
/// how a handler checks an input which the library can derive. At least one tensor must be compared.
pub fn compare(case: &Case, outputs: &Tensors, pending: &[(&str, &str)]) -> Vec<String> {
    let mut failures = Vec::new();
    let mut compared = 0_usize;
    for name in case.rules.keys().filter(|name| !case.tensors.contains_key(*name)) {
        failures.push(format!("{name}: a rule without a tensor"));
    }
    for (name, expected) in &case.tensors {
        let is_input = name.starts_with("in.");
        let rule = if is_input { Some(&Rule::Exact) } else { case.rules.get(name) };
        let is_pending = pending.iter().any(|(k, n)| *k == case.kind && n == name);
        let result = match (rule, outputs.get(name)) {
            (None, _) => Err("no tolerance rule".into()),
            (Some(Rule::Info), _) => continue,
            (Some(_), None) if is_input || is_pending => continue,
            (Some(_), None) => Err("not produced".into()),
            (Some(rule), Some(Tensor { data, .. })) => {
                rule.check(data, &expected.data, &case.tensors)
            }
        };
        compared += usize::from(!is_input);
        if let Err(reason) = result {
            failures.push(format!("{name}: {reason}"));
        }
    }
    if compared == 0 {
        failures.push("nothing was compared".into());
    }
    failures
}
