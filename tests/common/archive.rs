//! The archive as it is shipped, and the C tools around it. `make lib` builds it, once for all tests,
//! into folders of its own: the test run holds the lock of the usual one.

#![allow(dead_code, reason = "each test program uses its part")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The folder of the package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for what the test `name` makes.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder with `libptqk.a` and the shared library.
pub fn libraries() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = scratch("archive");
        // Other test programs may want the same at the same time.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let mut make = Command::new(tool("MAKE", "make").remove(0));
        make.current_dir(root()).arg("lib").stdout(Stdio::null());
        make.arg(format!("BUILD={}", folder.display()));
        make.arg(format!("CARGO_TARGET_DIR={}", folder.join("cargo").display()));
        // The archive of a user's `make lib`: not instrumented, for this machine, and not a part
        // of the `make test` that may run this.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "MAKEFLAGS"] {
            make.env_remove(name);
        }
        run(&mut make);
        folder
    })
}

/// `libptqk.a`.
pub fn archive() -> PathBuf {
    libraries().join("libptqk.a")
}

/// The words of the environment variable `name`, or `default`.
pub fn tool(name: &str, default: &str) -> Vec<String> {
    let value = std::env::var(name).unwrap_or_default();
    let value = if value.trim().is_empty() { default } else { &value };
    value.split_whitespace().map(String::from).collect()
}

/// A call of the tool that the environment variable `name` names.
pub fn call(name: &str, default: &str) -> Command {
    let words = tool(name, default);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

/// Runs a command that must succeed, and gives what it printed.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, both(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must start.
pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What a command printed.
pub fn both(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// Whether `PTQK_BLESS=1` asks to rewrite what is committed.
pub fn blessing() -> bool {
    std::env::var("PTQK_BLESS").is_ok_and(|value| value == "1")
}

/// The files of a folder of the package that end in `extension`, sorted.
pub fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension() == Some(OsStr::new(extension)));
    files.sort();
    files
}
