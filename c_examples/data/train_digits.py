#!/usr/bin/env python3
"""Train the small network that c_examples/digits.c quantizes.

The data is the "Optical Recognition of Handwritten Digits" set of E. Alpaydin and C. Kaynak
(UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0) in the form in
which scikit-learn ships it: 1797 scans of 8 x 8 pixels, each pixel an integer from 0 to 16.
1197 of them train a 64-256-256-10 perceptron with ReLU, 600 are kept for the test.

Writes three files beside this script:

    digits_mlp.safetensors          F32 fc{1,2,3}.weight [out, in] and fc{1,2,3}.bias [out];
                                    the network's inputs are pixel / 16
    digits_test.safetensors         U8 images [600, 64], U8 labels [600]
    digits_calibration.safetensors  U8 images [256, 64], taken from the training images

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train_digits.py

The versions in requirements.txt and one BLAS thread make the result repeatable; another CPU may
still round the training differently in the last bits. The committed files are the ones to use.
"""

import os

# A BLAS that splits its sums over threads would give other weights on another machine size.
# It reads these when it is loaded, so they come before the imports.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from pathlib import Path

import numpy as np
from safetensors.numpy import save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

SEED = 1
TEST_IMAGES = 600
CALIBRATION_IMAGES = 256
PIXEL_MAX = 16

# One entry only: safetensors writes several in an order that changes from run to run.
METADATA = {
    "source": "Optical Recognition of Handwritten Digits, https://doi.org/10.24432/C50P49, CC BY 4.0"
}


def network_tensors(model: MLPClassifier) -> dict[str, np.ndarray]:
    """The trained parameters as [out, in] matrices and bias vectors."""
    tensors = {}
    for layer, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_), start=1):
        tensors[f"fc{layer}.weight"] = np.ascontiguousarray(weight.T, dtype=np.float32)
        tensors[f"fc{layer}.bias"] = np.ascontiguousarray(bias, dtype=np.float32)
    return tensors


def classify(tensors: dict[str, np.ndarray], images: np.ndarray) -> np.ndarray:
    """What digits.c computes in floating point, from the tensors as they are stored."""
    x = images.astype(np.float32) / PIXEL_MAX
    for layer in (1, 2):
        x = np.maximum(x @ tensors[f"fc{layer}.weight"].T + tensors[f"fc{layer}.bias"], 0)
    return np.argmax(x @ tensors["fc3.weight"].T + tensors["fc3.bias"], axis=1)


def main() -> None:
    digits = load_digits()
    images, labels = digits.data.astype(np.uint8), digits.target.astype(np.uint8)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=TEST_IMAGES, stratify=labels, random_state=SEED
    )

    model = MLPClassifier(
        hidden_layer_sizes=(256, 256),
        alpha=1e-2,  # weight decay
        batch_size=64,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=20,
        max_iter=200,
        random_state=SEED,
    )
    model.fit(train_x.astype(np.float32) / PIXEL_MAX, train_y)

    tensors = network_tensors(model)
    accuracy = np.mean(classify(tensors, test_x) == test_y)
    print(f"{len(train_x)} training images, {model.n_iter_} epochs, test accuracy {accuracy:.2%}")

    files = {
        "digits_mlp": tensors,
        "digits_test": {"images": test_x, "labels": test_y},
        "digits_calibration": {"images": np.ascontiguousarray(train_x[:CALIBRATION_IMAGES])},
    }
    for name, content in files.items():
        path = Path(__file__).resolve().parent / f"{name}.safetensors"
        path.write_bytes(save(content, METADATA))


if __name__ == "__main__":
    main()
