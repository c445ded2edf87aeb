#!/bin/sh
# Cuts an archive that cargo made down to the object of one crate.
#
#     repack.sh CRATE ARCHIVE OUTPUT      writes OUTPUT, and CRATE.o beside it
#
# Cargo adds the compiler's run-time library to every archive, with global names that other archives
# have too. The fat-LTO object of the crate needs nothing of it, which is checked: whatever it does
# not define must be one of the memory functions of libc. AR and NM name the tools. An OUTPUT that
# would not change is left alone.
set -eu
crate=$1 archive=$2 output=$3
ar=${AR:-ar} nm=${NM:-nm}
folder=$(dirname "$output")

fail() {
    echo "repack.sh: $archive: $*" >&2
    exit 1
}

member=$($ar t "$archive" | grep "^$crate[-.].*\.o\$") || fail "no object of the crate $crate"
[ "$(echo "$member" | wc -l)" -eq 1 ] || fail "more than one object of the crate $crate (is LTO off?):" $member

scratch=$(mktemp -d "$folder/repack.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
$ar p "$archive" "$member" > "$scratch/$crate.o"
$nm -u "$scratch/$crate.o" > "$scratch/undefined" || fail "$nm cannot read the object"

# An underscore in front is the way of macOS. The __aarch64_ and __aeabi_ helpers are part of the
# run-time library that every C compiler for ARM links by itself.
missing=$(sed -e 's/^.*[[:space:]]//' -e 's/^_mem/mem/' -e 's/^_bcmp/bcmp/' "$scratch/undefined" \
    | grep -v -x -e memcpy -e memset -e memmove -e memcmp -e bcmp -e '__aarch64_.*' -e '__aeabi_.*' || true)
[ -z "$missing" ] || fail "$crate needs more than the memory functions of libc:" $missing

(cd "$scratch" && ZERO_AR_DATE=1 $ar rcs out.a "$crate.o")
# Moved into place, so that nobody links half an archive.
if ! cmp -s "$scratch/out.a" "$output" || ! cmp -s "$scratch/$crate.o" "$folder/$crate.o"; then
    mv "$scratch/$crate.o" "$folder/$crate.o"
    mv "$scratch/out.a" "$output"
fi
