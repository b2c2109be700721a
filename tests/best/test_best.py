"""The benchmark of the recipe: folding, records that are not made twice, ensembles, the page."""

import copy
import json
import re
import shutil

import pytest
import torch
from commands import run as run_command
from controls import assert_rejects
from image_examples import random_images
from torch import nn

from benchmarks.best import folding, page
from benchmarks.best.__main__ import main
from benchmarks.best.ingredients import ladder, left_out
from benchmarks.best.student import Recipe, early_cycle
from benchmarks.best.teacher import Teacher, answers
from benchmarks.best.work import Answer, ensemble_of, ensembles
from lightning_cifar.networks import batch_norm_network
from lightning_cifar.runs.records import read_record
from lightning_cifar.standardise import Standardise

SMALL = ["--size", "3", "8", "--epochs", "2", "--short", "1", "--seeds", "2"]
SMALL += ["--members", "3", "--member-epochs", "1", "--teacher-epochs", "1", "--teacher-width", "2"]


def moved_network(on_inputs):
    """A network whose statistics, scales and shifts are not 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    network = batch_norm_network(4, 6, generator, classes=5, pixels=12)
    if not on_inputs:
        del network[1]
    with torch.no_grad():
        for each in (*network.parameters(), *network.buffers()):
            if each.is_floating_point():
                each.add_(torch.rand(each.shape, generator=generator))
    return network.eval()


def folds(fold, on_inputs):
    """A check that the plain network has linear layers and ELU alone, and the same logits."""

    def check():
        network = moved_network(on_inputs)
        inputs = torch.randn(9, 12, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            plain = fold(network)
            assert {type(each) for each in plain} == {nn.Flatten, nn.Linear, nn.ELU}
            assert torch.allclose(plain(inputs), network(inputs), atol=1e-4, rtol=1e-4)

    return check


def without_means(norm):
    """Scale and shift of a normalisation that forgets its mean."""
    scale, _ = right_line(norm)
    return scale, norm.bias


def without_epsilon_and_variance(norm):
    return norm.weight, norm.bias - norm.weight * norm.running_mean


right_line = folding.as_line


@pytest.mark.parametrize("on_inputs", [True, False])
def test_folded_network_is_plain_and_the_same(on_inputs):
    folds(folding.folded, on_inputs)()


@pytest.mark.parametrize("wrong", [without_means, without_epsilon_and_variance])
def test_control_another_line_is_noticed(monkeypatch, wrong):
    monkeypatch.setattr(folding, "as_line", wrong)
    assert_rejects(folds(folding.folded, False))
    assert_rejects(folds(lambda network: network, False))


def test_answers_are_the_mean_of_an_image_and_its_mirror_image():
    teacher = Teacher(2, 10, 1, Standardise()).eval()
    images = random_images(6)
    found = answers(teacher, images)
    assert torch.allclose(found.sum(1), torch.ones(6))
    mirrored = answers(teacher, type(images)(images.images.flip(-1), images.labels))
    assert torch.allclose(found, mirrored, atol=1e-6)
    with torch.no_grad():
        one_view = teacher(images.images).softmax(-1)
    assert not torch.allclose(found, one_view, atol=1e-6)  # control


def test_each_row_changes_one_part():
    recipe = Recipe(epochs=1)
    rows = list(ladder(recipe).values())
    assert rows[-1] == recipe
    assert len(set(rows)) == 4
    assert not any(each == recipe for each in left_out(recipe).values())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of records and runs after all three parts, on drawn images."""
    folder = tmp_path_factory.mktemp("best")
    places = ["--runs", str(folder / "runs"), "--records", str(folder / "records")]
    for part in ("train", "ingredients", "members", "test"):
        if part == "test":  # what the package has fitted: here another network's run
            shutil.copytree(folder / "runs" / "muon" / "0", folder / "runs" / "package" / "0")
        assert main([part, *places, *SMALL]) == 0
    return folder, places


def read(folder, name):
    return json.loads((folder / "records" / f"{name}.json").read_text())


