#!/usr/bin/env python3
"""Make the committed set of golden vectors from a full one.

    select_subset.py FULL_DIR OUT_DIR [--whole KIND ...] [--dense KIND ...] [--modes KIND ...]
                     [--budget BYTES] [--limit BYTES]

A set is a folder with an `index.json` and one `.safetensors` file per case; README.md beside this
script describes it. The subset has the same form: `index.json` lists just the chosen cases, with
`num_cases`, `total_bytes` and `kinds` counted anew and without the reasons of the tolerances, and the
files are copied byte for byte.

The choice depends on the full set and the options alone, so it can be made again:

* A kind that `--whole` names keeps every case.
* A kind that `--dense` names keeps a case for every mode, every text, flag and bit width of its parameters
  and every expected tensor; integer modes also keep, for the symmetric and the asymmetric ones each,
  every reduction axis and the hard data (ties and edge cases), and a grouped case per mode and per axis. The
  next case taken is the one that adds the most of these per byte.
* A kind that `--modes` names keeps the smallest case of each mode.
* Of every other kind cases are taken while they fit into `--budget`, at least one: first the smallest of
  each mode, then the rest, smallest first.

The script stops with an error if the subset is larger than `--limit`. It needs nothing but Python 3.8.
"""
import argparse
import json
import pathlib
import shutil
import sys


def features(case):
    """What a case of a dense kind shows, as a set of strings."""
    params = case["params"]
    mode = str(params.get("mode"))
    scheme = mode.split("_")[-1]
    found = {f"{name}: {rule['mode']}" for name, rule in case["tolerances"].items()}
    for name, value in params.items():
        if isinstance(value, (str, bool)) or name == "num_bits":
            found.add(f"{name}={value}")
    if mode.startswith("int"):
        found.add(f"{scheme} axis={params['reduction_axis']}")
        if params["style"] in ("edge", "ties"):
            found.add(f"{scheme} style={params['style']}")
        if params["group_size"] > 0:
            found |= {f"{mode} in groups", f"axis={params['reduction_axis']} in groups"}
    return found


def cover(cases, sizes):
    """The cases that together show every feature of `cases`, by greedy cover."""
    shown = {case["id"]: features(case) for case in cases}
    lacking = set().union(*shown.values())
    chosen = set()
    while lacking:
        best = max(shown, key=lambda name: (len(shown[name] & lacking) / sizes[name], name))
        chosen.add(best)
        lacking -= shown[best]
    # A case may have become superfluous through later ones: drop the largest such first.
    for name in sorted(chosen, key=lambda name: (-sizes[name], name)):
        if shown[name] <= set().union(*(shown[other] for other in chosen if other != name)):
            chosen.remove(name)
    return chosen


def by_size(cases, sizes):
    """The smallest case first."""
    return sorted(cases, key=lambda case: (sizes[case["id"]], case["id"]))


def smallest(cases, sizes):
    """The smallest case of each mode, with and without estimated scales."""
    first = {}
    for case in by_size(cases, sizes):
        params = case["params"]
        first.setdefault((params.get("mode"), params.get("scale_estimation")), case["id"])
    return list(first.values())


def fill(cases, sizes, budget):
    """The smallest case of each mode, then the smallest others, as far as the budget goes."""
    ordered = by_size(cases, sizes)
    names = smallest(cases, sizes)
    names += [case["id"] for case in ordered if case["id"] not in names]
    chosen = {names[0]}
    for name in names[1:]:
        if sum(sizes[other] for other in chosen) + sizes[name] <= budget:
            chosen.add(name)
    return chosen


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    path, show = pathlib.Path, "(default: %(default)s)"
    parser.add_argument("full", metavar="FULL_DIR", type=path, help="folder of the full set")
    parser.add_argument("out", metavar="OUT_DIR", type=path, help="folder for the subset; old vectors there go")
    parser.add_argument("--whole", metavar="KIND", nargs="*", default=["qparams"], help=f"kinds to keep whole {show}")
    parser.add_argument("--dense", metavar="KIND", nargs="*", default=["fakequant", "lora", "wc"], help=f"kinds to cover {show}")
    parser.add_argument("--modes", metavar="KIND", nargs="*", default=["gptq"], help=f"kinds with every mode {show}")
    parser.add_argument("--budget", metavar="BYTES", type=int, default=125_000, help=f"for every other kind {show}")
    parser.add_argument("--limit", metavar="BYTES", type=int, default=6_000_000, help=f"for the subset {show}")
    args = parser.parse_args()
    if args.out.resolve() == args.full.resolve():
        parser.error("OUT_DIR must not be FULL_DIR")
    return args


def main():
    args = arguments()
    index = json.loads((args.full / "index.json").read_text())
    sizes = {case["id"]: (args.full / case["file"]).stat().st_size for case in index["cases"]}
    kinds = {}
    for case in index["cases"]:
        kinds.setdefault(case["kind"], []).append(case)
    chosen = set()
    for kind, cases in kinds.items():
        if kind in args.whole:
            chosen |= {case["id"] for case in cases}
        elif kind in args.dense:
            chosen |= cover(cases, sizes)
        elif kind in args.modes:
            chosen |= set(smallest(cases, sizes))
        else:
            chosen |= fill(cases, sizes, args.budget)

    subset = [case for case in index["cases"] if case["id"] in chosen]
    for case in subset:
        for rule in case["tolerances"].values():
            rule.pop("why", None)
    index.update(
        num_cases=len(subset),
        total_bytes=sum(sizes[case["id"]] for case in subset),
        kinds={kind: sum(case["kind"] == kind for case in subset) for kind in kinds},
    )
    # The head indented, then a line per case: a change of the set shows case by case.
    head = json.dumps({key: value for key, value in index.items() if key != "cases"}, indent=1)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in subset)
    text = f'{head[:-2]},\n "cases": [\n{lines}\n]}}\n'
    if index["total_bytes"] + len(text) > args.limit:
        sys.exit(f"{index['total_bytes'] + len(text)} bytes exceed the limit of {args.limit}")

    args.out.mkdir(parents=True, exist_ok=True)
    for old in args.out.glob("*.safetensors"):
        old.unlink()
    for case in subset:
        target = args.out / case["file"]
        shutil.copyfile(args.full / case["file"], target)
        target.chmod(0o644)
    (args.out / "index.json").write_text(text)
    print(f"{len(subset)} cases, {index['total_bytes']} bytes of vectors, {len(text)} bytes of index")
    for kind, count in index["kinds"].items():
        size = sum(sizes[case["id"]] for case in subset if case["kind"] == kind)
        print(f"{kind:24} {count:4} of {len(kinds[kind]):4}, {size:8} bytes")


if __name__ == "__main__":
    main()
