"""What a classifier refuses, word for word."""

import math

import pytest
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from small_runs import small_classifier, small_trainer

from lightning_cifar.classifiers import AlphaDropoutClassifier, EluClassifier, metrics_of
from lightning_cifar.errors import InputError
from lightning_cifar.stack.module import StackedClassifiers

RATE = "learning_rate must be a positive number, got {}; leave it out to have it searched"
SIZES = "classes must be at least 2 and image_size at least 8, got {} and {}"
ONE_CYCLE = "schedule is one_cycle, which is stretched over all steps, and "
REFUSED = [
    ({"depth": 0}, "depth must be at least 1, got 0"),
    ({"width": 0}, "width must be at least 1, got 0"),
    ({"classes": 1}, SIZES.format(1, 32)),
    ({"image_size": 7}, SIZES.format(10, 7)),
    ({"learning_rate": 0.0}, RATE.format(0.0)),
    ({"learning_rate": math.inf}, RATE.format(math.inf)),
    ({"class_weights": "even"}, "class_weights is 'even'; choose one of none, balanced"),
    ({"optimiser": "sgd"}, "optimiser is 'sgd'; choose one of nadam, muon"),
    (
        {"optimiser": "muon"},
        "optimiser is muon, and a rate is searched for nadam alone; give a learning_rate "
        "(configs/best.yaml has one)",
    ),
    (
        {"dropout_rate": 1.0},
        "dropout_rate must be at least 0 and below 1, got 1.0; the exercise uses 0.1",
    ),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda each: str(each)[:30])
def test_a_refusal_says_what_came_and_what_is_allowed(options, message):
    with pytest.raises(InputError) as refusal:
        AlphaDropoutClassifier(**{"depth": 1, "width": 1, **options})
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "options",
    [
        {"classes": 2, "image_size": 8},
        {"optimiser": "muon", "learning_rate": 0.1},
        {"learning_rate": 1e300},
        {"class_weights": "balanced"},
    ],
    ids=str,
)
def test_what_is_just_allowed_is_accepted(options):
    classifier = EluClassifier(depth=1, width=1, **options)
    assert {name: classifier.hparams[name] for name in options} == options


def optimisers_of(folder, classifier, callbacks=(), **options):
    trainer = small_trainer(folder, callbacks, **options)
    trainer.strategy.connect(classifier)
    classifier.trainer = trainer
    return classifier.configure_optimizers()


def test_a_fit_without_a_rate_is_refused(tmp_path):
    with pytest.raises(InputError) as refusal:
        optimisers_of(tmp_path, small_classifier(learning_rate=None))
    assert str(refusal.value) == (
        "no learning rate: set model.learning_rate or add the LearningRateSearch callback"
    )


@pytest.mark.parametrize("total", [math.inf, -1])
def test_a_cycle_without_an_end_is_refused(tmp_path, monkeypatch, total):
    monkeypatch.setattr(EluClassifier, "steps_of_the_fit", lambda _: total)
    with pytest.raises(InputError) as refusal:
        optimisers_of(tmp_path, small_classifier(schedule="one_cycle"))
    assert str(refusal.value) == (
        f"{ONE_CYCLE}there is no last one; give the trainer max_epochs or max_steps, and a loader "
        "with a length"
    )


def test_a_cycle_over_an_unknown_number_of_steps_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(EluClassifier, "steps_of_the_fit", lambda _: 9)
    classifier = small_classifier(schedule="one_cycle")
    with pytest.raises(InputError) as refusal:
        optimisers_of(tmp_path, classifier, [GradientAccumulationScheduler({0: 2})])
    assert str(refusal.value) == (
        f"{ONE_CYCLE}with GradientAccumulationScheduler their number is not known; use "
        "--trainer.accumulate_grad_batches"
    )


def test_class_weights_without_a_data_module_of_ours_are_refused():
    classifier = small_classifier(class_weights="balanced")
    with pytest.raises(InputError) as refusal:
        classifier.adopt_class_weights(object())
    assert str(refusal.value) == (
        "class_weights is balanced, and CIFAR10DataModule alone knows how many training images "
        "each class has; fit with one, or leave class_weights out"
    )
    small_classifier().adopt_class_weights(object())  # control: nobody asked for weights


@pytest.mark.parametrize(("classes", "five"), [(10, False), (11, True)])
def test_one_of_five_guesses_is_counted_above_ten_classes(classes, five):
    names = ["loss", "accuracy", "balanced_accuracy", *(["top5_accuracy"] if five else [])]
    assert list(metrics_of(classes)) == names


STACKS = {
    "none": ([], "a stack needs at least one classifier, got none"),
    "muon": (
        [small_classifier(optimiser="muon")],
        "a stack trains with nadam, got optimiser = 'muon'; fit such networks one by one",
    ),
    "kinds": (
        [small_classifier(), small_classifier(width=5)],
        "a stack holds classifiers of one kind, got width = 4 and 5; train them in two stacks",
    ),
    "rate": (
        [small_classifier(), small_classifier(learning_rate=None)],
        "every classifier of a stack needs a learning rate; search for one first",
    ),
}


@pytest.mark.parametrize("case", STACKS)
def test_classifiers_that_are_no_stack_are_refused(case):
    members, message = STACKS[case]
    with pytest.raises(InputError) as refusal:
        StackedClassifiers(members, range(len(members)))
    assert str(refusal.value) == message


def test_members_may_differ_in_seed_and_rate():
    members = [small_classifier(seed=1), small_classifier(seed=2, learning_rate=0.5)]
    assert StackedClassifiers(members, [1, 2]).rates.tolist() == [1e-3, 0.5]
