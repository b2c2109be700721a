"""The networks of the benchmark of uncertainty: conditions, their rates, their runs.

Runs of a condition differ by their seed alone and train as one stack. The weights are those of the
last epoch of a 1cycle schedule: an epoch chosen by the validation loss without dropout would put
networks with dropout after every layer at a disadvantage, as their prediction without dropout says
nothing about what they learned (docs/benchmarks.md). For the same reason the candidates of a rate
search are judged as the networks will predict: with dropout on, if they have it.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lightning_cifar.classifiers import VARIANTS, DenseClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.rate_search.find import CANDIDATES, lent_images
from lightning_cifar.rate_search.fit_options import PLAIN, race_length
from lightning_cifar.rate_search.race import at_rate
from lightning_cifar.rate_search.search import Candidate, search
from lightning_cifar.rate_search.short_fits import ShortFits, placed, quiet
from lightning_cifar.runs.provenance import device_name
from lightning_cifar.runs.records import RECORD_FILE, read_record
from lightning_cifar.stack.fit import (
    MemberFit,
    checkpoint_of,
    prepared,
    run_record,
    silent_trainer,
    train_stack,
    write_member,
)
from lightning_cifar.stack.module import settings_of
from lightning_cifar.stack.progress import STACK_FILE, StackProgress, stack_of
from lightning_cifar.uncertainty.evaluation import logits_of, monte_carlo_mean
from lightning_cifar.uncertainty.scores import scores_of

CPU = torch.device("cpu")
RACE_SAMPLES = 10  # by which candidates with dropout are judged
LAST, EVERY = "last", "every"
UNDROPPED = "selu"  # the network to which alpha dropout is added


@dataclass(frozen=True)
class Condition:
    """Networks of one kind.

    Attributes:
        options: of the classifier beside depth, width, schedule, rate and seed.
    """

    name: str
    variant: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def has_dropout(self) -> bool:
        """Whether there is something to sample."""
        return bool(self.options)

    def classifier(self, seed: int, size: dict[str, int]) -> DenseClassifier:
        """The untrained network of a seed; size: depth and width."""
        return VARIANTS[self.variant](**size, schedule="one_cycle", seed=seed, **self.options)


def conditions(
    variants: Sequence[str], rates: Sequence[float], every_rates: Sequence[float] | None = None
) -> list[Condition]:
    """The variants without dropout, then alpha dropout at each rate in both places.

    every_rates: after every layer, where they are not those before the output.
    """
    plain = [Condition(name, name) for name in variants]
    places = (
        (LAST, False, rates),
        (EVERY, True, rates if every_rates is None else every_rates),
    )
    return plain + [
        Condition(
            f"{place}-{rate:g}",
            "alpha_dropout",
            {"dropout_rate": rate, "dropout_everywhere": everywhere},
        )
        for place, everywhere, its_rates in places
        for rate in its_rates
    ]


def require_alike(
    conditions: Sequence[Condition],
    seeds: Sequence[int],
    data: CIFAR10DataModule,
    folder: Path,
    epochs: int,
) -> None:
    """Refuse a run that stands in the folder and could not be compared fairly with the others.

    Raises:
        InputError: one of other images or another length, naming it.
    """
    for run in (folder / each.name / str(seed) for each in conditions for seed in seeds):
        if not (run / RECORD_FILE).is_file():
            continue
        record = read_record(run / RECORD_FILE)
        if record.data_fingerprint != data.fingerprint:
            raise InputError(f"{run} was trained on other images; give another folder for --runs")
        if len(record.epochs) != epochs:
            raise InputError(
                f"{run} was trained for {len(record.epochs)} epochs, asked for are {epochs}; give "
                f"--epochs {len(record.epochs)}, or another folder for --runs"
            )


def train(
    condition: Condition,
    seeds: Sequence[int],
    data: CIFAR10DataModule,
    folder: Path,
    *,
    epochs: int,
    size: dict[str, int],
) -> None:
    """Train the runs that are missing in ``folder``/<condition>/<seed>, or go on where it was.

    Raises:
        InputError: a run diverged.
    """
    place = folder / condition.name
    missing = [seed for seed in seeds if not (place / str(seed) / RECORD_FILE).is_file()]
    if not missing:
        return
    place.mkdir(parents=True, exist_ok=True)
    rate = rate_of(condition, data, place / "rate.json", size)
    classifiers = [at_rate(condition.classifier(seed, size), rate) for seed in missing]
    members = [prepared(each, data) for each in classifiers]
    description = {
        "members": [settings_of(each) for each in members],
        "seeds": missing,
        "rate": rate,
        "epochs": epochs,
        "data": {"fingerprint": data.fingerprint} | data.settings,
    }
    stack = place / "stack"
    stack.mkdir(exist_ok=True)
    progress = StackProgress(
        len(members),
        description=description,
        on_epoch=lambda epoch, count: print(
            f"{condition.name}: epoch {epoch + 1} of {epochs}, {count} networks", flush=True
        ),
    )
    trainer = silent_trainer(
        [progress], accelerator="cpu", devices=1, max_epochs=epochs, default_root_dir=str(stack)
    )
    train_stack(members, missing, data, trainer, checkpoint_of(stack / STACK_FILE, description))
    trained = stack_of(trainer.lightning_module)
    if len(trained.present) < len(members):
        raise InputError(f"{condition.name}: a network diverged at the rate {rate:g}")
    for index, (seed, member) in enumerate(zip(missing, members, strict=True)):
        member.network.load_state_dict(trained.stack.member_state(index))
        member.learning_rate = rate
        its = progress.members[index]
        fit = MemberFit(
            epochs=tuple(its.epochs),
            best_epoch=epochs - 1,
            stop_reason=its.stop_reason,
            classifier=member.eval(),
            activations=(),
            device=device_name(CPU),
            data_fingerprint=data.fingerprint,
            images=data.found,
        )
        write_run(fit, seed, data, place / str(seed))
    shutil.rmtree(stack)


def write_run(fit: MemberFit, seed: int, data: CIFAR10DataModule, folder: Path) -> None:
    """A run folder that ``test``, ``predict`` and ``export`` accept, with the last weights."""
    classifier = fit.classifier
    own = {"seed", "classes", "image_size"}
    options = {key: value for key, value in classifier.hparams.items() if key not in own}
    config = {
        "seed_everything": seed,
        "trainer": {"max_epochs": len(fit.epochs), "accelerator": "cpu"},
        "model": {
            "class_path": f"lightning_cifar.classifiers.{type(classifier).__name__}",
            "init_args": options | {"learning_rate": classifier.learning_rate},
        },
        "data": {
            "source": data.source,
            "path": data.path,
            "batch_size": data.batch_size,
            "validation_size": data.validation_size,
        },
    }
    # The rule: the last epoch, whatever its loss.
    rule: dict[str, Any] = {"monitor": "epoch", "mode": "max", "best_score": float(fit.best_epoch)}
    write_member(fit, dataclasses.replace(run_record(fit, config, "search"), **rule), folder)


def rate_of(
    condition: Condition, data: CIFAR10DataModule, file: Path, size: dict[str, int]
) -> float:
    """The top of the 1cycle schedule, searched with seed 0 for all runs of a condition.

    The search is the package's: range test, race of candidates half an epoch long, further rates
    beyond an outermost winner. Only the judge of the race is another.
    """
    if file.is_file():
        return float(json.loads(file.read_text())["rate"])
    images = lent_images(data, CPU, processes=1)
    member = prepared(condition.classifier(0, size), images)

    def race(rates: tuple[float, ...]) -> tuple[Candidate, ...]:
        return raced(condition, member, rates, images)

    test = ShortFits(member, {"datamodule": images}, CPU, PLAIN).range_test()
    found = search(test, race, CANDIDATES, share=1.0)
    runners = [{"rate": each.rate, "loss": each.best} for each in found.race]
    write_text_atomically(file, json.dumps({"rate": found.rate, "race": runners}, indent=1) + "\n")
    print(f"{condition.name}: rate {found.rate:g}", flush=True)
    return found.rate


def raced(
    condition: Condition,
    member: DenseClassifier,
    rates: Sequence[float],
    images: CIFAR10DataModule,
) -> tuple[Candidate, ...]:
    """Train copies at the rates for a short while; their losses as they will predict."""
    epochs, options = race_length(len(images.train_images) // images.batch_size, None, PLAIN)
    progress = StackProgress(len(rates))
    runners = [prepared(at_rate(member, rate), images) for rate in rates]
    with quiet():
        trainer = silent_trainer(
            [progress], max_epochs=epochs, **placed(CPU), **options.for_trainer()
        )
        train_stack(runners, [0] * len(rates), images, trainer)
    trained = stack_of(trainer.lightning_module)
    found = []
    for place, (rate, runner) in enumerate(zip(rates, runners, strict=True)):
        if place not in trained.present:
            found.append(Candidate.of(rate, [], diverged=True))
            continue
        state = trained.stack.member_state(trained.present.index(place))
        runner.network.load_state_dict(state)
        found.append(Candidate.of(rate, [loss_of(condition, runner.eval(), images)]))
    return tuple(found)


def loss_of(condition: Condition, classifier: DenseClassifier, images: CIFAR10DataModule) -> float:
    """The validation loss of the prediction that will be used: sampled, if there is dropout."""
    held_out = images.validation_images
    if condition.has_dropout:
        predicted = monte_carlo_mean(classifier, held_out.images, samples=RACE_SAMPLES, seed=0)
    else:
        predicted = logits_of(classifier, held_out.images).log_softmax(-1)
    return scores_of(predicted, held_out.labels)["nll"]
