"""Several runs in ``test`` and ``predict``: the mean of their probabilities, or a refusal."""

import hashlib
import json
import math
import re
import shutil
from pathlib import Path

import pytest
import torch
from commands import refused, run, working_in
from controls import assert_rejects
from image_examples import random_images, write_image
from written_runs import DATA, written_run

from lightning_cifar.classifiers import EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.figures import CLASSES as NAMES
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.uncertainty import ensemble_scores
from lightning_cifar.uncertainty.ensemble_report import figures_of
from lightning_cifar.uncertainty.ensemble_scores import averaged, judge
from lightning_cifar.uncertainty.ensembles import Ensemble, load_members, predict_images
from lightning_cifar.uncertainty.evaluation import load_classifier
from lightning_cifar.uncertainty.temperature import fit_temperature


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs on one set: two seeds of one variant, and another variant."""
    folder = tmp_path_factory.mktemp("ensembles") / "work"
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        written_run(folder / "a", names=NAMES)
        written_run(folder / "b", names=NAMES, seed=1)
        written_run(folder / "c", EluClassifier, names=NAMES, seed=2)
    return folder


@pytest.fixture(autouse=True)
def cwd(runs, tmp_path, monkeypatch):
    """An empty working folder; the drawn images are kept beside the runs."""
    with working_in(tmp_path / "empty", monkeypatch) as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(runs.parent / "cache"))
        yield folder


@pytest.fixture
def data():
    found = CIFAR10DataModule(**DATA)
    found.setup("validate")
    found.setup("test")
    return found


def flags(runs, names="abc"):
    return [part for name in names for part in ("--run", runs / name)]


def mean_probabilities(runs, images, names="abc"):
    """By the definition, in double precision, from each network's own logits."""
    with torch.no_grad():
        each = [load_classifier(runs / name)(images).double().softmax(1) for name in names]
    return sum(each) / len(each)


def is_the_mean(log_probabilities, runs, images):
    def check():
        expected = mean_probabilities(runs, images)
        assert torch.allclose(log_probabilities(images).double().exp(), expected, atol=1e-6)

    return check


def classifiers_of(runs, names="abc"):
    return [load_classifier(runs / name) for name in names]


def test_an_ensemble_averages_probabilities(runs, data):
    images = data.test_images.images
    ensemble = Ensemble(classifiers_of(runs)).eval()
    with torch.no_grad():
        is_the_mean(ensemble, runs, images)()
        assert torch.allclose(ensemble(images).softmax(1), ensemble(images).exp(), atol=1e-6)


def of_mean_logits(classifiers):
    return lambda images: sum(each(images) for each in classifiers).div(3).log_softmax(1)


def of_the_first_two(classifiers):
    return Ensemble(classifiers[:2])


def of_geometric_means(classifiers):
    return lambda images: sum(each(images).log_softmax(1) for each in classifiers) / 3


@pytest.mark.parametrize("mistake", [of_mean_logits, of_the_first_two, of_geometric_means])
def test_control_other_means_are_rejected(runs, data, mistake):
    with torch.no_grad():
        assert_rejects(is_the_mean(mistake(classifiers_of(runs)), runs, data.test_images.images))


def test_test_prints_and_records_the_ensemble_with_its_members(runs, cwd, capsys, data):
    code, out, error = run(capsys, "test", *flags(runs))
    assert code == 0, error
    labels = data.test_images.labels
    expected = mean_probabilities(runs, data.test_images.images)
    accuracy = float((expected.argmax(1) == labels).double().mean())
    loss = float(-expected[torch.arange(60), labels].log().mean())
    assert out.startswith(f"test_loss {loss:.4f}  test_accuracy {accuracy:.2%}\n")
    folder = cwd / "runs" / "ensemble-000"
    assert f"wrote {folder.relative_to(cwd) / 'test.json'}" in out
    found = json.loads((folder / "test.json").read_text())
    assert found["figures"]["test_loss"] == pytest.approx(loss, rel=1e-5)
    assert list(map(sum, found["confusion"])) == torch.bincount(labels).tolist()
    assert sum(row[index] for index, row in enumerate(found["confusion"])) == accuracy * 60
    assert tuple(found["classes"]) == NAMES
    for member, name in zip(found["members"], "abc", strict=True):
        weights = Path(member["weights"]).read_bytes()
        assert member["sha256"] == hashlib.sha256(weights).hexdigest()
        assert member["run"] == str(runs / name)
    assert [each["variant"] for each in found["members"]] == ["alpha_dropout"] * 2 + ["elu"]
    assert [each["seed"] for each in found["members"]] == [0, 1, 2]
    assert (folder / "confusion.png").stat().st_size > 1000
    assert run(capsys, "test", *flags(runs, "ab"))[0] == 0  # a folder of its own again
    assert (cwd / "runs" / "ensemble-001" / "test.json").is_file()


