"""The parts of docs/benchmarks.md about seconds: an epoch, a stack, a peer, the start."""

import json
import math
import statistics
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
TITLES = {
    "ours": "ours",
    "compiled": "ours, compiled",
    "parts": "our parts, no Trainer",
    "parts compiled": "our parts, compiled",
    "bare": "bare loop",
    "stock": "stock Lightning",
}


def epoch_section() -> list[str]:
    """Seconds per epoch, with a column for each contestant that was measured."""
    data = read_json("epoch_time.json")
    names = list(next(iter(data["results"].values()))["medians"])
    compared = [name for name in names if name != "bare"]
    rows = []
    for batch_size, result in data["results"].items():
        seconds = [f"{result['medians'][name]:.2f} s" for name in names]
        shares = [f"{result['ratios_to_bare'][name]:.2f}" for name in compared]
        rows.append(f"| {batch_size} | {' | '.join([*seconds, *shares])} |")
    rounds = len(next(iter(data["results"].values()))["seconds"]["ours"])
    titles = [TITLES[name] for name in names] + [f"{TITLES[name]} / bare" for name in compared]
    return [
        "## Seconds per epoch",
        "",
        "This package under its full Trainer with all default callbacks, the same network in a "
        "bare PyTorch loop over a float tensor in memory, and stock Lightning with a `DataLoader`; "
        "each epoch trains on 45,000 images and validates on 5,000. Compiled is this package with "
        f"`--model.compiled true`. Medians of {rounds} interleaved rounds on {data['device']}; "
        "ratios are medians of the rounds' ratios. The first epoch is not counted.",
        "",
        f"| batch | {' | '.join(titles)} |",
        "|---" * (1 + len(titles)) + "|",
        *rows,
        "",
        *step_lines(data),
        "`python benchmarks/epoch_time.py --out benchmarks/results/epoch_time.json`; a step's "
        "parts: `python benchmarks/step_time.py --out benchmarks/results/step_time.json`",
    ]


def step_lines(data: dict[str, Any]) -> list[str]:
    """Where the milliseconds of a step of 32 images go, and what the Trainer adds."""
    steps = read_json("step_time.json")
    medians = data["results"]["32"]["medians"]
    batches = math.ceil(45_000 / 32)
    whole = {name: 1000 * medians[name] / batches for name in medians}
    elu = next(each["microseconds"] for each in steps["results"] if each["variant"] == "elu")
    single, optimisers = elu["step, batch 32"], elu["optimisers"]
    parts = ", ".join(f"{name} {time / 1000:.2f}" for name, time in single.items())
    others = ", ".join(f"{name} {time / 1000:.2f}" for name, time in optimisers.items())
    return [
        "Where a step of batch 32 spends its time, in milliseconds (an epoch divided by its steps, "
        f"validation included): bare loop {whole['bare']:.2f}; our parts in a plain loop "
        f"{whole['parts']:.2f}, compiled {whole['parts compiled']:.2f}; under the Trainer "
        f"{whole['ours']:.2f}, compiled {whole['compiled']:.2f}. Lightning's loop with its hooks "
        f"thus takes {whole['ours'] - whole['parts']:.2f} ms of each step, "
        f"{whole['compiled'] - whole['parts compiled']:.2f} where it is compiled: without it the "
        f"compiled parts come to {data['results']['32']['ratios_to_bare']['parts compiled']:.2f} "
        "of the bare loop. The parts of a step, timed one "
        f"by one: {parts}. The optimisers on the same gradients: {others}.",
        "",
    ]


