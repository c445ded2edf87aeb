"""Times of NNCF's own GPTQ, without the model around it.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 taskset -c 1 python benches/peers/gptq_nncf.py 2048

Needs nncf and openvino. int4_sym in groups of 128, 128 samples of 128 tokens, as benches/gptq.rs. Prints
milliseconds of the Hessian and of all that follows, of two runs.
"""

import sys
import time

import nncf
import numpy as np
import openvino as ov
from nncf.quantization.algorithms.weight_compression.gptq import GPTQ
from openvino import opset13 as opset

SAMPLES, TOKENS = 128, 128


def timed(name, times):
    method = getattr(GPTQ, name)

    def call(*args, **kwargs):
        start = time.perf_counter()
        result = method(*args, **kwargs)
        times.append(1000 * (time.perf_counter() - start))
        return result

    setattr(GPTQ, name, call)


def main():
    n = int(sys.argv[1])
    rng = np.random.default_rng(0)
    hessian, quantize = [], []
    timed("_calculate_hessian", hessian)
    timed("_quantize_weights", quantize)
    samples = [rng.standard_normal((1, TOKENS, n)).astype(np.float32) for _ in range(SAMPLES)]
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
            gptq=True,
            subset_size=SAMPLES,
            dataset=nncf.Dataset(samples),
        )
    for times in zip(hessian, quantize):
        print("{}: Hessian {:.0f}, GPTQ {:.0f}".format(n, *times))


if __name__ == "__main__":
    main()
