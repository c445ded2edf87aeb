"""One layer that NNCF compresses, and the time that a part of NNCF takes for it: what the other scripts share."""

import time

import nncf
import numpy as np
import openvino as ov
from openvino import opset13 as opset

SAMPLES = 128


def timed(owner, name):
    """Has a method measured: the list to which each call adds its milliseconds."""
    method, times = getattr(owner, name), []

    def call(*args, **kwargs):
        start = time.perf_counter()
        result = method(*args, **kwargs)
        times.append(1000 * (time.perf_counter() - start))
        return result

    setattr(owner, name, call)
    return times


def compress(channels, tokens, **options):
    """Compresses square layers to int4_sym in groups of 128, twice, with 128 samples of so many tokens."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    samples = [normal(1, tokens, channels) for _ in range(SAMPLES)]
    for _ in range(2):
        x = opset.parameter([1, tokens, channels], np.float32)
        weights = opset.constant(normal(channels, channels))
        nncf.compress_weights(
            ov.Model([opset.matmul(x, weights, False, True)], [x]),
            mode=nncf.CompressWeightsMode.INT4_SYM,
            group_size=128,
            ratio=1.0,
            all_layers=True,
            subset_size=SAMPLES,
            dataset=nncf.Dataset(samples),
            **options,
        )
