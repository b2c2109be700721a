import copy
import math
from functools import partial

import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from lightning_cifar import networks
from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.stack.network import ELEMENTWISE

BUILDERS = {
    "elu": networks.elu_network,
    "batch_norm": networks.batch_norm_network,
    "selu": networks.selu_network,
    "alpha_dropout": partial(
        networks.alpha_dropout_network, dropout_rate=0.1, dropout_everywhere=False
    ),
}
# Weights and biases of 3072 → 20 x 100 → 10; batch normalisation has two parameters for each input
# and hidden unit, and no biases in the layers before it.
PARAMETERS = {
    "elu": 500_210,
    "batch_norm": 500_210 - 20 * 100 + 2 * (3072 + 20 * 100),
    "selu": 500_210,
    "alpha_dropout": 500_210,
}
VARIANCE_TIMES_INPUTS = {"elu": 2.0, "batch_norm": 2.0, "selu": 1.0, "alpha_dropout": 1.0}


def test_every_variant_is_described_here():
    for table in (BUILDERS, PARAMETERS, VARIANCE_TIMES_INPUTS):
        assert table.keys() == VARIANTS.keys()


FALSE_ALARM = 1e-9  # of one statistical check, if the seed were drawn anew


def generator_of(seed):
    return torch.Generator().manual_seed(seed)


def built(variant, depth=20, width=100, seed=0):
    return BUILDERS[variant](depth, width, generator_of(seed))


def linear_layers(network):
    return [layer for layer in network if isinstance(layer, nn.Linear)]


def reinitialised(network, initialise, seed=0):
    """A copy of a network with weights from another rule; biases stay as they are."""
    network = copy.deepcopy(network)
    generator = generator_of(seed)
    for layer in linear_layers(network):
        initialise(layer.weight, generator)
    return network


def pytorch_default(network, seed=0):
    """A copy with the weights and biases of PyTorch's own rule: U(±1/sqrt(inputs)) for both."""
    network = copy.deepcopy(network)
    generator = generator_of(seed)
    for layer in linear_layers(network):
        bound = 1 / math.sqrt(layer.in_features)
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
    return network


def assert_exercise_architecture(network):
    """20 hidden layers of 100, one activation after each, and nothing after the output layer."""
    layers = linear_layers(network)
    sizes = [(layer.in_features, layer.out_features) for layer in layers]
    assert sizes == [(3072, 100)] + [(100, 100)] * 19 + [(100, 10)]
    order = [
        "linear" if isinstance(layer, nn.Linear) else "activation"
        for layer in network
        if isinstance(layer, (nn.Linear, *ELEMENTWISE))
    ]
    assert order == ["linear", "activation"] * 20 + ["linear"]
    assert network[-1] is layers[-1], "something stands after the output layer"


@pytest.mark.parametrize("variant", BUILDERS)
def test_parameters_of_the_exercise(variant):
    assert (
        sum(parameter.numel() for parameter in built(variant).parameters()) == PARAMETERS[variant]
    )


@pytest.mark.parametrize("variant", BUILDERS)
def test_twenty_hidden_layers_and_bare_logits(variant):
    assert_exercise_architecture(built(variant))


@pytest.mark.parametrize("last", [nn.SiLU(), nn.Softmax(dim=1), nn.Identity()])
@pytest.mark.parametrize("variant", BUILDERS)
def test_control_a_layer_after_the_logits_is_rejected(variant, last):
    with pytest.raises(AssertionError):
        assert_exercise_architecture(nn.Sequential(*built(variant), last))


@pytest.mark.parametrize(("depth", "width"), [(21, 100), (19, 100), (20, 99)])
def test_control_another_size_is_rejected(depth, width):
    with pytest.raises(AssertionError):
        assert_exercise_architecture(built("elu", depth, width))


def test_control_a_missing_activation_is_rejected():
    network = built("elu")
    del network[4]  # Flatten, Linear, ELU, Linear, ELU: without it two layers are one
    with pytest.raises(AssertionError):
        assert_exercise_architecture(network)


@pytest.mark.parametrize("variant", BUILDERS)
def test_logits_are_ten_numbers_of_any_sign_for_each_image(variant):
    images = torch.randn(64, 3, 32, 32, generator=generator_of(1))
    logits = built(variant)(images)
    assert logits.shape == (64, 10)
    assert logits.min() < -0.1
    assert logits.max() > 0.1


def assert_initialised(network, variance_times_inputs):
    """Zero biases, normal weights of the given variance; false alarm ≤ 22 x 1e-9 a network.

    The chi-squared check of the smallest layer, 1000 weights, sees a variance off by a quarter; the
    Dvoretzky-Kiefer-Wolfowitz bound over all weights sees any other distribution that differs by
    half a point in a quantile.
    """
    standard = []
    for layer in linear_layers(network):
        assert layer.bias is None or not layer.bias.any(), "biases must start at zero"
        weight = layer.weight.detach().double().flatten()
        weight *= math.sqrt(layer.in_features / variance_times_inputs)
        square_sum, count = weight.square().sum().item(), weight.numel()
        low, high = (stats.chi2.ppf(FALSE_ALARM / 2, count), stats.chi2.isf(FALSE_ALARM / 2, count))
        assert low < square_sum < high, f"variance {square_sum / count:.3f} times what it should be"
        standard.append(weight)
    pooled = torch.cat(standard).sort().values
    steps = torch.arange(len(pooled) + 1) / len(pooled)
    expected = torch.special.ndtr(pooled)
    distance = torch.maximum((steps[1:] - expected).max(), (expected - steps[:-1]).max())
    assert distance < math.sqrt(math.log(2 / FALSE_ALARM) / (2 * len(pooled)))


