"""A list of calls as one CUDA graph: launched together, they no longer wait for Python."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from lightning_cifar.backprop.tape import Call
from lightning_cifar.data.notices import say_once

WARM_UP = 3  # runs before the capture, in which libraries choose their kernels


def captured(calls: Sequence[Call], changed: Sequence[Tensor]) -> Sequence[Call]:
    """The same calls as a single one, on a GPU; as they are elsewhere or where capturing fails.

    changed: what the calls add to; the runs before the capture leave it as it was.
    """
    if changed[0].device.type != "cuda":
        return calls
    before = [each.clone() for each in changed]
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                run(calls)
        torch.cuda.current_stream().wait_stream(stream)
        with torch.cuda.graph(graph):
            run(calls)
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        say_once(f"the training step is no CUDA graph, which would be faster: {first}")
        return calls
    finally:
        for each, value in zip(changed, before, strict=True):
            each.copy_(value)
    return [partial(replayed, graph, calls)]


def replayed(graph: torch.cuda.CUDAGraph, calls: Sequence[Call]) -> None:
    """Replay a graph. The calls are at hand for their buffers, of which it knows but the place."""
    graph.replay()


def run(calls: Sequence[Call]) -> None:
    """Make the calls one after the other."""
    for call in calls:
        call()
