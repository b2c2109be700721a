"""The peers of `peers.py` that are not PyTorch loops: JAX, and Keras on each backend.

Both build the network from PyTorch's layers and start from its weights.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from peer_loops import (
    EPSILON,
    LEARNING_RATE,
    VALIDATION_BATCH,
    VALIDATION_IMAGES,
    Epoch,
    Setting,
    Turns,
)
from torch import nn

SELU = (1.6732632423543772, 1.0507009873554805)  # alpha and lambda, for alpha dropout
BETAS = (0.9, 0.999)


def jax_scan(setting: Setting, turns: Turns) -> None:
    """JAX: an epoch is one compiled `lax.scan` over the batches, uint8 images on the device.

    Tried and slower, or no faster, on two cores: a call for each batch, images gathered before the
    scan, floats in memory, an unrolled scan, the optimiser over a tree of parameters.
    """
    import jax
    import jax.numpy as jnp
    import optax
    from jax.flatten_util import ravel_pytree

    data, statistics = setting.data, setting.data.standardisation
    mean, deviation = (
        jnp.asarray(each.flatten().numpy()) for each in (statistics.mean, statistics.deviation)
    )
    train, validation = (
        (jnp.asarray(each.images.flatten(1).numpy()), jnp.asarray(each.labels.int().numpy()))
        for each in (data.train_images, data.validation_images)
    )
    apply, weights, running = jax_network(setting.network())
    weights, shaped = ravel_pytree(weights)  # one vector: the optimiser is a single loop over it
    optimiser = optax.nadam(LEARNING_RATE, *BETAS, eps=EPSILON)

    def losses(weights: Any, running: Any, pixels: Any, labels: Any, key: Any) -> Any:
        images = (pixels.astype(jnp.float32) - mean) / deviation
        logits, running = apply(shaped(weights), running, images, key)
        each = optax.softmax_cross_entropy_with_integer_labels(logits, labels)
        return each.mean(), (running, logits)

    def step(carried: Any, chosen: Any) -> Any:
        weights, state, running, key, images, labels = carried
        key, mask = jax.random.split(key)
        gradient = jax.value_and_grad(losses, has_aux=True)
        (loss, (running, _)), slopes = gradient(
            weights, running, images[chosen], labels[chosen], mask
        )
        updates, state = optimiser.update(slopes, state, weights)
        weights = optax.apply_updates(weights, updates)
        return (weights, state, running, key, images, labels), loss

    def epoch(learned: Any, images: Any, labels: Any, order: Any) -> Any:
        whole = len(order) // setting.batch_size * setting.batch_size
        carried = (*learned, images, labels)
        carried, each = jax.lax.scan(step, carried, order[:whole].reshape(-1, setting.batch_size))
        total = each.sum() * setting.batch_size
        if whole < len(order):
            carried, last = step(carried, order[whole:])
            total += last * (len(order) - whole)
        return carried[:4], total / len(order)

    def evaluate(weights: Any, running: Any, images: Any, labels: Any) -> Any:
        loss, (_, logits) = losses(weights, running, images, labels, None)
        return loss, (logits.argmax(1) == labels).mean()

    epoch, evaluate = jax.jit(epoch, donate_argnums=0), jax.jit(evaluate)
    learned = (weights, optimiser.init(weights), running, jax.random.key(0))
    parts = [slice(i, i + VALIDATION_BATCH) for i in range(0, VALIDATION_IMAGES, VALIDATION_BATCH)]
    order, random = setting.order(0).int().numpy(), np.random.default_rng(0)
    while True:
        turns.wait()
        started = time.perf_counter()
        learned, loss = epoch(learned, *train, jnp.asarray(order))
        train_loss = float(loss)
        trained = time.perf_counter()
        pairs = [
            evaluate(learned[0], learned[2], *(each[part] for each in validation)) for part in parts
        ]
        val_loss = float(np.mean([loss for loss, _ in pairs]))
        turns.report(Epoch(trained - started, time.perf_counter() - trained, train_loss, val_loss))
        order = random.permutation(setting.images).astype(np.int32)


def jax_network(network: nn.Sequential) -> tuple[Callable[..., Any], list[Any], list[Any]]:
    """A function of weights, running statistics, images and a key; the weights; the statistics.

    Without a key it predicts: running statistics, no dropout. Returns logits and new statistics.
    """
    import jax
    import jax.numpy as jnp

    layers = list(network)[1:]  # without Flatten
    weights = [[jnp.asarray(transposed(each)) for each in layer.parameters()] for layer in layers]
    running = [
        [jnp.asarray(layer.running_mean.numpy()), jnp.asarray(layer.running_var.numpy())]
        if isinstance(layer, nn.BatchNorm1d)
        else []
        for layer in layers
    ]

    def normalised(layer: nn.BatchNorm1d, weights: Any, running: Any, x: Any, key: Any) -> Any:
        mean, variance = running
        if key is not None:
            mean, variance, count = x.mean(0), x.var(0), len(x)
            seen = (mean, variance * count / (count - 1))
            running = [
                old + layer.momentum * (new - old) for old, new in zip(running, seen, strict=True)
            ]
        scale = weights[0] / jnp.sqrt(variance + layer.eps)
        return (x - mean) * scale + weights[1], running

    def dropped(rate: float, x: Any, key: Any) -> Any:
        if key is None:
            return x
        floor = -SELU[0] * SELU[1]
        scale = ((1 - rate) * (1 + rate * floor**2)) ** -0.5
        kept = jax.random.bernoulli(key, 1 - rate, x.shape)
        return scale * jnp.where(kept, x, floor) - scale * floor * rate

    def apply(weights: Any, running: Any, x: Any, key: Any) -> Any:
        after = []
        for index, (layer, own, statistics) in enumerate(
            zip(layers, weights, running, strict=True)
        ):
            if isinstance(layer, nn.Linear):
                x = x @ own[0] + own[1] if len(own) > 1 else x @ own[0]
            elif isinstance(layer, nn.BatchNorm1d):
                x, statistics = normalised(layer, own, statistics, x, key)
            elif isinstance(layer, nn.AlphaDropout):
                x = dropped(layer.p, x, key if key is None else jax.random.fold_in(key, index))
            else:
                x = jax.nn.elu(x) if isinstance(layer, nn.ELU) else jax.nn.selu(x)
            after.append(statistics)
        return x, after

    return apply, weights, running


def transposed(values: torch.Tensor) -> Any:
    """The array (inputs, outputs) of a weight (outputs, inputs); a vector as it is."""
    array = values.detach().numpy()
    return array.T if array.ndim == 2 else array


def keras_fit(setting: Setting, turns: Turns, *, backend: str, steps: int) -> None:
    """Keras: `fit` on standardised floats in memory, without callbacks.

    steps: of one execution; Keras bundles as many calls.
    """
    os.environ |= {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras

    (images, labels), held_out = (
        (each.flatten(1).numpy(), answers.numpy()) for each, answers in setting.floats()
    )
    model = keras.Sequential(
        [keras.layers.Input(images.shape[1:]), *keras_layers(setting.network())]
    )
    model.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        optimizer=keras.optimizers.Nadam(LEARNING_RATE, *BETAS, epsilon=EPSILON),
        metrics=["accuracy"],
        steps_per_execution=steps,
    )

    order = setting.order(0).numpy()
    images, labels, shuffled = images[order], labels[order], False
    while True:
        turns.wait()
        started = time.perf_counter()
        history = model.fit(
            images, labels, batch_size=setting.batch_size, shuffle=shuffled, verbose=0
        ).history
        trained = time.perf_counter()
        val_loss = model.evaluate(*held_out, batch_size=VALIDATION_BATCH, verbose=0)[0]
        rest = time.perf_counter() - trained
        turns.report(Epoch(trained - started, rest, history["loss"][0], val_loss))
        shuffled = True


def keras_layers(network: nn.Sequential) -> Iterator[Any]:
    """Keras's layers with the weights of PyTorch's."""
    from keras import initializers, layers

    def start(values: torch.Tensor) -> Any:
        return initializers.Constant(transposed(values))

    for layer in network:
        if isinstance(layer, nn.Linear):
            yield layers.Dense(
                layer.out_features,
                use_bias=layer.bias is not None,
                kernel_initializer=start(layer.weight),
            )
        elif isinstance(layer, nn.BatchNorm1d):
            yield layers.BatchNormalization(momentum=1 - layer.momentum, epsilon=layer.eps)
        elif isinstance(layer, nn.AlphaDropout):
            yield layers.AlphaDropout(layer.p)
        elif not isinstance(layer, nn.Flatten):
            yield layers.Activation("elu" if isinstance(layer, nn.ELU) else "selu")