@pytest.mark.parametrize("variant", BUILDERS)
def test_every_linear_layer_is_initialised_as_said(variant):
    assert_initialised(built(variant), VARIANCE_TIMES_INPUTS[variant])


@pytest.mark.parametrize("variant", BUILDERS)
def test_control_the_default_of_pytorch_is_rejected(variant):
    with pytest.raises(AssertionError):
        assert_initialised(pytorch_default(built(variant)), VARIANCE_TIMES_INPUTS[variant])


def test_control_default_bias_is_rejected():
    network = built("selu")
    network[1].bias = nn.Parameter(pytorch_default(network)[1].bias.detach())
    with pytest.raises(AssertionError, match="biases"):
        assert_initialised(network, 1.0)


def test_control_another_variance_is_rejected():
    with pytest.raises(AssertionError, match="variance"):
        assert_initialised(built("elu"), 1.0)
    with pytest.raises(AssertionError, match="variance"):
        assert_initialised(reinitialised(built("selu"), with_gain(3 / 4)), 1.0)


def test_control_uniform_weights_of_the_right_variance_are_rejected():
    def uniform(weight, generator):
        nn.init.kaiming_uniform_(weight, nonlinearity="linear", generator=generator)

    with pytest.raises(AssertionError):
        assert_initialised(reinitialised(built("selu"), uniform), 1.0)


def with_gain(gain):
    def initialise(weight, generator):
        nn.init.normal_(weight, std=gain / math.sqrt(weight.shape[1]), generator=generator)

    return initialise


def activation_variances(network, seed):
    """Variance of the activations after each hidden layer, on images of standard normal pixels."""
    # Another seed than the weights': from the same one the first weights would *be* the images.
    images = torch.randn(512, 3, 32, 32, generator=generator_of(1000 + seed))
    variances = []
    with torch.no_grad():
        for layer in network:
            images = layer(images)
            if isinstance(layer, ELEMENTWISE):
                variances.append(images.var().item())
    return variances


def assert_self_normalising(network, seed):
    """Variance between 0.6 and 1.6 after every hidden layer.

    Over 200 seeds the last layer's lay between 0.85 and 1.13 for the right start, and outside
    0.08 to 19 for a gain of 3/4 and He's: the bounds are wide of both.
    """
    variances = activation_variances(network, seed)
    assert len(variances) == 20
    assert all(0.6 < variance < 1.6 for variance in variances)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("variant", ["selu", "alpha_dropout"])
def test_selu_keeps_the_variance_of_activations_near_one(variant, seed):
    assert_self_normalising(built(variant, seed=seed).eval(), seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "mutate",
    [
        partial(reinitialised, initialise=with_gain(3 / 4)),
        partial(reinitialised, initialise=networks.he_normal),
        pytorch_default,
    ],
    ids=["gain three quarters", "He", "PyTorch"],
)
def test_control_wrong_initialisations_do_not_keep_it(mutate, seed):
    with pytest.raises(AssertionError):
        assert_self_normalising(mutate(built("selu"), seed=seed), seed)


def test_control_elu_with_he_start_does_not_keep_it():
    with pytest.raises(AssertionError):
        assert_self_normalising(built("elu"), 0)


def drawn_from_its_generator(build):
    @given(
        seed=st.integers(0, 2**32 - 1),
        other=st.integers(0, 2**32 - 1),
        depth=st.integers(1, 3),
        width=st.integers(1, 3),
    )
    def check(seed, other, depth, width):
        before = torch.get_rng_state()
        first, again, another = (
            parameters_of(build(depth, width, generator_of(each))) for each in (seed, seed, other)
        )
        assert torch.equal(first, again)
        assert torch.equal(first, another) == (seed == other)
        assert torch.equal(before, torch.get_rng_state()), "the global generator was used"

    return check


def parameters_of(network):
    return nn.utils.parameters_to_vector(network.parameters())


@pytest.mark.parametrize("variant", BUILDERS)
def test_weights_are_a_function_of_the_generator_alone(variant):
    drawn_from_its_generator(BUILDERS[variant])()


def test_control_weights_from_elsewhere_are_rejected():
    def from_global_generator(depth, width, generator):
        layer = nn.Linear(3072, width)
        nn.init.normal_(layer.weight, generator=generator)
        return layer

    def from_fixed_seed(depth, width, generator):
        return networks.elu_network(depth, width, generator_of(0))

    for build in (from_global_generator, from_fixed_seed):
        assert_rejects(drawn_from_its_generator(build))


@pytest.mark.parametrize("everywhere", [False, True])
def test_alpha_dropout_follows_the_last_or_every_hidden_layer(everywhere):
    network = networks.alpha_dropout_network(20, 100, generator_of(0), 0.25, everywhere)
    names = [type(layer).__name__ for layer in network]
    hidden = ["Linear", "SELU"]
    dropped = [*hidden, "AlphaDropout"]
    body = dropped * 20 if everywhere else hidden * 19 + dropped
    assert names == ["Flatten", *body, "Linear"]
    assert {layer.p for layer in network if isinstance(layer, nn.AlphaDropout)} == {0.25}


def test_batch_norm_stands_on_the_input_and_before_every_activation():
    names = [type(layer).__name__ for layer in built("batch_norm")]
    body = ["Linear", "BatchNorm1d", "ELU"]
    assert names == ["Flatten", "BatchNorm1d", *body * 20, "Linear"]
