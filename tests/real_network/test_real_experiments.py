"""Every experiment runs, and its record holds what its section of the page needs."""

import json

import pytest

from benchmarks.real_network.__main__ import EXPERIMENTS
from benchmarks.real_network.comparing import plain
from benchmarks.real_network.page import SECTIONS
from theory.ledger import CLAIMS


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_experiment_can_be_told(name, setting):
    measure = EXPERIMENTS[name]
    record = plain(measure(setting, depths=(1, 3)) if name == "depth" else measure(setting))
    assert len(json.dumps(record, allow_nan=False)) < 60_000
    for section in SECTIONS[name].values():
        told = section(record)
        assert told.tables
        assert {each.claim for each in told.findings} <= {claim.id for claim in CLAIMS}
