"""A study on a Ray cluster that loses a machine."""

import sys

import pytest

pytest.importorskip("ray", reason="the extra 'ray' is not installed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_lost_machine_costs_no_record_and_computes_none_twice(monkeypatch):
    from benchmarks import ray_node_loss

    monkeypatch.setattr(sys, "argv", ["ray_node_loss"])
    assert ray_node_loss.main() == 0
