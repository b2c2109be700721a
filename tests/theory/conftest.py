"""The marking scheme's frame: one thread, fresh torch seeds on demand, a summary at the end.

``TORCH_SEED=7 pytest tests/theory`` shifts the seed of every torch generator by 7, in the
experiments and in the tests, so that the whole suite runs on draws it has never seen;
``--hypothesis-seed=7`` does the same for hypothesis' examples.
"""

import os
from collections import Counter
from contextlib import contextmanager

import pytest
import torch
from hypothesis import settings, statistics

TORCH_SEED = int(os.environ.get("TORCH_SEED", "0"))
_Generator = torch.Generator


class _ShiftedGenerator(_Generator):
    def manual_seed(self, seed):
        return super().manual_seed((seed + TORCH_SEED) % 2**63)


def pytest_configure(config):
    torch.set_num_threads(1)
    if config.getoption("--hypothesis-seed") is not None:  # which derandomised runs ignore
        settings.register_profile("seeded", settings.default, derandomize=False)
        settings.load_profile("seeded")
    if TORCH_SEED:
        torch.Generator = _ShiftedGenerator


@pytest.fixture(autouse=True)
def everything_is_drawn_from_a_generator_that_is_given():
    """Randomness is an argument: what draws from torch's global generator fails its tests."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state()), "something drew without its generator"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item):
    with _counted_examples() as counts:
        result = yield
    item.user_properties.append(("examples", counts["examples"]))
    return result


@contextmanager
def _counted_examples():
    """Count hypothesis' examples, also those of properties that a test makes and calls."""
    counts = Counter()
    earlier = statistics.collector.value

    def note(figures):
        phases = (phase for phase in figures.values() if isinstance(phase, dict))
        counts["examples"] += sum(len(phase.get("test-cases", ())) for phase in phases)
        if earlier is not None:
            earlier(figures)

    with statistics.collector.with_value(note):
        yield counts


def pytest_terminal_summary(terminalreporter):
    properties = [
        pair
        for report in terminalreporter.stats.get("passed", ())
        for pair in getattr(report, "user_properties", ())
    ]
    verdicts = Counter(value for name, value in properties if name == "verdict")
    if not verdicts:
        return

    def total(wanted):
        return sum(value for name, value in properties if name == wanted)

    terminalreporter.section("claims")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    terminalreporter.line(f"{sum(verdicts.values())} claims settled: {counts}")
    terminalreporter.line(f"{total('controls')} controls rejected")
    terminalreporter.line(f"{total('examples')} examples run")
    terminalreporter.line(f"total false-alarm rate of the claims: {total('alarms'):.1e}")
