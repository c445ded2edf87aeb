"""Times of NNCF's own GPTQ, without the model around it.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 taskset -c 1 python benches/peers/gptq.py 2048

Needs nncf and openvino. int4_sym in groups of 128, 128 samples of 128 tokens, as benches/gptq.rs. Prints
milliseconds of the Hessian and of all that follows, of two runs.
"""

import sys

from layer import compress, timed
from nncf.quantization.algorithms.weight_compression.gptq import GPTQ


def main():
    channels = int(sys.argv[1])
    hessian, quantize = timed(GPTQ, "_calculate_hessian"), timed(GPTQ, "_quantize_weights")
    compress(channels, 128, gptq=True)
    for times in zip(hessian, quantize):
        print("{}: Hessian {:.0f}, GPTQ {:.0f}".format(channels, *times))


if __name__ == "__main__":
    main()
