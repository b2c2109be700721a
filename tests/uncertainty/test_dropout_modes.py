"""Only active dropout is switched on, and every module returns to its own mode."""

from contextlib import contextmanager

import pytest
from controls import assert_rejects
from dropout_networks import (
    only_instances_of_dropout,
    whole_model_in_training,
)
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lightning_cifar.uncertainty.dropout_modes import dropout_active


def every_kind(rate=0.5):
    kinds = [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout]
    layers = [kind(rate) for kind in [*kinds, nn.FeatureAlphaDropout]]
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0), *layers)


def switches_only_dropout(context):
    @given(st.lists(st.booleans(), min_size=10, max_size=10), st.booleans())
    def check(modes, fails):
        model = every_kind()
        for module, training in zip(model.modules(), modes, strict=True):
            module.training = training
        try:
            with context(model):
                inside = [module.training for module in model.modules()]
                if fails:
                    raise KeyError
        except KeyError:
            pass
        assert inside == [False] * 4 + [True] * 6
        assert [module.training for module in model.modules()] == modes

    return check


def test_only_active_dropout_is_switched_on_and_all_modes_return():
    switches_only_dropout(dropout_active)()


@contextmanager
def without_restoring(model):
    for module in model.modules():
        module.training = getattr(module, "p", 0) > 0
    yield


@contextmanager
def restored_only_without_an_error(model):
    modes = {module: module.training for module in model.modules()}
    with dropout_active(model):
        inside = [module.training for module in model.modules()]
    for module, training in zip(modes, inside, strict=True):
        module.training = training
    yield
    for module, training in modes.items():
        module.training = training


@pytest.mark.parametrize(
    "mutant",
    [
        only_instances_of_dropout,
        whole_model_in_training,
        without_restoring,
        restored_only_without_an_error,
    ],
)
def test_a_wrong_switch_is_caught(mutant):
    assert_rejects(switches_only_dropout(mutant))
