"""Muon's steps: PyTorch's own, matrices near orthogonal, by hand as by autograd."""

import pytest
import torch
from controls import assert_rejects
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer
from torch import nn

from lightning_cifar.backprop.fitting import why_not_by_hand
from lightning_cifar.classifiers import VARIANTS, DenseClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.optim import muon_update
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.groups import parameter_groups
from lightning_cifar.rate_search.find import search_settings
from lightning_cifar.rate_search.fit_options import PLAIN
from lightning_cifar.runs.resuming import check_unchanged
from lightning_cifar.stack.module import check_alike

SHAPES = ((6, 6), (6, 6), (4, 9), (9, 4))


def matrices(seed):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def orthogonalises(function):
    """A check that directions are kept and that singular values come near 1."""

    def check():
        generator = torch.Generator().manual_seed(0)
        for shape in ((3, 5, 5), (2, 4, 9)):
            given = torch.randn(shape, generator=generator)
            rows, values, columns = torch.linalg.svd(given, full_matrices=False)
            left = values > 0.02 * values[:, :1]
            found = (rows.mT @ function(given) @ columns.mT).diagonal(dim1=-2, dim2=-1)
            assert ((found > 0.65) & (found < 1.25))[left].all()
            rebuilt = rows @ torch.diag_embed(found) @ columns
            assert torch.allclose(rebuilt, function(given), atol=1e-4)

    return check


def test_matrices_become_nearly_orthogonal():
    orthogonalises(muon_update.orthogonalised)()
    assert muon_update.orthogonalised(torch.zeros(1, 3, 3)).abs().max() == 0


@pytest.mark.parametrize(
    "wrong",
    [lambda given: given, torch.sign, lambda given: muon_update.orthogonalised(given.sign())],
    ids=["as it is", "signs", "other directions"],
)
def test_control_other_matrices_are_rejected(wrong):
    assert_rejects(orthogonalises(wrong))


def takes_pytorchs_steps(rate=0.02):
    """A check against ``torch.optim.Muon``, which orthogonalises in 16 bits."""

    def check():
        ours, theirs = matrices(0), matrices(0)
        group = {"params": ours, "lr": rate, "orthogonal": True}
        both = FlatNAdam([group]), torch.optim.Muon(theirs, lr=0.02, weight_decay=0.0)
        for step in range(10):
            for parameters, optimiser in zip((ours, theirs), both, strict=True):
                for parameter, gradient in zip(parameters, matrices(step + 1), strict=True):
                    parameter.grad = gradient.detach().clone()
                optimiser.step()
        for mine, other, start in zip(ours, theirs, matrices(0), strict=True):
            assert (mine - other).norm() < 0.05 * (start - other).norm()

    return check


def test_steps_are_pytorchs():
    takes_pytorchs_steps()()


def test_control_other_steps_are_rejected(monkeypatch):
    assert_rejects(takes_pytorchs_steps(rate=0.03))
    monkeypatch.setattr(muon_update, "direction", lambda gradient, average: gradient)
    assert_rejects(takes_pytorchs_steps())


def test_muon_moves_the_hidden_layers_and_nadam_the_rest():
    network = small_classifier(VARIANTS["batch_norm"], depth=3).network
    everything, hidden = parameter_groups(network, "muon", 0.01)
    linear = [layer for layer in network if isinstance(layer, nn.Linear)]
    assert [id(each) for each in hidden["params"]] == [id(each.weight) for each in linear[:-1]]
    both = {id(each) for each in (*everything["params"], *hidden["params"])}
    assert both == {id(each) for each in network.parameters()}
    (alone,) = parameter_groups(network, "nadam", 0.01)
    assert len(alone["params"]) == len(both)
    with pytest.raises(ValueError, match="no hidden linear layer"):
        parameter_groups(nn.Sequential(nn.Flatten(), nn.Linear(3, 2)), "muon", 0.01)


@pytest.mark.parametrize(
    "options", [{"rates": torch.ones(6)}, {"parameters": [nn.Parameter(torch.ones(3))]}]
)
def test_what_is_no_matrix_of_one_network_is_an_error(options):
    group = {"params": options.pop("parameters", matrices(0)[:1]), "orthogonal": True}
    with pytest.raises(ValueError, match="matrices of one network"):
        FlatNAdam([group], **options)


class LooksWithinAStep(Callback):
    """Lightning must call it between backward and step, so autograd trains."""

    def on_after_backward(self, trainer, pl_module):
        pass


def weights_after(folder, callbacks=(), **options):
    classifier = small_classifier(VARIANTS["batch_norm"], **{"optimiser": "muon"} | options)
    trainer = small_trainer(folder, callbacks, max_epochs=2, precision="64-true")
    trainer.fit(classifier, small_data())
    reason = why_not_by_hand(classifier, DenseClassifier, trainer)
    assert (reason is not None) == bool(callbacks)
    return torch.cat([each.detach().flatten() for each in classifier.network.parameters()])


def test_steps_by_hand_are_those_of_autograd(tmp_path):
    by_hand = weights_after(tmp_path)
    by_autograd = weights_after(tmp_path, [LooksWithinAStep()])
    assert (by_hand - by_autograd).abs().max() < 1e-9
    other = weights_after(tmp_path, optimiser="nadam")  # control
    assert (by_hand - other).abs().max() > 1e-3


def test_a_stack_refuses_muon():
    members = [small_classifier(optimiser="muon"), small_classifier(optimiser="muon", seed=1)]
    with pytest.raises(InputError, match="trains with nadam, got optimiser = 'muon'; fit such"):
        check_alike(members)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimiser": "moun"}, "optimiser is 'moun'; choose one of nadam, muon"),
        ({"optimiser": "muon", "learning_rate": None}, "searched for nadam alone; give a learning"),
    ],
)
def test_what_cannot_be_trained_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        small_classifier(**options)


def test_runs_and_rates_of_earlier_versions_go_on():
    """These knew one optimiser and did not write its name down."""
    before = {"model": {"init_args": {"width": 4}}}
    now = {"model": {"init_args": {"width": 4, "optimiser": "nadam"}}}
    check_unchanged(before, now)
    now["model"]["init_args"]["optimiser"] = "muon"
    with pytest.raises(InputError, match=r"optimiser = None and cannot be continued with 'muon'"):
        check_unchanged(before, now)
    data = small_data()
    data.setup("fit")
    settings = search_settings(small_classifier(), data, PLAIN, 2, 1)
    assert "optimiser" not in settings["network"]
