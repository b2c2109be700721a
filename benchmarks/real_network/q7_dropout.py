"""Question 7: steps to a loss with and without dropout, seconds of a step, cost of samples."""

import math
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.real_network.comparing import compared, percent, steps_to
from benchmarks.real_network.runs import Runs, searched, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import Build, generator_of
from benchmarks.real_network.telling import Finding, Record, Told, average, points, signed, table
from benchmarks.real_network.training import IMAGES_AT_ONCE, gradients_of, nadam
from lightning_cifar.networks import alpha_dropout_network, selu_network
from lightning_cifar.stack.network import StackedNetwork, member_losses

RATE = 0.1  # of dropout, as in the exercise
SAMPLES = 10
ROUNDS, TIMED = 15, 20  # of the clock: interleaved rounds, steps in each
CHECKS = 4  # validations in an epoch


def plain(setting: Setting, seed: int) -> nn.Sequential:
    """The SELU network."""
    return selu_network(setting.depth, setting.width, generator_of(seed, "weights"))


def dropped(everywhere: bool, setting: Setting, seed: int) -> nn.Sequential:
    """The same weights with alpha dropout in front of the output, or behind every layer."""
    generator = generator_of(seed, "weights")
    return alpha_dropout_network(setting.depth, setting.width, generator, RATE, everywhere)


def conditions(setting: Setting) -> dict[str, Build]:
    """Without dropout, with one layer of it, with one behind every hidden layer."""
    return {
        "none": partial(plain, setting),
        "last": partial(dropped, False, setting),
        "everywhere": partial(dropped, True, setting),
    }


def measure(setting: Setting) -> Record:
    """Steps, seconds, samples."""
    found = conditions(setting)
    runs = {}
    for name, build in found.items():
        rates = searched({name: build}, setting)
        runs[name] = trained({name: build}, rates, setting, checks=CHECKS)
    # Every run without dropout and with one layer of it reaches this loss.
    reached = [runs[name].curves.losses.amin(0).max() for name in ("none", "last")]
    target = float(torch.stack(reached).max())
    steps = {
        name: steps_to(its.curves.losses, its.curves.steps, target) for name, its in runs.items()
    }
    accuracy = {name: percent(its.curves.accuracy) for name, its in runs.items()}
    loss = {name: its.curves.loss for name, its in runs.items()}
    sampled = {name: sampled_loss(runs[name].stack, setting) for name in ("last", "everywhere")}
    return {
        "rates": {name: its.rates[name] for name, its in runs.items()},
        "target": target,
        "steps": steps,
        "accuracy": accuracy,
        "loss": loss,
        "sampled_loss": sampled,
        "comparisons": compared({"last - none": (steps["last"], steps["none"])}),
        "accuracy_comparisons": compared(
            {f"{name} - none": (accuracy[name], accuracy["none"]) for name in sampled}
        ),
        "sampling": compared(
            {f"{name}, samples - plain": (sampled[name], loss[name]) for name in sampled}
        ),
        "step_seconds": ratios(step_clocks(found, setting), "none"),
        "predict_seconds": ratios(prediction_clocks(runs, setting), "plain"),
    }


@torch.no_grad()
def sampled_loss(stack: StackedNetwork, setting: Setting) -> Tensor:
    """Validation loss of the mean of ``SAMPLES`` predictions with dropout, (members,)."""
    stack.train()
    total = torch.zeros(stack.members, dtype=torch.float64)
    data = setting.validation
    for images, labels in zip(
        data.images.split(IMAGES_AT_ONCE), data.labels.split(IMAGES_AT_ONCE), strict=True
    ):
        standardised = setting.standardise(images)
        mean: Any = sum(stack(standardised).softmax(-1) for _ in range(SAMPLES)) / SAMPLES
        total += member_losses(mean.log(), labels).double() * len(labels)
    return total / len(data)


def step_clocks(found: Mapping[str, Build], setting: Setting) -> dict[str, Callable[[], object]]:
    """Name -> some training steps of a single network."""
    images = setting.train.images[: setting.batch_size]
    labels = setting.train.labels[: setting.batch_size]

    def clock(build: Build) -> Callable[[], object]:
        stack = StackedNetwork([build(0)]).train()
        optimiser = nadam(stack, [1e-4])
        gradients = gradients_of(stack, optimiser, setting, 1)

        def steps() -> None:
            for _ in range(TIMED):
                gradients(images, labels)
                optimiser.step()

        return steps

    return {name: clock(build) for name, build in found.items()}


