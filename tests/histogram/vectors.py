#!/usr/bin/env python3
"""Makes vectors.txt: histograms of numpy and ranges of NNCF, with every float as its bits.

    vectors.py > vectors.txt

Needs numpy and nncf. A line is a word and its numbers:

    case BINS        a histogram
    update BITS...   elements of an update, float32
    count BIN BITS   a count that is not 0, float64
    range BITS BITS  minimum and maximum, float32
    end
"""
import numpy as np
from nncf.common.tensor_statistics.collectors import HistogramAggregator
from nncf.tensor import Tensor


def bits(values):
    return " ".join(f"{bits:08x}" for bits in np.asarray(values, np.float32).view(np.uint32).ravel())


def case(bins, updates):
    aggregator = HistogramAggregator(bins=bins)
    print("case", bins)
    for update in updates:
        update = np.asarray(update, np.float32)
        print("update", bits(update))
        aggregator._register_reduced_input_impl(Tensor(update))
    for i, n in enumerate(np.asarray(aggregator.histogram.data, np.float64)):
        if n != 0:
            print("count", i, f"{n.view(np.uint64):016x}")
    low, high = (value.data for value in aggregator._aggregate_impl().values())
    print("range", bits(low), bits(high))
    print("end")


def main():
    rng = np.random.default_rng(5)
    edges = np.linspace(-0.7, 1.1, 33).astype(np.float32)
    case(32, [np.r_[edges, np.nextafter(edges, np.float32(9)), np.nextafter(edges, np.float32(-9))].clip(edges[0], edges[-1])])
    case(16, [np.arange(-8, 9) / 8])
    case(64, [rng.standard_normal(40), rng.standard_normal(40) * 2, rng.standard_normal(40) * 0.5])
    case(100, [np.maximum(rng.standard_normal(50), 0), np.maximum(rng.standard_normal(50) * 3, 0)])
    case(48, [np.full(5, 0.3), rng.standard_normal(30), rng.standard_normal(30) * 4])
    case(20, [np.full(7, -2.5)])
    case(64, [1000 + rng.standard_normal(40) * 0.05, 1000 + rng.standard_normal(40) * 0.1])
    case(128, [rng.standard_t(2, 60) * 1e-20, rng.standard_t(2, 60) * 1e-19])
    case(256, [rng.standard_t(2, 60) * 1e20, rng.standard_t(2, 20) * 1e22])


if __name__ == "__main__":
    main()