def test_members_have_the_figures_of_their_own_tests(runs, cwd, capsys):
    assert run(capsys, "test", *flags(runs))[0] == 0
    found = json.loads((cwd / "runs" / "ensemble-000" / "test.json").read_text())
    code, out, error = run(capsys, "test", "--run", runs / "c")
    assert code == 0, error
    loss, accuracy = re.match(r"test_loss (\S+)  test_accuracy (\S+)%", out).groups()
    scores = [each["scores"] for each in found["members"]]
    assert f"{scores[2]['nll']:.4f}" == loss != f"{scores[1]['nll']:.4f}"
    assert f"{100 * scores[2]['accuracy']:.2f}" == accuracy


def temperature_is_of_validation(runs, data, judging):
    def check():
        classifiers, held_out = classifiers_of(runs), data.validation_images
        found = judging(classifiers, data.test_images, held_out, samples=None, seed=0).temperature
        expected = fit_temperature(mean_probabilities(runs, held_out.images).log(), held_out.labels)
        assert found == pytest.approx(expected, rel=1e-3)

    return check


def fitted_on_test(classifiers, test, validation, **options):
    return judge(classifiers, test, test, **options)


def test_temperature_is_fitted_on_validation_images(runs, data):
    temperature_is_of_validation(runs, data, judge)()
    assert_rejects(temperature_is_of_validation(runs, data, fitted_on_test))


def test_differences_are_from_the_mean_of_the_members(runs, data):
    found = judge(
        classifiers_of(runs, "ab"), data.test_images, data.validation_images, samples=4, seed=0
    )
    for way, differences in found.differences.items():
        for key, difference in differences.items():
            mean = sum(each[key] for each in found.members) / 2
            assert difference.value == pytest.approx(found.scores[way][key] - mean, abs=1e-9)
            assert difference.low <= difference.value <= difference.high
    assert set(found.scores) == {"ensemble", "ensemble_temperature", "ensemble_monte_carlo"}


def test_runs_with_other_validation_images_get_no_temperature(runs, cwd, capsys):
    written_run(cwd / "other", names=NAMES, seed=3, data={"split_seed": 5})
    code, out, error = run(capsys, "test", "--run", runs / "a", "--run", "other")
    assert code == 0, error
    assert "no temperature, because the runs were validated on different images" in out
    found = json.loads((cwd / "runs" / "ensemble-000" / "test.json").read_text())
    assert found["temperature"] is None
    assert set(found["scores"]) == {"ensemble"}


def test_samples_of_all_members_are_averaged(runs, data):
    images = data.test_images.images
    classifiers = classifiers_of(runs, "ab")
    found = judge(classifiers, data.test_images, None, samples=5, seed=3)
    each = [predict_images([one], images, 5, 3).probabilities for one in classifiers]
    together = predict_images(classifiers, images, 5, 3)
    assert torch.allclose(together.probabilities, sum(each) / 2, atol=1e-6)
    nll = -together.log_probabilities[torch.arange(60), data.test_images.labels].mean()
    assert found.scores["ensemble_monte_carlo"]["nll"] == pytest.approx(float(nll), rel=1e-5)


def test_averaging_does_not_underflow():
    certain = torch.tensor([[0.0, -2000.0]])
    assert averaged([certain, certain.flip(1)]).tolist() == [[pytest.approx(-math.log(2))] * 2]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(random_images(3).images):
        write_image(folder / f"{number}.png", pixels)
    return folder


def test_predict_averages_and_tells_disagreement(runs, pictures, capsys):
    code, out, error = run(capsys, "predict", *flags(runs), pictures, "--format=json")
    assert (code, error) == (0, "")
    expected = mean_probabilities(runs, random_images(3).images)
    for row, probabilities in zip(json.loads(out), expected, strict=True):
        assert row["predicted_class"] == NAMES[int(probabilities.argmax())]
        assert row["probability"] == pytest.approx(float(probabilities.max()), rel=1e-5)
        entropy = float(-(probabilities * probabilities.log()).sum())
        assert row["predictive_entropy"] == pytest.approx(entropy, rel=1e-5)
        assert 0 < row["mutual_information"] < entropy


def test_one_run_is_predicted_as_ever(runs, pictures, capsys):
    code, out, _ = run(capsys, "predict", "--run", runs / "a", pictures, "--format=json")
    assert code == 0
    expected = mean_probabilities(runs, random_images(3).images, "a")
    for row, probabilities in zip(json.loads(out), expected, strict=True):
        assert row["mutual_information"] is None
        assert row["probability"] == pytest.approx(float(probabilities.max()), rel=1e-5)


COMMANDS = {
    "test": [],
    "predict": ["{pictures}"],
    "export": ["--format=safetensors", "--out=together.safetensors"],
}


