#!/usr/bin/env python3
"""Makes vectors.rs: codebooks that NNCF 3.4.0 estimates for inputs that tests/codebook.rs makes, too.

Needs nncf==3.4.0 and openvino. Run it in this folder: python3 vectors.py > vectors.rs
"""

import sys
from types import SimpleNamespace

import numpy as np
from nncf.common.tensor_statistics.statistics import WCTensorStatistic
from nncf.experimental.quantization.algorithms.weight_compression.codebook_estimation import CodebookEstimation
from nncf.parameters import CompressWeightsMode
from nncf.quantization.algorithms.weight_compression.config import WeightCompressionConfig
from nncf.tensor import Tensor

CB4 = [-3.5, -2.5, -1.875, -1.375, -1, -0.625, -0.3125, 0, 0.28125, 0.5625, 0.875, 1.125, 1.5, 2, 2.5, 3.5]


class Lcg:
    """The generator of the tests: every number is made of integers or by exact operations."""

    def __init__(self, seed):
        self.state = seed ^ 0x9E3779B97F4A7C15
        self.bits()

    def bits(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 32

    def unit(self):
        bits = self.bits()
        return np.float32(((bits - 2**32 if bits >= 2**31 else bits) >> 8) / 8388608)


def weight(rng, skew):
    """Many small numbers, few large ones; `skew` makes one sign rarer."""
    u = rng.unit()
    square = u * u
    return square * u + np.float32(skew) * square


def matrix(rng, rows, cols, make):
    return np.array([[make(rng) for _ in range(cols)] for _ in range(rows)], dtype=np.float32)


def estimate(seed, shapes, skew, group, elements, across, samples):
    rng = Lcg(seed)
    weights, stats = [], []
    for rows, cols in shapes:
        weights.append(Tensor(matrix(rng, rows, cols, lambda rng: weight(rng, skew))))
        x = matrix(rng, cols, samples, Lcg.unit)
        means = [Tensor(np.ascontiguousarray(x[:, i])) for i in range(samples)]
        stats.append(WCTensorStatistic(means, [(1, cols)] * samples))
    algorithm = CodebookEstimation(across_blocks=across, num_elements=elements)
    codebook = Tensor(np.array(CB4, dtype=np.float32))
    mode = CompressWeightsMode.ADAPTIVE_CODEBOOK
    config = WeightCompressionConfig(mode=mode, group_size=group, codebook_values=codebook)
    params = SimpleNamespace(reduction_axes=(1,))
    if across:
        found = algorithm.calculate_codebook_for_group(stats, weights, (1,), config, params)
    else:
        found = algorithm.calculate_codebook(stats[0], weights[0], (1,), config, params)
    return found.as_numpy_tensor().data.astype(np.float32)


CASES = [
    # seed, shapes, skew, group_size, num_elements, across_blocks, samples
    (1, [(96, 256)], 0.0, -1, 16, False, 8),
    (2, [(96, 256)], 0.25, -1, 16, False, 33),
    (3, [(128, 192)], 0.5, 64, 16, False, 8),
    (4, [(128, 192)], 0.5, 32, 16, False, 40),
    (5, [(96, 256)], 0.75, -1, 8, False, 8),
    (6, [(160, 160)], 0.5, -1, 12, False, 8),
    (7, [(96, 256)], -0.5, -1, 16, False, 8),
    (8, [(96, 256), (64, 256), (130, 256)], 0.25, -1, 16, True, 8),
    (9, [(300, 300), (50, 300)], 0.5, -1, 16, True, 16),
    (10, [(300, 300), (50, 300)], -0.5, -1, 10, True, 16),
]


def main():
    print("//! Made by vectors.py with NNCF 3.4.0. Do not edit.\n")
    print("use super::Vector;\n")
    print("pub const VECTORS: &[Vector] = &[")
    for seed, shapes, skew, group, elements, across, samples in CASES:
        found = estimate(seed, shapes, skew, group, elements, across, samples)
        print("    Vector {")
        print(f"        seed: {seed},")
        print(f"        shapes: &{[tuple(s) for s in shapes]},")
        print(f"        skew: {skew},")
        print(f"        group: {group},")
        print(f"        across: {str(across).lower()},")
        print(f"        samples: {samples},")
        print(f"        codebook: &{[float(x) for x in found]},")
        print("    },")
    print("];")


if __name__ == "__main__":
    sys.exit(main())