def test_records_hold_what_was_trained(made):
    folder, _ = made
    recipe, muonless = read(folder, "recipe-0"), read(folder, "without_muon-0")
    assert recipe["settings"]["optimiser"] == "muon"
    assert muonless["settings"]["optimiser"] == "nadam"
    assert recipe["fold_error"] < 1e-3
    assert len(recipe["losses"]) == 2
    test = read(folder, "test")
    assert set(test["networks"]["recipe"]) == {"0", "1"}
    found = test["ensembles"]
    assert found["best"]["members"] == 3
    assert found["recipe"]["kinds"] == {"recipe": 2}
    assert found["recipe and short"]["kinds"] == {"recipe": 2, "member": 1}
    (fitted,) = test["package"]
    assert fitted["test_accuracy"] == test["networks"]["muon"]["0"]


def test_what_has_a_record_is_not_made_again(made, capsys):
    folder, places = made
    before = (folder / "records" / "recipe-0.json").read_text()
    assert main(["train", *places, *SMALL]) == 0
    assert capsys.readouterr().out.count("the record is there") == 2
    assert (folder / "records" / "recipe-0.json").read_text() == before


def test_run_folder_is_the_plain_network_for_the_package_s_commands(made, capsys):
    folder, _ = made
    run = folder / "runs" / "recipe" / "0"
    record = read_record(run / "record.json")
    assert (record.variant, record.best_epoch, len(record.epochs)) == ("elu", 1, 2)
    code, told, _ = run_command(capsys, "test", "--run", str(run))
    measured = read(folder, "test")["networks"]["recipe"]["0"]
    assert code == 0
    assert f"test_accuracy {measured:.2%}" in told


def test_page_has_the_figures_of_the_records(made):
    folder, _ = made
    records = page.read_records(folder / "records")
    text = page.page(records)
    for name in ("recipe", "muon", "without muon"):
        assert page.percent(records["test"]["networks"][name]["0"]) in text
    assert (
        f"**The ensemble of 3: {page.percent(records['test']['ensembles']['best']['accuracy'])}**"
        in text
    )
    labels = [each.get_text() for each in page.draw(records).axes[0].get_yticklabels()]
    steps = [f"{name}, 1 epochs" for name in ladder(Recipe(epochs=1))]
    last = ["--config best, 1 epochs", "recipe, 2 epochs", "ensemble of 3"]
    assert labels == [*steps, *last]


def test_shipped_page_is_that_of_the_records():
    records = page.read_records()
    assert page.PAGE.read_text(encoding="utf-8") == page.page(records)
    changed = copy.deepcopy(records)
    changed["test"]["ensembles"]["best"]["accuracy"] += 0.01
    assert page.page(changed) != page.page(records)  # control


def test_figure_of_before_is_the_study_s():
    study = (page.ROOT / "docs" / "RESULTS.md").read_text(encoding="utf-8")
    (found,) = re.findall(r"`augmented` \| `batch_norm` \| 3 of 3 \| 0 \| 0 \| (\d+\.\d+)", study)
    assert float(found) == pytest.approx(100 * page.BEFORE, abs=0.05)


def test_cycle_rises_for_a_fifth_and_falls_to_nothing():
    assert [early_cycle(each) for each in (0.0, 0.2, 0.6, 1.0)] == pytest.approx([0.1, 1, 0.5, 0])


def test_members_are_chosen_by_validation_accuracy_alone():
    labels = torch.tensor([0, 1])
    right, wrong = torch.eye(2), 1 - torch.eye(2)
    answers_ = [
        Answer("recipe", 0.6, wrong),
        Answer("member", 0.5, right),
        Answer("package", 0.7, right),
    ]
    best = ensembles(answers_, 2)["best"]
    assert [each.val_accuracy for each in best] == [0.7, 0.6]
    found = ensemble_of(best[:1], labels)
    assert found == {"members": 1, "kinds": {"package": 1}, "accuracy": 1.0}
    assert ensemble_of(best[1:], labels)["accuracy"] == 0.0  # control
