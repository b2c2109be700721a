import copy
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import (
    BatchSizeFinder,
    GradientAccumulationScheduler,
    LearningRateFinder,
)
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.classifiers import VARIANTS, AlphaDropoutClassifier, EluClassifier
from lightning_cifar.errors import InputError
from lightning_cifar.rate_search import callback as learning_rate_search
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.rate_search.find import find_rate
from lightning_cifar.rate_search.results import (
    PICTURE_FILE,
    SEARCH_FILE,
    hash_of,
    keep,
    read_result,
    source_in,
    write_result,
)
from lightning_cifar.rate_search.search import Candidate, RangeTest, SearchResult

RESULT = SearchResult(
    0.0625,
    RangeTest((0.01, 0.125, 1.0), (2.0, 1.0, 9.0), (2.0, 1.5, 9.0)),
    (Candidate(0.125, (1.0, 2.0)), Candidate(0.0625, (0.5,)), Candidate(0.03125, ())),
)


@pytest.fixture
def searches(monkeypatch):
    """Counts the searches, and puts a known result in their place."""
    calls = []

    def found(classifier, *_):
        calls.append(classifier)
        return RESULT

    monkeypatch.setattr(learning_rate_search, "find_rate", found)
    return calls


@pytest.fixture
def without_pictures(monkeypatch):
    """Pictures take most of a setup's time."""
    monkeypatch.setattr(learning_rate_search, "keep", lambda *arguments: None)


def set_up(
    folder,
    *,
    variant=EluClassifier,
    model=None,
    data=None,
    search=None,
    trainer=None,
    rate=None,
    spoil=None,
):
    """Run the callback's setup as a fit would; returns the module and the callback."""
    callback = LearningRateSearch(cache=str(folder / "cache"), **(search or {}))
    classifier = small_classifier(variant, **{"learning_rate": rate, **(model or {})})
    datamodule = small_data(**(data or {}))
    datamodule.setup("fit")
    if spoil is not None:
        spoil(classifier)
    (folder / "run").mkdir(exist_ok=True)
    fit = small_trainer(folder / "run", [callback], **(trainer or {}))
    fit.datamodule = datamodule
    callback.setup(fit, classifier, "fit")
    return SimpleNamespace(classifier=classifier, callback=callback, run=folder / "run")


def in_double(classifier):
    classifier.double()


def trained_before(classifier):
    """As by an earlier fit: the weights are no longer those of the seed."""
    classifier.network[1].weight.data[0, 0] += 1


def test_found_rate_reaches_module_and_hyperparameters(tmp_path, searches):
    after = set_up(tmp_path)
    assert after.classifier.learning_rate == after.classifier.hparams["learning_rate"] == 0.0625
    assert after.callback.source == "search"


@pytest.mark.parametrize(
    ("loss", "warned"), [(0.5, False), (2.18, False), (2.19, True), (2.31, True)]
)
def test_race_that_has_not_learned_is_told(
    tmp_path, monkeypatch, without_pictures, capsys, loss, warned
):
    """A guess among ten classes has a loss of 2.303. The control is the race that has learned."""
    result = replace(RESULT, race=(Candidate(0.0625, (loss,)),))
    monkeypatch.setattr(learning_rate_search, "find_rate", lambda *_: result)
    for source in ("search", "cache"):  # what is known to mean nothing means nothing again
        assert set_up(tmp_path, rate=None).callback.source == source
        told = capsys.readouterr().err
        assert (f"has learned: the lowest validation loss is {loss:.3f}" in told) == warned
        assert ("--model.learning_rate" in told) == warned


def test_same_settings_are_not_searched_again(tmp_path, searches, without_pictures):
    set_up(tmp_path)
    after = set_up(tmp_path)
    assert len(searches) == 1
    assert after.classifier.learning_rate == 0.0625
    assert after.callback.source == "cache"


def test_a_run_that_was_killed_after_its_search_does_not_search_again(tmp_path, searches):
    """It has the result in its own folder, wherever the cache is, and says where it is from."""
    first = set_up(tmp_path)
    shutil.rmtree(tmp_path / "cache")
    again = set_up(tmp_path)
    assert len(searches) == 1
    assert again.classifier.learning_rate == first.classifier.learning_rate
    assert again.callback.source == source_in(again.run) == "search"
    set_up(tmp_path, data={"batch_size": 8})  # control: another fit in the same folder
    assert len(searches) == 2


def test_a_search_that_has_not_begun_has_no_source_of_its_own():
    assert LearningRateSearch().state_dict() == {"source": "given"}


def test_seed_of_the_run_does_not_matter(tmp_path, searches, without_pictures):
    set_up(tmp_path)
    assert set_up(tmp_path, model={"seed": 5}, data={"seed": 5}).callback.source == "cache"


