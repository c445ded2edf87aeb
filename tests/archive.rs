//! What the archive holds and what it does not: no panic, no foreign name, nearly no state, no
//! allocation; and that it links beside another Rust archive.

#![cfg(all(target_os = "linux", not(miri)))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports a failure by its panic"
)]

#[path = "common/archive.rs"]
mod archive;

use archive::{blessing, both, call, libraries, output, root, run, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the archive may take from the program that it is linked into.
const MEMORY: [&str; 5] = ["memcpy", "memset", "memmove", "memcmp", "bcmp"];

/// Signs of code that can panic or format, mangled and demangled.
const PANIC: [&str; 8] = [
    "9panicking",
    "core::panicking",
    "begin_unwind",
    "panic_fmt",
    "panic_bounds_check",
    "4core3fmt",
    "core3fmt",
    "core::fmt",
];

const STATE_LIMIT: u64 = 64;
const TEXT_LIMIT: u64 = 1536 << 10;

fn nm(archive: &Path, options: &[&str]) -> Vec<String> {
    let text = run(call("NM", "nm").args(options).arg(archive));
    text.lines().map(String::from).filter(|l| !l.is_empty() && !l.ends_with(':')).collect()
}

/// The names of a list of symbols, sorted.
fn names(lines: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = lines.iter().filter_map(|line| line.split(' ').next_back()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The bytes of all sections whose names pass the test.
fn section_bytes(archive: &Path, matches: fn(&str) -> bool) -> u64 {
    let text = run(call("SIZE", "size").arg("-A").arg(archive));
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sections = rows.filter(|words| words.len() == 3 && matches(words[0]));
    sections.map(|words| words[1].parse::<u64>().unwrap()).sum()
}

fn is_state(section: &str) -> bool {
    // Tables of function pointers, which the loader alone writes, are no state.
    let constant = section.starts_with(".data.rel.ro");
    [".data", ".bss", ".tdata", ".tbss"].iter().any(|s| section.starts_with(s)) && !constant
}

fn is_text(section: &str) -> bool {
    section.starts_with(".text")
}

/// Every promise that an archive breaks.
fn broken_promises(archive: &Path) -> Vec<String> {
    let mut broken = Vec::new();
    for line in [nm(archive, &[]), nm(archive, &["-C"])].concat() {
        if PANIC.iter().any(|sign| line.contains(sign)) {
            broken.push(format!("can panic or format: {line}"));
        }
    }
    for name in names(&nm(archive, &["-g", "--defined-only"])) {
        if !name.starts_with("ptqk_") {
            broken.push(format!("exports a foreign name: {name}"));
        }
    }
    for name in names(&nm(archive, &["-u"])) {
        // The helpers for atomics are in the run-time library of every C compiler for AArch64.
        let helper = cfg!(target_arch = "aarch64") && name.starts_with("__aarch64_");
        if !MEMORY.contains(&name) && !helper {
            broken.push(format!("needs {name}"));
        }
    }
    let (state, text) = (section_bytes(archive, is_state), section_bytes(archive, is_text));
    if state > STATE_LIMIT {
        broken.push(format!("has {state} bytes of state"));
    }
    if text == 0 || text > TEXT_LIMIT {
        broken.push(format!("has {text} bytes of code"));
    }
    broken
}

fn library() -> PathBuf {
    libraries().join("libptqk.a")
}

fn source(name: &str) -> PathBuf {
    root().join("tests/archive").join(name)
}

/// An archive of one source file, with the options of the release profile or others.
fn rustc(name: &str, options: &[&str]) -> (PathBuf, String) {
    let folder = scratch("archives");
    let mut rustc = call("RUSTC", "rustc");
    rustc.args(["--edition=2024", "--crate-type=staticlib", "-Copt-level=3"]).args(options);
    rustc.arg(source(&format!("{name}.rs"))).arg("--out-dir").arg(&folder);
    let output = output(&mut rustc);
    assert!(output.status.success(), "{}", both(&output));
    (folder.join(format!("lib{name}.a")), both(&output))
}

/// Compiles a C source of `tests/archive` against the header and `libraries`, and nothing else.
fn program(name: &str, libraries: &[&str]) -> PathBuf {
    let file = scratch("archives").join(name.replace('.', "_"));
    let mut cc = call("CC", "cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fno-builtin"]);
    cc.arg("-I").arg(root().join("include")).arg(source(name)).args(libraries);
    run(cc.arg("-o").arg(&file));
    file
}

#[test]
fn archive_keeps_its_promises() {
    let broken = broken_promises(&library());
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The check above sees a panic where there is one.
#[test]
fn indexing_is_found_out() {
    let options = ["-Cpanic=abort", "-Clto=fat", "-Ccodegen-units=1"];
    let (whole, _) = rustc("indexing", &options);
    let cut = scratch("archives/cut").join("libindexing.a");
    run(Command::new("sh")
        .arg(root().join("packaging/repack.sh"))
        .arg("indexing")
        .arg(whole)
        .arg(&cut));
    let broken = broken_promises(&cut);
    assert!(broken.iter().any(|line| line.contains("panic")), "not found: {broken:#?}");
}

/// `tests/archive/symbols.txt` is the list of everything that is exported; `PTQK_BLESS=1` rewrites
/// it. A name that disappears from it breaks users.
#[test]
fn exports_are_the_committed_ones() {
    let lines = nm(&library(), &["-g", "--defined-only"]);
    let exported = names(&lines);
    let path = source("symbols.txt");
    if blessing() {
        fs::write(&path, exported.join("\n") + "\n").unwrap();
    }
    let committed = fs::read_to_string(path).unwrap();
    let committed: Vec<_> = committed.lines().collect();
    let added: Vec<_> = exported.iter().filter(|name| !committed.contains(name)).collect();
    let removed: Vec<_> = committed.iter().filter(|name| !exported.contains(name)).collect();
    assert!(
        added.is_empty() && removed.is_empty(),
        "added {added:?}, removed {removed:?}; PTQK_BLESS=1 cargo test --test archive"
    );
    assert!(committed.is_sorted(), "symbols.txt is not sorted");

    let shared = nm(&libraries().join("libptqk.so"), &["-D", "--defined-only"]);
    assert_eq!(names(&shared), committed, "the shared library exports something else");
}

#[test]
fn header_declares_what_is_exported() {
    let header = fs::read_to_string(root().join("include/ptqk.h")).unwrap();
    let words = header.split(|c: char| !(c.is_ascii_alphanumeric() || "_(".contains(c)));
    let mut declared: Vec<_> = words
        .filter_map(|word| word.split_once('(').map(|(name, _)| name))
        .filter(|name| name.starts_with("ptqk_"))
        .collect();
    declared.sort_unstable();
    declared.dedup();
    assert_eq!(declared, names(&nm(&library(), &["-g", "--defined-only"])));
}

/// One program with two Rust archives, in both orders, even with every object of ours linked.
#[test]
fn links_beside_another_rust_archive() {
    let (other, notes) = rustc("other", &["--print=native-static-libs"]);
    let needed = notes.lines().find_map(|line| line.split_once("native-static-libs:"));
    let needed: Vec<_> = needed.expect("rustc lists them").1.split_whitespace().collect();
    let (ours, other) = (library(), other);
    let (ours, other) = (ours.to_str().unwrap(), other.to_str().unwrap());
    let whole = ["-Wl,--whole-archive", ours, "-Wl,--no-whole-archive", other];
    for archives in [&[ours, other][..], &[other, ours], &whole] {
        run(&mut Command::new(program("beside.c", &[archives, &needed[..]].concat())));
    }
}

/// The functions run under a malloc that aborts; so does a control, which must not survive.
#[test]
fn never_allocates() {
    let program = program("no_malloc.c", &[library().to_str().unwrap()]);
    run(&mut Command::new(&program));
    let control = output(Command::new(&program).arg("control"));
    assert_eq!(control.status.code(), None, "the guard does not work: {}", control.status);
}
