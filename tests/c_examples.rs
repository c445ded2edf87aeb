//! C and C++ programs against the header and the archive: every example builds without a warning,
//! runs, and confirms its own result.
//!
//! `CC` and `CXX` name the compilers. `PTQK_RUNNER` is put in front of every program, for valgrind.

#![cfg(all(unix, not(miri)))]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reports a failure by its panic"
)]

#[path = "common/archive.rs"]
mod archive;

use archive::{archive, both, call, files, output, root, run, scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

/// What `ptqk.hpp` and its users keep besides.
const STRICT_CXX: [&str; 2] = ["-Wconversion", "-Wshadow"];

fn c() -> Command {
    call("CC", "cc")
}

fn cxx() -> Command {
    call("CXX", "c++")
}

/// Compiles one source to a program in the folder of the test; the archive is all that it is linked
/// with, besides what the example itself uses: mathematics and threads.
fn build(test: &str, mut compiler: Command, standard: &str, source: &Path) -> PathBuf {
    let name = source.file_name().unwrap().to_str().unwrap();
    let program = scratch(&format!("examples/{test}")).join(name.replace('.', "_"));
    compiler.arg(standard).arg("-O2").args(STRICT).arg("-I").arg(root().join("include"));
    if standard.contains("++") {
        compiler.args(["-x", "c++"]);
    }
    if source.extension().unwrap() == "cpp" {
        compiler.args(STRICT_CXX);
    }
    compiler.arg(source).args(["-x", "none"]).arg(archive()).arg("-o").arg(&program).arg("-lm");
    let text = fs::read_to_string(source).unwrap();
    if text.contains("<pthread.h>") || text.contains("\"ptqk.hpp\"") {
        compiler.arg("-pthread");
    }
    run(&mut compiler);
    program
}

/// A run of a program, in the folder that the documentation of the examples assumes.
fn start(program: &Path) -> Command {
    let mut command = call("PTQK_RUNNER", program.to_str().unwrap());
    if command.get_program() != program {
        command.arg(program);
    }
    command.current_dir(root());
    command
}

fn build_and_run(
    test: &str,
    compiler: fn() -> Command,
    standard: &str,
    extension: &str,
    least: usize,
) {
    let sources = files("c_examples", extension);
    assert!(sources.len() >= least, "examples are missing: {sources:?}");
    for source in sources {
        let printed = run(&mut start(&build(test, compiler(), standard, &source)));
        assert!(!printed.is_empty(), "{} says nothing", source.display());
    }
}

/// The header alone, with nothing included before it.
fn header_compiles(mut compiler: Command, header: &str, language: &str, standard: &str) {
    let header = root().join("include").join(header);
    compiler.arg(standard).args(STRICT).args(["-fsyntax-only", "-x", language]).arg("-include");
    run(compiler.arg(header).arg("/dev/null"));
}

#[test]
fn header_is_c99_and_c11() {
    header_compiles(c(), "ptqk.h", "c", "-std=c99");
    header_compiles(c(), "ptqk.h", "c", "-std=c11");
}

#[test]
fn examples_run_as_c99() {
    build_and_run("examples_run_as_c99", c, "-std=c99", "c", 5);
}

#[test]
fn examples_run_as_c11() {
    build_and_run("examples_run_as_c11", c, "-std=c11", "c", 5);
}

/// Calibration on any number of ranks prints the same quantizers and the same bytes.
#[test]
#[ignore = "needs Open MPI; CI runs it"]
fn mpi_ranks_agree() {
    // The flags of mpicc, not its own choice of a compiler: MPI's header is C only here.
    let flags = run(call("MPICC", "mpicc").args(["--showme:compile"]));
    let link = run(call("MPICC", "mpicc").args(["--showme:link"]));
    let program = scratch("examples/mpi").join("calibration");
    let mut compiler = c();
    compiler.args(["-std=c99", "-O2"]).args(STRICT).arg("-I").arg(root().join("include"));
    compiler.args(flags.split_whitespace()).arg(root().join("c_examples/mpi/calibration.c"));
    compiler.arg(archive()).arg("-o").arg(&program).args(link.split_whitespace()).arg("-lm");
    run(&mut compiler);
    let printed = ["1", "2", "4"].map(|ranks| {
        let mut command = call("MPIRUN", "mpirun");
        // CI has few cores and one user.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.args(["--oversubscribe", "-n", ranks]).arg(&program).current_dir(root());
        run(&mut command)
    });
    assert_eq!(printed[0].lines().count(), 3, "{}", printed[0]);
    assert_eq!(printed[0], printed[1]);
    assert_eq!(printed[0], printed[2]);
}

/// A model file that ends too early is refused with a message, wherever it ends.
#[test]
fn truncated_model_is_refused() {
    let digits = build("truncated_model", c(), "-std=c99", &root().join("c_examples/digits.c"));
    let folder = scratch("examples/truncated_model/data");
    for file in files("c_examples/data", "safetensors") {
        fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
    let model = folder.join("digits_mlp.safetensors");
    let whole = fs::read(&model).unwrap();
    run(start(&digits).arg(&folder));
    for len in [0, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&model, &whole[..len]).unwrap();
        let result = output(start(&digits).arg(&folder));
        assert!(
            result.status.code().is_some_and(|code| code != 0),
            "{len} bytes: {}",
            result.status
        );
        assert!(!result.stderr.is_empty(), "{len} bytes: no message");
        assert!(result.stdout.is_empty(), "{len} bytes: a table\n{}", both(&result));
    }
}

/// Every function of the header has its C++ wrapper.
#[test]
fn cpp_layer_is_complete() {
    let layer = fs::read_to_string(root().join("include/ptqk.hpp")).unwrap();
    let symbols = fs::read_to_string(root().join("tests/archive/symbols.txt")).unwrap();
    let missing: Vec<_> =
        symbols.lines().filter(|name| !layer.contains(&format!("{name}("))).collect();
    assert!(missing.is_empty(), "include/ptqk.hpp does not call {missing:?}");
}

#[test]
#[ignore = "needs a C++ compiler; CI runs it"]
fn headers_are_cpp17() {
    header_compiles(cxx(), "ptqk.h", "c++", "-std=c++17");
    header_compiles(cxx(), "ptqk.hpp", "c++", "-std=c++17");
}

#[test]
#[ignore = "needs a C++ compiler; CI runs it"]
fn c_examples_run_as_cpp17() {
    build_and_run("c_examples_run_as_cpp17", cxx, "-std=c++17", "c", 5);
}

#[test]
#[ignore = "needs a C++ compiler; CI runs it"]
fn cpp_examples_run() {
    build_and_run("cpp_examples_run", cxx, "-std=c++17", "cpp", 1);
}

/// Errors, exceptions of callbacks, views: what the examples do not show.
#[test]
#[ignore = "needs a C++ compiler; CI runs it"]
fn cpp_layer_behaves() {
    let program = build("cpp_layer", cxx(), "-std=c++17", &root().join("tests/archive/layer.cpp"));
    run(&mut start(&program));
}
