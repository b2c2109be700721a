"""The parts of docs/benchmarks.md about seconds: an epoch, a stack, the start."""

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.step_sections import step_section

RESULTS = Path(__file__).parent / "results"
LARGE_BYTES = 600_000 * 3 * 32 * 32


def speed_note() -> str:
    """What an epoch of the first variant that all peers have trained costs, in a sentence."""
    data = read_json("peers.json")
    if data is None:
        return "What an epoch costs is not yet measured."
    names = ("ours", "stock Lightning", "JAX")
    complete = (
        each for each in data["results"] if all(each["seconds"].get(name) for name in names)
    )
    variant = next(complete)["variant"]
    settings = [each for each in data["results"] if each["variant"] == variant]
    sizes = " and ".join(str(each["batch_size"]) for each in settings)
    shares = {
        name: " and ".join(f"{each['ratios_to_bare'][name]:.2f}" for each in settings)
        for name in names
    }
    return (
        f"An epoch of `{variant}` in batches of {sizes} takes {shares['ours']} of the time of a "
        f"bare PyTorch loop; stock Lightning takes {shares['stock Lightning']}, a compiled scan in "
        f"JAX {shares['JAX']} ({data['device']}; [all peers](docs/benchmarks.md))."
    )


def peers_section() -> list[str]:
    """Seconds per epoch of everything that trains this network."""
    data = read_json("peers.json")
    if data is None:
        return ["## Seconds per epoch", "", "Not yet measured.", "", *step_section()]
    names = list(dict.fromkeys(name for each in data["results"] for name in each["seconds"]))
    rows = []
    for each in data["results"]:
        cells = [
            f"{each['seconds'][name]:.2f} s ({each['ratios_to_bare'][name]:.2f})"
            if name in each["seconds"]
            else ""
            for name in names
        ]
        rows.append(f"| `{each['variant']}` | {each['batch_size']} | {' | '.join(cells)} |")
    distances = [
        value
        for each in data["results"]
        for value in each["losses"].get("distance_in_nats", {}).values()
    ]
    libraries = ", ".join(
        f"{name} {data['versions'][name]}"
        for name in ("torch", "lightning", "jax", "optax", "keras")
        if name in data["versions"]
    )
    images = data["results"][0]["images"]
    return [
        "## Seconds per epoch",
        "",
        "An epoch trains on 45,000 images and validates on 5,000. Ours is the command `fit` with "
        "all that it does by default, at a given rate. In brackets: the share of a bare PyTorch "
        "loop over standardised floats in memory. Compiled is that loop under `torch.compile`; "
        "JAX runs an epoch as one compiled `lax.scan`. Each peer has a process of its own and "
        f"sleeps while another is timed, {len(next(iter(data['results'][0]['epochs'].values())))} "
        f"turns each on {data['device']}; a turn trains on {images:,} images, and the time of its "
        f"steps is multiplied up. Versions: {libraries}.",
        "",
        f"| variant | batch | {' | '.join(names)} |",
        "|---" * (2 + len(names)) + "|",
        *rows,
        "",
        "All start from the same weights and see their first epoch in one order; its training "
        f"losses agree with those of a bare loop within {max(distances, default=0):.1g} nats, "
        "less than half of what another library's momentum changes (by dropout masks, which every "
        "library draws in its own way, nobody can compare). NAdam's momentum rises differently in "
        "each library; the bare loop follows it. "
        "`python benchmarks/peers.py --out benchmarks/results/peers.json` (extra `peer`)",
        "",
        *step_section(),
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
        "`python benchmarks/stack.py --out benchmarks/results/stack.json`",
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
        "`--device cuda --members 1 64 --batch-sizes 32 --rounds 3 --seconds 0.5`; the run ended "
        "at its time limit, before 64 members:",
        "",
        "```",
        (RESULTS / "stack_h100.txt").read_text().rstrip(),
        "```",
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


def memory_section() -> list[str]:
    """Memory and seconds on few and on many images."""
    data = read_json("large_data.json")
    if data is None:
        return []
    rows = [each for each in data["results"] if each["when"] == "now"]
    return [
        "## Memory and seconds on 60,000 and 600,000 images",
        "",
        "`fit` of `elu`, batch 128, with its search and one epoch, from an empty cache (cold) and "
        f"again (warm), and the command `data`; {data['cores']} cores, {data['threads']} threads. "
        "Anonymous memory is what the process and those it starts need; the resident memory beside "
        "it counts the pages of the cache's files as well, which the system takes back whenever "
        "it needs them. All fits of a set have the same fingerprint, rate and losses. 600,000 "
        f"images are {LARGE_BYTES / 1e6:,.0f} MB.",
        "",
        "| images | command | MB anonymous | MB resident | seconds |",
        "|---|---|---|---|---|",
        *(
            f"| {each['images']} | {each['command']} | {each['anonymous']:,} | "
            f"{each['resident']:,} | {each['seconds']:,} |"
            for each in rows
        ),
        "",
        "`python -m benchmarks.large_data --out benchmarks/results/large_data.json`",
    ]


def read_json(name: str) -> Any:
    """A result as its script wrote it; None where there is none yet."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None
