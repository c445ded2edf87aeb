"""GPTQ with the numpy and LAPACK calls of NNCF 3.4.0 (gptq.py), to compare times with.

    OPENBLAS_NUM_THREADS=1 taskset -c 1 python benches/peers/gptq.py 2048

Needs numpy and scipy. int4_sym in groups of 128, blocks of 128 columns, 128 samples of 128 tokens, as
benches/gptq.rs. The inverse of the Hessian is LAPACK's potri, the fastest of the ways that NNCF has on its
backends. Prints milliseconds of the Hessian and of all that follows.
"""

import sys
import time

import numpy as np
from scipy.linalg import lapack

GROUP, BLOCK, SAMPLES, TOKENS, DAMP = 128, 128, 128, 128, 0.1


def hessian(samples, n):
    total = np.zeros((n, n), dtype=np.float32)
    for i, x in enumerate(samples):
        total *= np.float32(i / (i + 1))
        x = x.T * np.float32(np.sqrt(2 / (i + 1)))
        total += x @ x.T
    return total


def inverse_factor(h):
    lower, _ = lapack.spotrf(h, lower=1)
    inverse, _ = lapack.spotri(lower, lower=1)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    upper, _ = lapack.spotrf(inverse, lower=0)
    return np.ascontiguousarray(np.triu(upper))


def quantize(weights, h):
    n = len(h)
    weights = weights.copy()
    h = h + DAMP * np.mean(np.diag(h)) * np.eye(n, dtype=np.float32)
    u = inverse_factor(h)
    result = np.zeros_like(weights)
    losses = np.zeros_like(weights)
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        block = weights[:, start:end].copy()
        errors = np.zeros_like(block)
        rows = u[start:end, start:end]
        for i in range(end - start):
            if (start + i) % GROUP == 0:
                group = weights[:, start + i : start + i + GROUP]
                low, high = group.min(1), group.max(1)
                largest = np.where(np.abs(low) >= high, np.abs(low), -high)
                scale = largest / 8
                scale = np.where(np.abs(scale) < np.finfo(np.float32).eps, np.finfo(np.float32).eps, scale)
            x = block[:, i]
            q = np.clip(np.round(x / scale), -8, 7) * scale
            result[:, start + i] = q
            losses[:, start + i] = (x - q) ** 2 / rows[i, i] ** 2
            error = (x - q) / rows[i, i]
            block[:, i:] -= error[:, None] @ rows[None, i, i:]
            errors[:, i] = error
        weights[:, end:] -= errors @ u[start:end, end:]
    return result


def main():
    n = int(sys.argv[1])
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((n, n)).astype(np.float32)
    samples = rng.standard_normal((SAMPLES, TOKENS, n)).astype(np.float32)
    for _ in range(2):
        start = time.perf_counter()
        h = hessian(samples, n)
        middle = time.perf_counter()
        quantize(weights, h)
        end = time.perf_counter()
        print(f"{n}: Hessian {1000 * (middle - start):.0f}, GPTQ {1000 * (end - middle):.0f}")


if __name__ == "__main__":
    main()