def stack_section() -> list[str]:
    """Many networks in one against one after another."""
    data = read_json("stack.json")
    if data is None:
        return ["## Many networks at once", "", "Not yet measured."]
    names = list(dict.fromkeys(name for each in data["results"] for name in each["ratios_to_bare"]))
    rows = []
    for each in data["results"]:
        bare = statistics.median(each["member_steps_per_second"]["bare"])
        cells = [
            f"`{each['variant']}`",
            str(each["batch_size"]),
            str(each["members"]),
            f"{bare:.0f}",
            *(f"{each['ratios_to_bare'].get(name, 1):.2f}" for name in names if name != "bare"),
            f"{each['stack_megabytes']:.0f}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    titles = [name for name in names if name != "bare"]
    return [
        "## Many networks at once",
        "",
        "Member-steps (forward, backward and NAdam of one network on one batch) per second of a "
        "stack, as a multiple of bare PyTorch loops one after another; medians of interleaved "
        f"rounds on {data['device']}.",
        "",
        f"| variant | batch | members | bare, per second | {' | '.join(titles)} | MB of stack |",
        "|---" * (5 + len(titles)) + "|",
        *rows,
        "",
        "`python benchmarks/stack.py --compiled --out benchmarks/results/stack.json`",
        *gpu_lines(),
        *fidelity_lines(),
    ]


def fidelity_lines() -> list[str]:
    """Whole runs in a stack against the same alone."""
    data = read_json("stack_fidelity.json")
    low, high = data["interval"]
    return [
        "",
        f"Is a member what a single fit would be? {len(data['pairs'])} runs of `{data['variant']}` "
        f"of the study, in a stack on {data['stack_device']}, were made again alone on "
        f"{data['device']}, from the same seeds at the same rate: test accuracy in the stack minus "
        f"alone {data['mean_difference']:+.2f} points (95 % interval {low:+.2f} to {high:+.2f}, "
        f"sign-flip p {data['sign_flip_p']:.2f}, equivalence within {data['margin']:g} point "
        f"p {data['equivalence_p']:.3f}). `python benchmarks/stack_fidelity.py --path "
        "cifar10-jpeg.zip --out benchmarks/results/stack_fidelity.json`",
    ]


def gpu_lines() -> list[str]:
    """What the same script printed on a GPU."""
    return [
        "",
        "On one NVIDIA H100 80GB HBM3 (torch 2.11, driver 580.159.04), with "
        "`--device cuda --rounds 3 --seconds 0.3`; the run ended at its time limit, after batch "
        "128 with 4 members:",
        "",
        "```",
        (RESULTS / "stack_h100.txt").read_text().rstrip(),
        "```",
    ]


def keras_section() -> list[str]:
    """The textbook's Keras model beside ours."""
    data = read_json("keras_peer.json")
    if data is None:
        return ["## Beside Keras", "", "Not yet measured."]
    rows = [
        f"| `{each['variant']}` | {each['batch_size']} | {each['medians']['ours']:.2f} s "
        f"| {each['medians']['keras']:.2f} s | {each['ratio']:.2f} |"
        for each in data["results"]
    ]
    return [
        "## Beside Keras",
        "",
        "Seconds per epoch of our full Trainer with `--model.compiled true` and of the textbook's "
        f"Keras model (Keras {data['versions']['keras']}, TensorFlow "
        f"{data['versions']['tensorflow']}), in turn on {data['device']}; the first epoch of each "
        "is not counted.",
        "",
        "| variant | batch | ours | Keras | ours / Keras |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "`python benchmarks/keras_peer.py --out benchmarks/results/keras_peer.json` (extra `peer`)",
    ]


def start_section() -> list[str]:
    """Help and messages, before and after the imports were put off."""
    data = read_json("startup_time.json")
    rows = [
        f"| {name.replace('_', ' ')} | {times['before']:.2f} s | {times['now']:.2f} s |"
        for name, times in data["medians"].items()
    ]
    return [
        "## Until help appears",
        "",
        "Seconds until a command's help or message has appeared, each in a fresh process: before, "
        "when it imported PyTorch and Lightning first, and now; medians of interleaved rounds.",
        "",
        "| command | before | now |",
        "|---|---|---|",
        *rows,
        "",
        "`python benchmarks/startup_time.py --before FOLDER --out "
        "benchmarks/results/startup_time.json`, with a checkout of 505ba65 in the folder",
    ]


def read_json(name: str) -> Any:
    """A result as its script wrote it; None where there is none yet."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None