@pytest.mark.parametrize(
    "change",
    [
        {"variant": VARIANTS["selu"]},
        {"variant": VARIANTS["batch_norm"]},
        {"model": {"depth": 3}},
        {"model": {"width": 5}},
        {"model": {"schedule": "one_cycle"}},
        {"model": {"class_weights": "balanced"}},
        {"data": {"batch_size": 17}},
        {"data": {"fingerprint": "of other images"}},
        {"data": {"validation_size": 11}},
        {"data": {"split_seed": 1}},
        {"data": {"standardise": "none"}},
        {"data": {"flip": True}},
        {"data": {"shift": 2}},
        {"search": {"candidates": 3}},
        {"search": {"epochs": 2}},
        {"trainer": {"precision": "bf16-mixed"}},
        {"trainer": {"accumulate_grad_batches": 2}},
        {"trainer": {"gradient_clip_val": 0.5}},
        {"trainer": {"gradient_clip_val": 0.5, "gradient_clip_algorithm": "value"}},
        {"trainer": {"limit_train_batches": 2}},
        {"trainer": {"limit_train_batches": 0.5}},
        {"data": {"validation": "first"}},
        {"trainer": {"overfit_batches": 1}},
        {"spoil": in_double},
        {"spoil": trained_before},
    ],
    ids=lambda change: "-".join(
        getattr(part, "__name__", str(part)) for part in next(iter(change.items()))
    ),
)
def test_everything_that_matters_makes_a_new_search(tmp_path, searches, without_pictures, change):
    set_up(tmp_path)
    assert set_up(tmp_path, **change).callback.source == "search"
    assert len(searches) == 2
    assert set_up(tmp_path).callback.source == "cache"  # the first result is kept beside it


@pytest.mark.parametrize(
    "options",
    [
        {"max_epochs": 7},
        {"max_steps": 2},
        {"limit_train_batches": 1000},
        {"limit_val_batches": 1},
        {"gradient_clip_val": 0.0},
        {"gradient_clip_algorithm": "value"},
        {"log_every_n_steps": 1},
    ],
    ids=str,
)
def test_fits_that_train_alike_share_a_rate(tmp_path, searches, without_pictures, options):
    set_up(tmp_path)
    assert set_up(tmp_path, trainer=options).callback.source == "cache"


def test_limits_that_come_to_the_same_share_a_rate(tmp_path, searches, without_pictures):
    """Of four batches: a number, a share, both limits at once; norm is what is clipped by default.

    The control is the test of everything that matters, above.
    """
    set_up(tmp_path, trainer={"limit_train_batches": 2, "gradient_clip_val": 1})
    for options in (
        {"limit_train_batches": 0.5, "gradient_clip_val": 1.0},
        {"overfit_batches": 2, "gradient_clip_val": 1.0, "gradient_clip_algorithm": "norm"},
    ):
        assert set_up(tmp_path, trainer=options).callback.source == "cache"


@pytest.mark.parametrize("limits", [{"limit_train_batches": 0}, {"limit_train_batches": 0.1}])
def test_limits_that_leave_nothing_are_refused(tmp_path, searches, limits):
    with pytest.raises(InputError, match="leave no batch to search a learning rate with"):
        set_up(tmp_path, trainer=limits)
    assert searches == []


@pytest.mark.parametrize(
    "callback", [GradientAccumulationScheduler({1: 2}), BatchSizeFinder(), LearningRateFinder()]
)
def test_callback_that_a_search_cannot_follow_is_refused(tmp_path, callback):
    search = LearningRateSearch(cache=str(tmp_path))
    with pytest.raises(InputError, match=f"cannot train as a fit with {type(callback).__name__}"):
        search.setup(
            small_trainer(tmp_path, [callback]), small_classifier(learning_rate=None), "fit"
        )
    # With a rate there is nothing to search, and nothing to refuse.
    search.setup(small_trainer(tmp_path, [callback]), small_classifier(), "fit")


@pytest.mark.parametrize("option", [{"dropout_rate": 0.2}, {"dropout_everywhere": True}])
def test_dropout_makes_a_new_search(tmp_path, searches, without_pictures, option):
    set_up(tmp_path, variant=AlphaDropoutClassifier)
    after = set_up(tmp_path, variant=AlphaDropoutClassifier, model=option)
    assert after.callback.source == "search"


def test_given_rate_switches_the_search_off(tmp_path, searches):
    after = set_up(tmp_path, rate=0.5)
    assert after.classifier.learning_rate == 0.5
    assert after.callback.source == "given"
    assert searches == []
    assert list(after.run.iterdir()) == []


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_only_a_fit_searches(tmp_path, searches, stage):
    classifier = small_classifier(learning_rate=None)
    LearningRateSearch(cache=str(tmp_path)).setup(small_trainer(tmp_path), classifier, stage)
    assert classifier.learning_rate is None
    assert searches == []


