//! Imports point downwards only, and every family of kernels has one name in every folder.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails; every index is one of the test's own"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each layer may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("status", &[]),
    ("formats", &[]),
    ("params", &["formats", "status"]),
    ("scratch", &["status"]),
    ("kernels", &["formats", "params", "status"]),
    ("parallel", &["params", "status"]),
    ("views", &["parallel", "params", "status"]),
    ("algorithms", &["formats", "kernels", "parallel", "params", "scratch", "status", "views"]),
    ("arch", &["formats", "kernels", "params", "status"]),
    ("dispatch", &["arch", "kernels"]),
    (
        "ffi",
        &[
            "algorithms",
            "dispatch",
            "formats",
            "kernels",
            "parallel",
            "params",
            "scratch",
            "status",
            "views",
        ],
    ),
];

/// What each part of `arch` may name of it. `simd`, `bits`, `fixed` and `words` are the
/// block traits, `counters` a leaf in terms of them, `vector_tier` the macro that makes a tier; a tier
/// knows no other tier.
const TIERS: &[(&str, &[&str])] = &[
    ("simd", &[]),
    ("bits", &["simd"]),
    ("fixed", &["simd"]),
    ("words", &["simd"]),
    ("scalar", &["simd"]),
    ("counters", &["bits", "scalar", "simd"]),
    ("generic", &["bits", "counters", "fixed", "scalar", "simd", "words"]),
    ("x86_64", &["bits", "fixed", "generic", "scalar", "simd", "vector_tier", "words"]),
    ("aarch64", &["bits", "fixed", "generic", "scalar", "simd", "vector_tier", "words"]),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files below `folder`, as paths within `src`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path.strip_prefix(source()).unwrap().to_owned());
        }
    }
    all.sort();
    all
}

/// The module of a file: `arch/scalar/mod.rs` is `arch`, `scalar`.
fn module(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap();
    path.split('/').filter(|part| *part != "mod").map(str::to_owned).collect()
}

/// The code of a file without its comments.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that `text`, the code of `file`, names from the root of the crate: two steps each.
fn paths(file: &str, text: &str) -> Vec<Vec<String>> {
    let text = code(text);
    let mut found = Vec::new();
    let word = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| word(c) && c != '$') {
            continue;
        }
        found.extend(steps(&text[at + "crate::".len()..]));
    }
    // `super` from a file leads to its folder's module.
    let own = module(file);
    let mut rest = text.as_str();
    while let Some(at) = rest.find("super::") {
        rest = &rest[at..];
        let mut base = own.clone();
        while let Some(up) = rest.strip_prefix("super::") {
            base.pop();
            rest = up;
        }
        for tail in steps(rest) {
            found.push(base.iter().cloned().chain(tail).take(2).collect());
        }
    }
    found
}

/// The first two names of a path, or of each path of a group in braces.
fn steps(path: &str) -> Vec<Vec<String>> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if let Some(group) = path.strip_prefix('{') {
        let mut depth = 1;
        let (mut parts, mut part) = (Vec::new(), String::new());
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 || (depth == 1 && c == ',') {
                parts.push(std::mem::take(&mut part));
                if depth == 0 {
                    break;
                }
            } else {
                part.push(c);
            }
        }
        let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
        return parts.flat_map(steps).collect();
    }
    let first: String = path.chars().take_while(|c| word(*c)).collect();
    match path[first.len()..].strip_prefix("::") {
        Some(rest) if rest.starts_with('{') => {
            let inner = steps(rest).into_iter().filter_map(|step| step.into_iter().next());
            inner.map(|second| vec![first.clone(), second]).collect()
        }
        Some(rest) => {
            let second: String = rest.chars().take_while(|c| word(*c)).collect();
            vec![vec![first, second]]
        }
        None => vec![vec![first]],
    }
}

/// The imports of `file` that point upwards or sideways.
fn wrong(file: &str, text: &str) -> Vec<String> {
    let own = module(file);
    if own == ["lib"] {
        return Vec::new();
    }
    let allowed = |table: &[(&str, &'static [&'static str])], layer: &str| {
        table.iter().find(|(name, _)| *name == layer).map(|(_, below)| *below)
    };
    let Some(below) = allowed(LAYERS, &own[0]) else {
        return vec![format!("{file} belongs to no layer")];
    };
    let tier = own.get(1).filter(|_| own[0] == "arch");
    let mut bad = Vec::new();
    for path in paths(file, text) {
        let inside = path[0] == own[0];
        let fine = match (inside, tier, path.get(1)) {
            (true, Some(tier), Some(other)) if other != tier => {
                allowed(TIERS, tier).is_some_and(|below| below.contains(&other.as_str()))
            }
            (true, ..) => true,
            (false, ..) => below.contains(&path[0].as_str()),
        };
        if !fine {
            bad.push(format!("{file} names {}", path.join("::")));
        }
    }
    bad
}

