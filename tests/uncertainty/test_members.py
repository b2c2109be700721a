"""What members of an ensemble are, which images they share, and how their samples are joined."""

from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import (
    dropout_modes,
    ensembles,
    evaluation,
    monte_carlo,
    shared_images,
    stages,
)
from lightning_cifar.uncertainty.ensembles import Ensemble, Member


def images(level, count=2):
    stored = torch.full((count, 3, 2, 2), level, dtype=torch.uint8)
    return LabelledImages(stored, torch.arange(count))


@pytest.fixture
def runs(monkeypatch):
    """Runs by name: what was saved of their images, and the images that these settings give."""
    read = []

    class Images:
        def __init__(self, *, path, seed=0, validation="v", flip=False, cache=""):
            read.append((path, validation, cache))
            self.test_images = images({"moved": 1}.get(path, len(path)))
            self.validation_images = images({"v": 7, "w": 8}[validation])
            self.fingerprint, self.stages = f"of {path} {validation}", []
            self.classes = ("p", "q")

        def setup(self, stage):
            self.stages.append(stage)

    saved = {
        "a": {"path": "x", "seed": 1},
        "b": {"path": "x", "seed": 2, "flip": True},
        "c": {"path": "x", "validation": "w"},
        "d": {"path": "y"},
        "e": {"path": "long"},
    }
    monkeypatch.setattr(shared_images, "CIFAR10DataModule", Images)
    monkeypatch.setattr(shared_images, "saved_settings", lambda run: {"data": saved[str(run)]})
    return read


def shared(names, **places):
    return shared_images.shared_images([Path(name) for name in names], places)


@pytest.mark.parametrize(
    ("names", "count", "validated"),
    [("a", 1, True), ("ab", 1, True), ("ac", 2, False), ("acb", 2, False), ("ad", 2, True),
     ("acd", 3, False)],
)  # fmt: skip
def test_images_are_read_once_and_shared_where_they_are_equal(runs, names, count, validated):
    found = shared(names)
    assert len(runs) == count
    assert shared_images.same(found.test, images(1))
    assert (found.validation is not None) is validated
    if validated:
        assert shared_images.same(found.validation, images(7))
    assert found.fingerprint == "of x v"


def test_other_test_images_are_refused(runs):
    with pytest.raises(InputError) as refusal:
        shared("abe")
    assert str(refusal.value) == (
        "a and e have different test images, so their figures cannot stand side by side; give runs "
        "that were trained on one set of images"
    )


def test_images_that_have_moved_are_found(runs):
    shared("ae", path="moved", cache="there")
    assert runs == [("moved", "v", "there")]


def test_images_of_a_run_are_set_up_for_both():
    run = shared_images.images_of

    class Images:
        def __init__(self, **settings):
            self.settings, self.stages = settings, []

        def setup(self, stage):
            self.stages.append(stage)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_images, "CIFAR10DataModule", Images)
        found = run(Path("a"), {"path": "x"})
    assert (found.settings, found.stages) == ({"path": "x"}, ["validate", "test"])


@pytest.mark.parametrize(
    ("two", "alike"),
    [(images(1), True), (images(2), False), (images(1, 3), False),
     (LabelledImages(images(1).images, torch.tensor([0, 0])), False)],
)  # fmt: skip
def test_sets_are_the_same_by_images_and_labels(two, alike):
    assert shared_images.same(images(1), two) is alike


class Network(nn.Module):
    """The same logits for every image."""

    def __init__(self, *logits, **settings):
        super().__init__()
        self.logits, self.hparams = torch.tensor(logits), settings

    def forward(self, images):
        return self.logits.expand(len(images), -1)


SETTINGS = {"seed": 5, "width": 3}


def test_a_member_tells_which_weights_it_has(monkeypatch):
    monkeypatch.setattr(ensembles, "best_checkpoint", lambda run: run / "best.ckpt")
    monkeypatch.setattr(ensembles, "variant_of", lambda classifier: "elu")
    member = Member(Path("runs/a"), "abc", Network(0.0, **SETTINGS))
    assert member.about == {
        "run": "runs/a",
        "variant": "elu",
        "seed": 5,
        "weights": "runs/a/best.ckpt",
        "sha256": "abc",
    }
    one = {"variant": "elu", "seed": 5, "width": 3}
    assert ensembles.described([member.classifier]) == one
    assert ensembles.described([member.classifier] * 2) == {"members": [one, one]}


def test_an_ensemble_gives_the_logarithm_of_the_mean():
    sure, unsure = Network(0.0, 0.0, -1e9), Network(-1e9, 0.0, 0.0)
    found = Ensemble([sure, unsure])(torch.zeros(4, 3, 2, 2))
    assert found.shape == (4, 3)
    assert found.exp()[3].tolist() == pytest.approx([0.25, 0.5, 0.25])