def prediction_clocks(runs: Mapping[str, Runs], setting: Setting) -> dict[str, Callable[[], Any]]:
    """Name -> a prediction of some images: plain, by samples in full, with the body done once."""
    images = setting.probes

    def passes(layers: nn.Sequential, inputs: Tensor, count: int) -> None:
        with torch.no_grad():
            for _ in range(count):
                layers(inputs)

    last = runs["last"].stack.member(0).train()
    every = runs["everywhere"].stack.member(0).train()
    body, head = last[:-2], last[-2:]

    def cached() -> None:
        with torch.no_grad():
            outputs = body(images)
        passes(head, outputs, SAMPLES)

    return {
        "plain": partial(passes, runs["none"].stack.member(0).eval(), images, 1),
        "last, in full": partial(passes, last, images, SAMPLES),
        "last, body once": cached,
        "everywhere, in full": partial(passes, every, images, SAMPLES),
    }


def ratios(clocks: Mapping[str, Callable[[], object]], base: str) -> dict[str, float]:
    """Median over interleaved rounds of the time of each by that of ``base``."""
    seconds: dict[str, list[float]] = {name: [] for name in clocks}
    for _ in range(ROUNDS):
        for name, run in clocks.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {
        name: statistics.median(a / b for a, b in zip(its, seconds[base], strict=True))
        for name, its in seconds.items()
    }


def tell(record: Record) -> Told:
    """The section of the page."""
    steps = {name: average(values) for name, values in record["steps"].items()}
    reached = {
        name: sum(each is not None for each in values) for name, values in record["steps"].items()
    }
    slower = record["comparisons"]["last - none"]
    seconds, predict = record["step_seconds"], record["predict_seconds"]
    never = len(record["steps"]["everywhere"]) - reached["everywhere"]
    sampling = record["sampling"]
    names = ("none", "last", "everywhere")
    judged = record["accuracy_comparisons"]
    return Told(
        "dropout's price",
        "SELU network with alpha dropout of 10 % nowhere, in front of the output (as in the "
        "exercise) or behind every layer; each with its own rate. Times are ratios of measured "
        f"seconds, from interleaved rounds. The loss to be reached is {record['target']:.3g} on "
        "the validation images, without dropout.",
        (
            table(
                (
                    "dropout",
                    "rate",
                    "runs that reach the loss",
                    "mean steps of these",
                    "validation accuracy (%)",
                    "loss",
                    f"loss, {SAMPLES} samples",
                    "time of a step",
                ),
                [
                    (
                        name,
                        record["rates"][name],
                        f"{reached[name]} of {len(record['steps'][name])}",
                        f"{steps[name]:.0f}" if math.isfinite(steps[name]) else "",
                        f"{average(record['accuracy'][name]):.1f}",
                        f"{average(record['loss'][name]):.3f}",
                        f"{average(record['sampled_loss'][name]):.3f}"
                        if name in record["sampled_loss"]
                        else "",
                        f"{seconds[name]:.2f}",
                    )
                    for name in names
                ],
            ),
            table(
                (f"prediction with {SAMPLES} samples", "time relative to a plain one"),
                [(name, f"{value:.2f}") for name, value in predict.items()],
            ),
            "\n".join(
                f"- {name}, {what}: {points(each, unit)}."
                for what, unit, of in (
                    ("steps", "steps", record["comparisons"]),
                    ("accuracy", "points", judged),
                    ("loss", "nats", sampling),
                )
                for name, each in of.items()
            ),
        ),
        (
            Finding(
                "Q7.1",
                "With one layer of alpha dropout it takes "
                f"{steps['last'] / steps['none']:.2f} times the steps to the loss "
                f"({points(slower, 'steps')}). With dropout behind every layer, {never} of "
                f"{len(record['steps']['everywhere'])} runs do not reach it. The accuracy changes "
                f"by {signed(judged['last - none']['mean'])} and "
                f"{signed(judged['everywhere - none']['mean'])} points.",
                slower["differs"] and slower["mean"] > 0,
            ),
            Finding(
                "Q7.3",
                f"In seconds, a step takes {seconds['last']:.2f} times as long with one layer of "
                f"dropout and {seconds['everywhere']:.2f} times with one behind every layer.",
                seconds["last"] < 1.1,
            ),
            Finding(
                "Q7.7",
                f"Run in full, {SAMPLES} samples take {predict['everywhere, in full']:.1f} times "
                "as long as a plain prediction with dropout everywhere, and "
                f"{predict['last, in full']:.1f} times with dropout in front of the output.",
                min(predict["everywhere, in full"], predict["last, in full"]) > SAMPLES / 2,
            ),
            Finding(
                "Q7.9",
                "With dropout in front of the output and the layers before it computed once, "
                f"{SAMPLES} samples take {predict['last, body once']:.2f} times as long as a plain "
                "prediction.",
                predict["last, body once"] < 2,
            ),
            Finding(
                "Q7.10",
                f"The mean of {SAMPLES} samples changes the validation loss by "
                f"{points(sampling['last, samples - plain'], 'nats')} with one layer of dropout "
                "and by "
                f"{points(sampling['everywhere, samples - plain'], 'nats')} with dropout "
                "everywhere.",
                None,  # it depends on what it is compared with
            ),
        ),
    )
