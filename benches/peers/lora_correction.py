"""Low-rank correction with the LAPACK calls of NNCF 3.4.0 (lora_correction.py), to compare times with.

    OPENBLAS_NUM_THREADS=1 taskset -c 1 python benches/peers/lora_correction.py 2048

Needs numpy and scipy. int4_sym in groups of 128, 128 samples, 3 iterations with regularization, as benches/lora.rs.
Prints milliseconds of the decomposition, of the iterations, and of both.
"""

import sys
import time

import numpy as np
import scipy.linalg

GROUP, SAMPLES, ITERATIONS = 128, 128, 3


def correction(residual, samples, rank):
    start = time.perf_counter()
    groups = np.abs(samples).max(1).reshape(-1, GROUP)
    importance = groups / groups.sum(1, keepdims=True)
    importance /= importance.max(1, keepdims=True)
    u, sigma, vt = np.linalg.svd(importance.reshape(-1, 1) * residual, full_matrices=False)
    u, v = u[:, :rank], sigma[:rank, None] * vt[:rank]
    decomposed = time.perf_counter()
    errors = samples.T @ residual
    identity = np.eye(len(residual), dtype=np.float32)
    for _ in range(ITERATIONS):
        left = np.concatenate([u, samples.T @ u])
        v = scipy.linalg.lstsq(left, np.concatenate([residual, errors]), lapack_driver="gelsy")[0]
        inverse = np.linalg.pinv(v)
        left = np.concatenate([identity, samples.T])
        right = np.concatenate([residual @ inverse, errors @ inverse])
        u = scipy.linalg.lstsq(left, right, lapack_driver="gelsy")[0]
    end = time.perf_counter()
    return [1000 * t for t in (decomposed - start, end - decomposed, end - start)]


def main():
    n = int(sys.argv[1])
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((n, n)).astype(np.float32)
    groups = weights.reshape(n, -1, GROUP)
    scale = np.abs(groups).max(-1, keepdims=True) / 8
    restored = (np.clip(np.round(groups / scale), -8, 7) * scale).reshape(n, n)
    samples = np.abs(rng.standard_normal((n, SAMPLES))).astype(np.float32)
    for rank in (8, 256):
        times = correction((weights - restored).T, samples, rank)
        print(f"{n}, rank {rank}:", ", ".join(f"{t:.0f}" for t in times))


if __name__ == "__main__":
    main()
