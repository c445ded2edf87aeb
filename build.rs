//! With the feature `header`: checks that include/ptqk.h is what the sources say, or rewrites it if
//! `PTQK_BLESS=1`.

fn main() {
    println!("cargo::rerun-if-env-changed=PTQK_BLESS");
    #[cfg(feature = "header")]
    header();
    #[cfg(not(feature = "header"))]
    println!("cargo::rerun-if-changed=build.rs");
}

#[cfg(feature = "header")]
fn header() {
    let root = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let config =
        cbindgen::Config::from_file(format!("{root}/cbindgen.toml")).expect("cbindgen.toml");
    let mut text = Vec::new();
    cbindgen::generate_with_config(&root, config).expect("the sources parse").write(&mut text);
    let text = without_associated_constants(&String::from_utf8(text).expect("a header is text"));
    let text = with_sorted_enums(&text);
    let path = format!("{root}/include/ptqk.h");
    for input in ["src", "cbindgen.toml", "build.rs", "include/ptqk.h"] {
        println!("cargo::rerun-if-changed={input}");
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    if current == text {
        return;
    }
    if std::env::var("PTQK_BLESS").is_ok_and(|v| v == "1") {
        std::fs::write(&path, text).expect("include/ is writable");
    } else {
        println!("cargo::error=include/ptqk.h is not what the sources say; run `make header`");
    }
}

/// cbindgen writes the associated constants of structures (`DEFAULT`) as macros that no C compiler
/// takes; the `_default` functions are their form in C.
#[cfg(feature = "header")]
fn without_associated_constants(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if line.starts_with("#define ptqk_") {
            // Its comment goes with it.
            while lines.pop().is_some_and(|line| line != "/**") {}
        } else if !(line.is_empty() && lines.last().is_some_and(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n") + "\n"
}

/// cbindgen writes enums in an order that differs from run to run.
#[cfg(feature = "header")]
fn with_sorted_enums(text: &str) -> String {
    fn name(paragraph: &str) -> Option<&str> {
        paragraph.lines().find_map(|line| line.strip_prefix("enum "))
    }
    let mut paragraphs: Vec<&str> = text.split("\n\n").collect();
    let mut enums: Vec<&str> = paragraphs.iter().copied().filter(|p| name(p).is_some()).collect();
    enums.sort_by_key(|p| name(p));
    let mut enums = enums.into_iter();
    for paragraph in paragraphs.iter_mut().filter(|p| name(p).is_some()) {
        *paragraph = enums.next().expect("as many as were taken out");
    }
    paragraphs.join("\n\n")
}
