"""Times of NNCF's own low-rank correction, without the model around it.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 taskset -c 1 python benches/peers/lora_correction.py 2048 8

Needs nncf and openvino. A layer of so many channels and a rank; int4_sym in groups of 128, 128 samples, 3 iterations,
as benches/lora.rs. Prints milliseconds of two runs.
"""

import sys

from layer import compress, timed
from nncf.quantization.advanced_parameters import (
    AdvancedCompressionParameters,
    AdvancedLoraCorrectionParameters,
)
from nncf.quantization.algorithms.weight_compression.lora_correction import LoraCorrectionAlgorithm


def main():
    channels, rank = int(sys.argv[1]), int(sys.argv[2])
    times = timed(LoraCorrectionAlgorithm, "calculate_adapters")
    lora = AdvancedLoraCorrectionParameters(adapter_rank=rank)
    options = AdvancedCompressionParameters(lora_correction_params=lora)
    compress(channels, 2, lora_correction=True, advanced_parameters=options)
    for taken in times:
        print(f"{channels}, rank {rank}: {taken:.0f}")


if __name__ == "__main__":
    main()