def test_resumed_run_remembers_how_its_rate_was_found():
    first, second = LearningRateSearch(), LearningRateSearch()
    first.source = "search"
    second.load_state_dict(first.state_dict())
    assert second.source == "search"


def test_damaged_result_is_searched_again(tmp_path, searches, without_pictures):
    set_up(tmp_path)
    (file,) = (tmp_path / "cache" / "learning_rate").iterdir()
    settings = json.loads(file.read_text())["settings"]
    file.write_text(file.read_text()[:-20])
    assert set_up(tmp_path).callback.source == "search"
    assert read_result(file, settings) == RESULT


def test_curve_and_candidates_are_kept_in_the_run_folder(tmp_path, searches):
    run = set_up(tmp_path).run
    assert (run / PICTURE_FILE).read_bytes().startswith(b"\x89PNG")
    data = json.loads((run / SEARCH_FILE).read_text())
    assert data["settings"]["variant"] == "elu"
    assert data["settings"]["images"] == "of noise"
    assert data["source"] == source_in(run) == "search"
    assert read_result(run / SEARCH_FILE, data["settings"]) == RESULT


def test_result_is_read_back_as_it_was_written(tmp_path):
    write_result(RESULT, {"any": "thing"}, "search", tmp_path / "file")
    assert read_result(tmp_path / "file", {"any": "thing"}) == RESULT
    assert read_result(tmp_path / "file", {"any": "other"}) is None


def test_result_whose_rate_did_not_win_is_damaged(tmp_path):
    write_result(replace(RESULT, rate=0.125), {}, "search", tmp_path / "file")
    assert read_result(tmp_path / "file", {}) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rate": 1, "test": 2, "race": 3}'])
def test_other_files_are_no_result(tmp_path, text):
    (tmp_path / "file").write_text(text)
    assert read_result(tmp_path / "file", {}) is None
    assert read_result(tmp_path / "missing", {}) is None


def test_hash_does_not_depend_on_the_order_of_settings():
    assert hash_of({"a": 1, "b": {"c": 2, "d": 3}}) == hash_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})


@pytest.mark.parametrize("options", [{"candidates": 1}, {"epochs": 0}])
def test_race_of_nothing_is_refused(options):
    with pytest.raises(InputError, match="candidates >= 2 and epochs >= 1, got"):
        LearningRateSearch(**options)


@pytest.mark.parametrize("variant", VARIANTS)
def test_search_leaves_weights_and_images_as_they_were(variant):
    classifier, datamodule = small_classifier(VARIANTS[variant]), small_data()
    datamodule.setup("fit")
    weights = copy.deepcopy(classifier.network.state_dict())
    images = datamodule.train_images.images.clone()
    random_state = torch.get_rng_state()
    found = find_rate(classifier, datamodule, torch.device("cpu"), candidates=3, epochs=1)
    assert found.rate in [candidate.rate for candidate in found.race]
    assert torch.equal(images, datamodule.train_images.images)
    assert torch.equal(random_state, torch.get_rng_state())
    for name, weight in classifier.network.state_dict().items():
        assert torch.equal(weight, weights[name]), name


def test_fit_begins_with_the_weights_of_its_seed(tmp_path):
    """A search before it changes nothing but the rate: both fits take the same first step."""

    class FirstWeights(Callback):
        def on_train_start(self, trainer, pl_module):
            self.weights = copy.deepcopy(pl_module.network.state_dict())

    seen = []
    for rate in (None, 1e-3):
        first = FirstWeights()
        search = LearningRateSearch(candidates=2, epochs=1, cache=str(tmp_path / "cache"))
        trainer = small_trainer(tmp_path, [search, first])
        trainer.fit(small_classifier(learning_rate=rate), small_data())
        seen.append(first.weights)
    for name, weight in seen[0].items():
        assert torch.equal(weight, seen[1][name])


def test_search_is_the_same_each_time():
    datamodule = small_data()
    datamodule.setup("fit")
    classifier = small_classifier(AlphaDropoutClassifier)
    results = [find_rate(classifier, datamodule, torch.device("cpu"), 3, 1) for _ in range(2)]
    assert results[0] == results[1]


def test_root_folder_of_a_stock_trainer_need_not_exist(tmp_path):
    folder = tmp_path / "runs" / "first"
    keep(RESULT, {}, "search", folder)
    assert {each.name for each in folder.iterdir()} == {SEARCH_FILE, PICTURE_FILE}