def refusal(capsys, command, pictures, *folders):
    flags = [part for folder in folders for part in ("--run", folder)]
    more = [each.format(pictures=pictures) for each in COMMANDS[command]]
    return refused(capsys, command, *flags, *more)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_same_run_twice_is_refused(runs, tmp_path, capsys, pictures, command):
    error = refusal(capsys, command, pictures, runs / "a", runs / "b" / ".." / "a")
    assert "is given twice, which would count it double" in error
    shutil.copytree(runs / "a", tmp_path / "copy")
    error = refusal(capsys, command, pictures, runs / "a", runs / "b", tmp_path / "copy")
    assert re.search(r"work/a and .*copy hold the same weights", error)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": [*NAMES[:3], "lynx", *NAMES[4:]]}, f"calls class 3 '{NAMES[3]}' and .* 'lynx'"),
        ({"names": "ab", "classes": 2}, "has 10 classes and .* 2, so they are no ensemble"),
        ({"names": NAMES, "image_size": 16}, "has 32 pixels to a side of an image and .* 16"),
    ],
)
def test_networks_of_other_images_are_refused(
    runs, tmp_path, capsys, pictures, command, options, message
):
    other = written_run(tmp_path / "other", seed=7, **options)
    assert re.search(message, refusal(capsys, command, pictures, runs / "a", other))


def test_other_test_images_are_refused(runs, tmp_path, capsys, monkeypatch):
    other = written_run(tmp_path / "other", names=NAMES, seed=7, data={"validation_size": 31})
    read = CIFAR10DataModule.test_images.fget

    def changed(self):
        found = read(self)
        if self.validation_size == 31:
            return LabelledImages(found.images.flip(0), found.labels)
        return found

    assert run(capsys, "test", "--run", runs / "a", "--run", other)[0] == 0
    monkeypatch.setattr(CIFAR10DataModule, "test_images", property(changed))
    error = refused_beside_lines(capsys, "test", "--run", runs / "a", "--run", other)
    assert "have different test images" in error


def refused_beside_lines(capsys, *arguments):
    """The last line of a refusal that comes after what was said of the images."""
    code, out, error = run(capsys, *arguments)
    assert (code, out) == (2, "")
    return error.splitlines()[-1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--trainer.devices=2"], "the test of several runs does not take '--trainer.devices=2'"),
        (["--config", "selu"], "does not take '--config'"),
        (["--ckpt_path=x"], "does not take"),
        (["--mc_samples=0"], "at least 1, got 0"),
        (["--mc_samples=x"], "invalid int value"),
        (["--seed_everything=-1"], "must be between 0 and"),
    ],
)
def test_options_that_an_ensemble_does_not_take_are_refused(runs, capsys, more, message):
    assert message in refused(capsys, "test", *flags(runs, "ab"), *more)


def test_samples_need_dropout_in_every_member(runs, pictures, capsys):
    for command in (["test"], ["predict", pictures]):
        error = refused(capsys, *command, *flags(runs), "--mc_samples=3")
        assert "no active dropout layer" in error


def test_a_folder_that_is_no_run_is_refused(runs, capsys):
    error = refused(capsys, "test", "--run", runs / "a", "--run", runs)
    assert "is not a run folder" in error


@pytest.mark.parametrize("command", ["validate", "fit"])
def test_other_commands_take_one_run(runs, capsys, command):
    more = ["--resume"] if command == "fit" else []
    error = refused(capsys, command, *flags(runs, "ab"), *more)
    assert f"{command} takes one --run, got 2" in error


def test_an_exported_ensemble_needs_a_file(runs, capsys):
    error = refused(capsys, "export", *flags(runs), "--format=safetensors")
    assert "add --out FILE" in error


def test_control_an_ensemble_of_its_first_member_is_noticed(runs, cwd, capsys, data, monkeypatch):
    monkeypatch.setattr(ensemble_scores, "averaged", lambda members: members[0])

    def check():
        test_test_prints_and_records_the_ensemble_with_its_members(runs, cwd, capsys, data)

    assert_rejects(check)


def test_figures_follow_the_images():
    """With eleven classes or more the first five guesses, with unequal ones the balanced share."""
    logits = torch.eye(12)[[0, 1, 2, 2]].mul(5)
    logits[3, 3] = 1  # the second guess for the last image is right
    log_probabilities = logits.log_softmax(1)
    found = figures_of(log_probabilities, random_images(4).select(torch.tensor([0, 1, 2, 3])))
    assert found["test_accuracy"] == 0.75
    assert set(found) == {
        *("test_loss", "test_accuracy", "test_balanced_accuracy", "test_top5_accuracy"),
    }
    assert found["test_balanced_accuracy"] == pytest.approx(0.75)
    assert found["test_top5_accuracy"] == 1.0


def test_members_are_told_by_the_hash_of_their_weights(runs):
    first, second = load_members([runs / "a", runs / "b"])
    assert first.sha256 != second.sha256
    assert len(load_members([runs / "a"])) == 1