#[test]
fn imports_point_downwards() {
    let mut imports = 0;
    let mut bad = Vec::new();
    for file in files(&source()) {
        let text = fs::read_to_string(source().join(&file)).unwrap();
        let name = file.to_str().unwrap().replace('\\', "/");
        imports += paths(&name, &text).len();
        bad.extend(wrong(&name, &text));
    }
    assert!(imports > 200, "{imports} imports were found");
    assert!(bad.is_empty(), "{bad:#?}");
}

/// A check that lets everything pass proves nothing.
#[test]
fn wrong_imports_are_found() {
    let good = [
        ("ffi/range.rs", "use crate::algorithms::range;"),
        ("algorithms/gptq.rs", "use crate::{kernels::Kernels, params::weights};"),
        ("algorithms/gptq.rs", "// crate::dispatch is out of reach\nuse crate::algorithms::stage;"),
        ("arch/generic/pack.rs", "use crate::arch::{scalar, simd::Simd};"),
        ("arch/x86_64/avx2/mod.rs", "use super::super::generic;"),
        ("params/weights.rs", "use super::matrix::Dtype;"),
        ("arch/scalar/pack.rs", "use super::round;"),
    ];
    for (file, text) in good {
        assert_eq!(wrong(file, text), [""; 0], "{file}: {text}");
    }
    let bad = [
        ("algorithms/gptq.rs", "use crate::dispatch;"),
        ("algorithms/gptq.rs", "use crate::arch::scalar;"),
        ("algorithms/gptq.rs", "fn f() { crate::dispatch::active(); }"),
        ("algorithms/mod.rs", "use super::dispatch::active;"),
        ("algorithms/gptq.rs", "use super::super::dispatch::active;"),
        ("arch/scalar/pack.rs", "use crate::algorithms::pack;"),
        ("arch/scalar/pack.rs", "use crate::dispatch;"),
        ("arch/scalar/pack.rs", "use crate::ffi;"),
        ("arch/scalar/pack.rs", "use crate::arch::generic;"),
        ("arch/generic/pack.rs", "use crate::arch::{simd, x86_64::avx2};"),
        ("arch/generic/pack.rs", "use super::super::aarch64;"),
        ("kernels.rs", "use crate::{params::matrix, views::Run};"),
        ("params/mod.rs", "pub use crate::kernels::Isa;"),
        ("params/mod.rs", "use crate :: kernels;\nuse crate::{\n    status,\n    parallel,\n};"),
        ("status.rs", "use crate::params;"),
        ("parallel.rs", "use crate::views::Run;"),
        ("views.rs", "use super::algorithms;"),
        ("dispatch/mod.rs", "use crate::algorithms;"),
        ("attic.rs", ""),
    ];
    for (file, text) in bad {
        assert!(!wrong(file, text).is_empty(), "{file}: {text}");
    }
}

/// The kernel list names the file of every kernel, and every tier's folder has it.
#[test]
fn families_have_one_name() {
    let text = fs::read_to_string(source().join("kernels.rs")).unwrap();
    let list = text.split("macro_rules! kernel_list").nth(1).unwrap();
    let list = list.split("pub(crate) use kernel_list").next().unwrap();
    let bodies = list.lines().filter(|line| line.trim().starts_with("fn "));
    let families: BTreeSet<String> = bodies
        .map(|line| line.rsplit(" = ").next().unwrap().split("::").next().unwrap().to_owned())
        .collect();
    assert!(families.len() > 6, "{families:?}");
    let scalar: BTreeSet<String> = files(&source().join("arch/scalar"))
        .iter()
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "mod")
        .collect();
    assert_eq!(scalar, families, "the files of the specification");
    for family in &families {
        let file = source().join(format!("arch/generic/{family}.rs"));
        assert!(file.exists(), "arch/generic/{family}.rs");
    }
    // What a tier writes by hand has the name of its family.
    for tier in ["x86_64/avx2", "x86_64/avx512", "aarch64/neon"] {
        for file in files(&source().join("arch").join(tier)) {
            let name = file.file_stem().unwrap().to_str().unwrap();
            let known = ["mod", "bits", "fixed", "simd", "slots", "words"].contains(&name)
                || families.contains(name);
            assert!(known, "{} is the file of no family", file.display());
        }
    }
}
