"""Times of NNCF's own low-rank correction, without the model around it.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 taskset -c 1 python benches/peers/lora_correction.py 2048 8

Needs nncf and openvino. A layer of so many channels and a rank; int4_sym in groups of 128, 128 samples, 3 iterations,
as benches/lora.rs. Prints milliseconds of two runs.
"""

import sys
import time

import nncf
import numpy as np
import openvino as ov
from nncf.quantization.advanced_parameters import (
    AdvancedCompressionParameters,
    AdvancedLoraCorrectionParameters,
)
from nncf.quantization.algorithms.weight_compression.lora_correction import LoraCorrectionAlgorithm
from openvino import opset13 as opset

SAMPLES, TOKENS = 128, 2

times = []


def timed(method):
    def call(*args, **kwargs):
        start = time.perf_counter()
        result = method(*args, **kwargs)
        times.append(1000 * (time.perf_counter() - start))
        return result

    return call


def main():
    n, rank = int(sys.argv[1]), int(sys.argv[2])
    method = LoraCorrectionAlgorithm.calculate_adapters
    LoraCorrectionAlgorithm.calculate_adapters = timed(method)
    rng = np.random.default_rng(0)
    samples = [rng.standard_normal((1, TOKENS, n)).astype(np.float32) for _ in range(SAMPLES)]
    lora = AdvancedLoraCorrectionParameters(adapter_rank=rank)
    for _ in range(2):
        x = opset.parameter([1, TOKENS, n], np.float32)
        weights = opset.constant(rng.standard_normal((n, n)).astype(np.float32))
        model = ov.Model([opset.matmul(x, weights, False, True)], [x])
        nncf.compress_weights(
            model,
            mode=nncf.CompressWeightsMode.INT4_SYM,
            group_size=128,
            ratio=1.0,
            all_layers=True,
            lora_correction=True,
            subset_size=SAMPLES,
            dataset=nncf.Dataset(samples),
            advanced_parameters=AdvancedCompressionParameters(lora_correction_params=lora),
        )
    for taken in times:
        print(f"{n}, rank {rank}: {taken:.0f}")


if __name__ == "__main__":
    main()
