"""The parts of docs/benchmarks.md about one training step, and about the first line of a fit."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SHOWN = 50  # microseconds: kinds of calls that take less in every variant are added up
BATCH = 32  # of the table of calls


def step_section() -> list[str]:
    """Where the microseconds of a step go, with how many threads, and how long a fit takes to."""
    return [
        *calls_table(read("step_time.json")),
        "",
        *threads_table(read("step_threads.json")),
        "",
        *callbacks_table(read("callback_cost.json")),
        "",
        *first_line_table(read("first_epoch_before.json"), read("first_epoch.json")),
    ]


def read(name: str) -> dict[str, Any]:
    """A result as its script wrote it."""
    data: dict[str, Any] = json.loads((RESULTS / name).read_text())
    return data


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows]]


def calls_table(data: dict[str, Any]) -> list[str]:
    """Microseconds by kind of call, a column for each variant."""
    columns = {
        f"`{each['variant']}`": each["microseconds"]
        for each in data["results"]
        if each["batch_size"] == BATCH
    }
    names = list(dict.fromkeys(name for times in columns.values() for name in times))
    longest = {name: max(times.get(name, 0) for times in columns.values()) for name in names}
    shown = sorted(
        (name for name in names if longest[name] >= SHOWN), key=longest.get, reverse=True
    )
    rows = [
        [name if name == "whole" else f"`{name}`"]
        + [f"{times[name]:.0f}" if name in times else "" for times in columns.values()]
        for name in shown
    ]
    others = (
        sum(time for name, time in times.items() if name not in shown) for times in columns.values()
    )
    rows.append(["others", *(f"{time:.0f}" for time in others)])
    return [
        "### Where a step goes",
        "",
        f"Microseconds of a step with {BATCH} images by kind of call, with a fit's threads; each "
        "call timed by itself, `whole` without a clock inside.",
        "",
        *table(["call", *columns], rows),
        "",
        "`python benchmarks/step_time.py --out benchmarks/results/step_time.json`",
    ]


def threads_table(data: dict[str, Any]) -> list[str]:
    """Milliseconds of a step by kernels and threads, idle and beside a busy program."""
    ways = list(data["results"][0]["milliseconds"])
    rows = [
        [f"`{each['variant']}`", str(each["batch_size"]), "busy" if each["busy"] else "idle"]
        + [f"{each['milliseconds'][way]:.1f}" for way in ways]
        for each in data["results"]
    ]
    return [
        "### Kernels and threads of a step",
        "",
        f"Milliseconds of a step on {data['device']}, idle and beside a busy program, by "
        "PyTorch's kernels and by those of `native/kernels.c`, of which one thread goes on alone "
        "while others keep it waiting. A fit takes a thread for every 16 images of all members, "
        "by PyTorch's kernels for every 32.",
        "",
        *table(["variant", "batch", "machine", *ways], rows),
        "",
        "`python benchmarks/step_threads.py --out benchmarks/results/step_threads.json`",
    ]


def callbacks_table(data: dict[str, Any]) -> list[str]:
    """Milliseconds of a step where nobody looks, where a callback does, and by autograd."""
    ways = list(data["results"][0]["milliseconds"])
    rows = [
        [f"`{each['variant']}`", str(each["batch_size"])]
        + [f"{each['milliseconds'][way]:.1f}" for way in ways]
        for each in data["results"]
    ]
    return [
        "### What a callback costs",
        "",
        f"Milliseconds of a step in a fit on {data['device']}, median of {data['rounds']} "
        "interleaved rounds: where nobody looks between steps, where a callback has "
        "`on_train_batch_end`, and where one has `on_after_backward`, so that autograd trains.",
        "",
        *table(["variant", "batch", *ways], rows),
        "",
        "`python benchmarks/callback_cost.py --out benchmarks/results/callback_cost.json`",
    ]


def first_line_table(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Seconds from ``fit`` to the first epoch line, in an earlier version and in this one."""
    earlier = {(each["variant"], each["batch_size"]): each for each in before["results"]}
    rows = []
    for each in now["results"]:
        old = earlier.get((each["variant"], each["batch_size"]), {})  # a run takes minutes
        figures = [old.get("first_line"), old.get("epoch")]
        figures += [each[key] for key in ("first_line", "epoch", "start")]
        ratios = [each["epochs"], each["epochs_from_start"]]
        every = (*figures, *ratios)
        cells = ["" if figure is None else f"{figure:.1f}" for figure in every]
        rows.append([f"`{each['variant']}`", str(each["batch_size"]), *cells])
    heads = [
        *("variant", "batch", "before: first line", "before: an epoch"),
        *("now: first line", "now: an epoch", "until the search begins"),
        *("first line in epochs", "from the search on"),
    ]
    return [
        "### Until the first epoch is done",
        "",
        "Seconds from `fit` to the line of the first epoch, the images decoded, no rate cached and "
        "no kernel compiled: "
        f"before (commit {before['commit'][:7]}) and now. The last two columns count in epochs of "
        "the fit that follows, from the start of the process and from that of the search.",
        "",
        *table(heads, rows),
        "",
        "`python benchmarks/first_epoch.py --path cifar10-jpeg.zip --out "
        "benchmarks/results/first_epoch.json`; before: the same script in a checkout of that "
        "commit, into `first_epoch_before.json`",
    ]
