"""Seconds per epoch beside the textbook's Keras model: same variant, batch and images.

    pip install tensorflow-cpu keras          (the extra "peer")
    python benchmarks/keras_peer.py --out benchmarks/results/keras_peer.json

Each of the two runs in its own process and waits while the other has its turn, so that a
slow moment of the machine hits both. An epoch is 45,000 training images and a validation pass over
5,000; the first, in which graphs are traced and code is compiled, is not counted. Keras gets
standardised floats in memory and no callbacks; ours is the full Trainer with all default ones.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import epoch_time
import torch

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data.statistics import measure
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.provenance import commit, device_name, versions

DEPTH, WIDTH = 20, 100
Epoch = Callable[[], float]


def keras_model(variant: str) -> Any:
    """The textbook's network: He's start, ELU, and for ``batch_norm`` a layer before each ELU."""
    import keras

    layers: list[Any] = [keras.layers.Input((32, 32, 3)), keras.layers.Flatten()]
    normalised = variant == "batch_norm"
    layers += [keras.layers.BatchNormalization()] if normalised else []
    for _ in range(DEPTH):
        layers.append(
            keras.layers.Dense(WIDTH, kernel_initializer="he_normal", use_bias=not normalised)
        )
        layers += [keras.layers.BatchNormalization()] if normalised else []
        layers.append(keras.layers.Activation("elu"))
    layers.append(keras.layers.Dense(10, activation="softmax"))
    model = keras.Sequential(layers)
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.Nadam(learning_rate=epoch_time.LEARNING_RATE),
        metrics=["accuracy"],
    )
    return model


def keras_epoch(variant: str, batch_size: int) -> Epoch:
    """A function that trains the Keras model for an epoch and returns the seconds."""
    train, validation = epoch_time.benchmark_images()
    statistics_ = measure(train.images, "per_pixel")
    (images, labels), held_out = (
        (
            ((each.images.float() - statistics_.mean) / statistics_.deviation)
            .permute(0, 2, 3, 1)
            .contiguous()
            .numpy(),
            each.labels.numpy(),
        )
        for each in (train, validation)
    )
    model = keras_model(variant)
    # The last batch is smaller: both sizes are traced here, and the validation's.
    rest = len(images) % batch_size
    model.fit(
        images[: batch_size + rest],
        labels[: batch_size + rest],
        batch_size=batch_size,
        validation_data=held_out,
        verbose=0,
    )

    def epoch() -> float:
        started = time.perf_counter()
        model.fit(images, labels, batch_size=batch_size, validation_data=held_out, verbose=0)
        return time.perf_counter() - started

    return epoch


def our_epoch(variant: str, batch_size: int) -> Epoch:
    """A function that fits our classifier and returns the seconds of its second epoch."""
    epoch_time.quieten()
    return partial(
        epoch_time.ours,
        *epoch_time.benchmark_images(),
        batch_size,
        variant=VARIANTS[variant],
        compiled=True,
    )


CONTESTANTS: dict[str, Callable[[str, int], Epoch]] = {"ours": our_epoch, "keras": keras_epoch}


def serve(name: str, variant: str, batch_size: int, requests: Connection) -> None:
    """In its own process: one epoch for each request, its seconds as the answer."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    epoch = CONTESTANTS[name](variant, batch_size)
    requests.send("ready")
    while requests.recv() == "epoch":
        requests.send(epoch())


def compared(variant: str, batch_size: int, rounds: int) -> dict[str, Any]:
    """Seconds of every round, medians and the median of the rounds' ratios."""
    context = multiprocessing.get_context("spawn")
    ends, workers = {}, []
    for name in CONTESTANTS:
        ends[name], theirs = context.Pipe()
        workers.append(context.Process(target=serve, args=(name, variant, batch_size, theirs)))
        workers[-1].start()
        theirs.close()
        ends[name].recv()
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, end in ends.items():
            end.send("epoch")
            seconds[name].append(end.recv())
    for end, worker in zip(ends.values(), workers, strict=True):
        end.send("end")
        worker.join()
    pairs = zip(seconds["ours"], seconds["keras"], strict=True)
    return {
        "variant": variant,
        "batch_size": batch_size,
        "seconds": seconds,
        "medians": {name: statistics.median(values) for name, values in seconds.items()},
        "ratio": statistics.median(ours / keras for ours, keras in pairs),
    }


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--variants", nargs="+", default=["elu", "batch_norm"])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    import keras
    import tensorflow

    results = []
    for variant in options.variants:
        result = compared(variant, options.batch_size, options.rounds)
        results.append(result)
        shown = "  ".join(f"{name} {value:.2f} s" for name, value in result["medians"].items())
        print(f"{variant} batch {options.batch_size}: {shown}  ours/keras {result['ratio']:.2f}")
    if options.out:
        theirs = {"keras": keras.__version__, "tensorflow": tensorflow.__version__}
        record = {"versions": versions() | theirs, "commit": commit(), "results": results}
        record["device"] = device_name(torch.device("cpu"))
        write_text_atomically(options.out, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
