"""The activation functions against torch's own, value and derivative."""

import dataclasses

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from rejection import rejected
from torch.nn import functional

from theory.nonlinearities import (
    ELU,
    IDENTITY,
    LEAKY_RELU,
    LOGISTIC,
    NONLINEARITIES,
    RELU,
    SELU,
    SELU_ALPHA,
    SELU_LAMBDA,
    SILU,
    TANH,
    elu,
    leaky_relu,
    selu_constants,
)

TORCH_FUNCTIONS = {
    RELU: torch.relu,
    LEAKY_RELU: lambda x: functional.leaky_relu(x, 0.01),
    ELU: functional.elu,
    SELU: torch.selu,
    SILU: functional.silu,
    TANH: torch.tanh,
    LOGISTIC: torch.sigmoid,
    IDENTITY: lambda x: x * 1,
}
WRONG = {
    RELU: functional.leaky_relu,
    LEAKY_RELU: lambda x: functional.leaky_relu(x, 0.02),
    ELU: torch.selu,
    SELU: functional.elu,
    SILU: functional.gelu,
    TANH: torch.sigmoid,
    LOGISTIC: lambda x: torch.sigmoid(2 * x),
    IDENTITY: torch.relu,
}


def nodes(references):
    return [nonlinearity.name for nonlinearity in references]


# Where exp(x) stays a normal number, so that relative errors mean something.
NUMBERS = st.floats(-300, 300, allow_subnormal=False)


def agrees_with(nonlinearity, reference):
    @given(st.lists(NUMBERS, min_size=1, max_size=8))
    @example([1.0, -1.0, 0.0, 300.0, -300.0])
    def check(numbers):
        inputs = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
        wanted = reference(inputs)
        (slope,) = torch.autograd.grad(wanted.sum(), inputs)
        inputs = inputs.detach()
        close = {"rtol": 1e-12, "atol": 1e-15}
        assert torch.allclose(nonlinearity.value(inputs), wanted.detach(), **close)
        assert torch.allclose(nonlinearity.derivative(inputs), slope, **close)

    return check


@pytest.mark.parametrize(
    ("nonlinearity", "reference"), TORCH_FUNCTIONS.items(), ids=nodes(TORCH_FUNCTIONS)
)
def test_value_and_derivative_are_torchs(nonlinearity, reference):
    agrees_with(nonlinearity, reference)()


@pytest.mark.parametrize(
    ("make", "reference", "name"),
    [(elu, functional.elu, "ELU"), (leaky_relu, functional.leaky_relu, "leaky ReLU")],
)
@pytest.mark.parametrize("parameter", [0.3, 1.0, 2.0])
def test_those_with_a_parameter_are_torchs(make, reference, name, parameter):
    found = make(parameter)
    agrees_with(found, lambda x: reference(x, parameter))()
    assert found.name == name
    with rejected():
        agrees_with(found, lambda x: reference(x, parameter + 0.1))()


@pytest.mark.parametrize(("nonlinearity", "reference"), WRONG.items(), ids=nodes(WRONG))
def test_another_function_is_told_apart(nonlinearity, reference):
    with rejected():
        agrees_with(nonlinearity, reference)()


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES, ids=lambda f: f.name)
def test_a_derivative_of_another_function_is_told_apart(nonlinearity):
    other = dataclasses.replace(nonlinearity, derivative=lambda x: torch.full_like(x, 0.7))
    with rejected():
        agrees_with(other, TORCH_FUNCTIONS[nonlinearity])()


def test_selu_constants_are_those_of_torch():
    one = torch.ones((), dtype=torch.float64)
    assert torch.selu(one).item() == pytest.approx(SELU_LAMBDA, rel=1e-14)
    lowest = torch.selu(-1000 * one).item()
    assert lowest == pytest.approx(-SELU_LAMBDA * SELU_ALPHA, rel=1e-14)
    assert selu_constants() == (SELU_ALPHA, SELU_LAMBDA)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES, ids=lambda f: f.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_huge_inputs_give_finite_numbers_of_the_same_type(nonlinearity, dtype):
    inputs = torch.tensor([-1e30, 0.0, 1e30], dtype=dtype)
    for outputs in (nonlinearity.value(inputs), nonlinearity.derivative(inputs)):
        assert outputs.dtype == dtype
        assert outputs.shape == inputs.shape
        assert outputs.isfinite().all()


def test_slopes_keep_double_precision():
    slope = leaky_relu(0.1).derivative(torch.tensor([-1.0], dtype=torch.float64))
    assert slope.item() == 0.1


def test_names_are_all_different():
    assert len({nonlinearity.name for nonlinearity in NONLINEARITIES}) == len(NONLINEARITIES) == 8
    assert leaky_relu(0.2, "another name").name == "another name"