def test_every_member_and_every_sample_has_one_say(monkeypatch):
    asked = []
    networks = [Network(0.0, 0.0), Network(0.0, -1e9)]
    monkeypatch.setattr(ensembles, "logits_of", lambda each, images: each(images))
    monkeypatch.setattr(ensembles, "of_raw_images", lambda each: each)

    def sampled(each, images, **given):
        asked.append(given)
        return each(images)[:, None].expand(-1, given["samples"], -1)

    monkeypatch.setattr(ensembles, "sample_logits", sampled)
    pictures = torch.zeros(3, 3, 2, 2)
    for samples in (None, 4):
        found = ensembles.predict_images(networks, pictures, samples, 6)
        assert found.probabilities[2].tolist() == pytest.approx([0.75, 0.25])
        assert found.expected_entropy.tolist() == pytest.approx([0.5 * 0.6931472] * 3)
    assert asked == [{"samples": 4, "seed": 6}] * 2
    single = ensembles.predict_images(networks[:1], pictures[:1], 2, 6)
    assert single.probabilities.tolist()[0] == pytest.approx([0.5, 0.5])


def test_settings_of_earlier_versions_are_left_out(monkeypatch):
    made = []

    class Variant:
        def __init__(self, **settings):
            made.append(settings)

        def __getattr__(self, name):
            return lambda *given: made.append((name, *given)) or self

    checkpoint = {
        "variant": "elu",
        "hyper_parameters": {"width": 3, "compiled": True},
        "state_dict": {"w": 1},
    }
    monkeypatch.setitem(evaluation.VARIANTS, "elu", Variant)
    monkeypatch.setattr(evaluation, "best_checkpoint", lambda run: f"best of {run}")
    monkeypatch.setattr(evaluation, "load_checkpoint", lambda path: made.append(path) or checkpoint)
    found = evaluation.load_classifier("a run")
    assert isinstance(found, Variant)
    assert made == [
        "best of a run",
        {"width": 3},
        ("on_load_checkpoint", checkpoint),
        ("load_state_dict", {"w": 1}),
        ("eval",),
    ]


def test_modes_are_put_back_after_a_failure():
    model = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.BatchNorm1d(2)), nn.Dropout(0.0))
    model[1].eval()
    before = [module.training for module in model.modules()]
    with dropout_modes.dropout_active(model):
        assert [module.training for module in model.modules()] == [False, True, False, False, False]

    def fail():
        with dropout_modes.evaluation_mode(model):
            assert not any(module.training for module in model.modules())
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert [module.training for module in model.modules()] == before
    assert dropout_modes.active_dropout_layers(model) == [model[0]]


def test_a_stage_is_computed_for_masks_of_all_kinds():
    linear = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 10.0], [100.0, 0.0]]))
    features = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    shared_mask = torch.tensor([[True, False], [False, True]])
    own_masks = torch.stack(
        [torch.tensor([[True, False], [True, False]]), ~shared_mask[:1].expand(2, 2)]
    )
    expected = torch.tensor([[[2.0, 200], [6, 600]], [[40, 0], [80, 0]]])
    alone = torch.tensor([[[2.0, 0], [6, 0]], [[0, 4], [0, 8]]])
    with torch.no_grad():
        for rest in ([], [nn.Identity()]):
            stage = stages.stage_of([nn.Dropout(0.5), linear, *rest])
            for mask in (shared_mask, own_masks):
                assert torch.allclose(stages.stage_output(stage, features, mask), expected)
            bare = stages.stage_of([nn.Dropout(0.5), *rest])
            for mask in (shared_mask, own_masks):
                assert torch.allclose(stages.stage_output(bare, features, mask), alone)


def test_samplers_draw_shared_masks_once_and_others_block_by_block():
    plan = stages.plan_of(
        nn.Sequential(nn.Dropout(0.25), nn.Linear(3, 2), nn.Dropout(0.5)).eval(), torch.zeros(1, 3)
    )
    sampler = monte_carlo.shared_sampler(plan, 4, 9)
    uniform = torch.rand(4, 5, generator=torch.Generator().manual_seed(9))
    first, second = sampler(torch.zeros(7, 3), torch.tensor([2, 0]))
    assert torch.equal(first, uniform[[2, 0], :3] >= 0.25)
    assert torch.equal(second, uniform[[2, 0], 3:] >= 0.5)
    sampler = monte_carlo.per_image_sampler(plan, 9, torch.device("cpu"))
    generator = torch.Generator().manual_seed(9)
    for _ in range(2):
        uniform = torch.rand(2, 7, 5, generator=generator)
        first, second = sampler(torch.zeros(7, 3), torch.tensor([2, 0]))
        assert torch.equal(first, uniform[..., :3] >= 0.25)
        assert torch.equal(second, uniform[..., 3:] >= 0.5)


def test_a_bar_waits_and_leaves_nothing(monkeypatch):
    asked = []
    monkeypatch.setattr(monte_carlo, "tqdm", lambda **given: asked.append(given))
    monte_carlo.progress(7)
    assert asked == [{"total": 7, "disable": None, "delay": 2.0, "leave": False}]
