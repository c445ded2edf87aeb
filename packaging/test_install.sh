#!/usr/bin/env bash
# Installs into a folder, moves it, and builds a program against it in every way that is offered:
# pkg-config and CMake, the static and the shared library, C and C++. Needs pkg-config and CMake.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cc=${CC:-cc}
cxx=${CXX:-c++}

fail() {
    echo "test_install.sh: $*" >&2
    exit 1
}

# Runs a program and checks whether it loads the shared library: `started yes|no PROGRAM`.
started() {
    "$2" > /dev/null || fail "$2 fails"
    local loads=no
    if readelf -d "$2" | grep -q 'NEEDED.*\[libptqk\.so\.[0-9]*\]'; then loads=yes; fi
    [ "$loads" = "$1" ] || fail "$2: loads the shared library: $loads, expected $1"
}

# Installs with the given LIBDIR below a DESTDIR, then moves the tree to where PREFIX is not.
install_to() {
    make install PREFIX=/opt/ptqk LIBDIR="/opt/ptqk/$1" DESTDIR="$scratch/stage" > /dev/null
    rm -rf "$scratch/moved"
    mv "$scratch/stage/opt/ptqk" "$scratch/moved"
}

with_pkg_config() {
    local lib=$scratch/moved/$1 example=$root/c_examples/quantize_tensor.c
    export PKG_CONFIG_PATH=$lib/pkgconfig
    local version
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
    [ "$(pkg-config --modversion ptqk)" = "$version" ] || fail "ptqk.pc has another version than Cargo.toml"
    # shellcheck disable=SC2046 # the options are words
    "$cc" "$example" $(pkg-config --cflags --libs ptqk) -lm -o "$scratch/shared"
    LD_LIBRARY_PATH=$lib started yes "$scratch/shared"
    # shellcheck disable=SC2046
    "$cc" "$example" $(pkg-config --cflags ptqk) "$(pkg-config --variable=libdir ptqk)/libptqk.a" -lm \
        -o "$scratch/static"
    started no "$scratch/static"
}

# Asks CMake for a version of the package.
configure() {
    rm -rf "$scratch/project" "$scratch/out"
    mkdir "$scratch/project"
    cp packaging/consumer.cmake "$scratch/project/CMakeLists.txt"
    CC=$cc CXX=$cxx cmake -S "$scratch/project" -B "$scratch/out" -DCMAKE_PREFIX_PATH="$scratch/moved" \
        -DEXAMPLES="$root/c_examples" -DWANTED="$1" > /dev/null
}

with_cmake() {
    configure "$1"
    cmake --build "$scratch/out" > /dev/null
    started no "$scratch/out/static"
    started yes "$scratch/out/shared"
    started no "$scratch/out/layer"
}

series=$(sed -n 's/^version = "\([0-9]*\.[0-9]*\).*"/\1/p' Cargo.toml)
for libdir in lib lib/some-machine; do
    install_to "$libdir"
    with_pkg_config "$libdir"
done

# CMake looks into lib/<machine> for the machine's own name only.
install_to lib
with_cmake "$series"
if configure 99.0 2> /dev/null; then fail "CMake takes ptqk for version 99.0"; fi
echo "pkg-config and CMake find the installed library, static and shared"
