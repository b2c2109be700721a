"""What a study keeps of a run: one small sealed JSON file, from which the report is made.

The file is named by the run's configuration. Its seal, a hash of all the rest, tells a record that
is whole from one that was cut short or edited: JSON with a digit changed is still JSON.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.runs.records import RunRecord, record_from
from lightning_cifar.stack.activation_record import ActivationRecord, activations_from

RECORDS_FOLDER = "records"
CURVE_DIGITS = 5


@dataclass(frozen=True)
class StudyRecord:
    """One finished run of a study, or one that failed: that is a result too.

    Attributes:
        name: 16 hex digits, the hash of the run's configuration.
        test: measure -> value on the test images at the best weights, by the keys of
            ``uncertainty.scores.MEASURES``, with "balanced_accuracy" and "top5_accuracy" where
            ``test`` gives them; empty if the run failed.
        test_right: base64 of ``numpy.packbits`` of "right" per test image, in the order of the
            file; empty if the run failed.
        activations: of this run at the epochs that were looked at.
        monte_carlo: Monte Carlo dropout against the deterministic prediction on the test images,
            as ``uncertainty.report.to_json`` writes it; None for a network without dropout.
            With "scores" of "monte_carlo_temperature" too: the same samples, their averaged
            probabilities scaled by "monte_carlo_temperature".
        failure: why there are no test figures; empty if there are.
        most_accurate: "epoch" with the highest validation accuracy, counted from 0, with its
            "test" and "test_right"; None if the run failed, or its record is of an earlier version.
        logits: "file" in the study's folder ``logits``, its "sha256", and the shapes of its arrays
            "test" and "validation"; None likewise.
    """

    name: str
    set_up: str
    variant: str
    seed: int
    run: RunRecord
    test: dict[str, float]
    test_right: str
    activations: tuple[ActivationRecord, ...]
    monte_carlo: dict[str, Any] | None
    failure: str
    most_accurate: dict[str, Any] | None = None
    logits: dict[str, Any] | None = None

    @property
    def by_accuracy(self) -> "StudyRecord | None":
        """The same run as a rule that keeps the highest validation accuracy would record it.

        Without Monte Carlo dropout, activations and logits, which are of the first checkpoint; None
        where the second was not kept. A failed run has failed under any rule.
        """
        if self.failure:
            return self
        if self.most_accurate is None:
            return None
        return replace(
            self,
            run=replace(self.run, best_epoch=self.most_accurate["epoch"]),
            test=self.most_accurate["test"],
            test_right=self.most_accurate["test_right"],
            activations=(),
            monte_carlo=None,
            logits=None,
        )

    @property
    def right_images(self) -> NDArray[np.int8]:
        """``test_right`` unpacked, (images,); filled up with 0 where their number is not known."""
        packed = np.frombuffer(base64.b64decode(self.test_right), np.uint8)
        images = self.logits["test"][0] if self.logits else None
        return np.unpackbits(packed, count=images).astype(np.int8)


def write_study_record(record: StudyRecord, study: Path) -> Path:
    """Write a record into the folder of its study, with rounded curves; returns the file."""
    path = study / RECORDS_FOLDER / f"{record.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = asdict(record)
    for epoch in fields["run"]["epochs"]:
        epoch.update({key: rounded(value) for key, value in epoch.items()})
    write_text_atomically(path, sealed(json.dumps(fields, separators=(",", ":")) + "\n"))
    return path


def rounded(value: float) -> float:
    """A float to ``CURVE_DIGITS`` significant digits; whole numbers as they are."""
    return float(f"{value:.{CURVE_DIGITS}g}") if isinstance(value, float) else value


def sealed(body: str) -> str:
    """A JSON object with a seal as its first key: 16 hex digits that depend on every letter."""
    seal = hashlib.sha256(body.encode()).hexdigest()[:16]
    return f'{{"seal":"{seal}",{body[1:]}'


def read_study_record(path: Path) -> StudyRecord:
    """Read a record; InputError if it is missing, damaged, or not what its name says."""
    try:
        text = path.read_text(encoding="utf-8")
        if text != sealed("{" + text[len(sealed("{")) :]):
            raise ValueError("its seal does not match")
        fields = json.loads(text)
        del fields["seal"]
        if fields["name"] != path.stem:
            raise ValueError(f"it belongs to {fields['name']}.json")
        fields["run"] = record_from(fields["run"])
        fields["activations"] = tuple(map(activations_from, fields["activations"]))
        return StudyRecord(**fields)
    except OSError as error:
        raise InputError(f"cannot read the study record {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged ({error}); run it again with 'study --redo_damaged'"
        ) from error


def read_study(study: Path) -> tuple[list[StudyRecord], list[str]]:
    """The records of a study by set-up, variant and seed, and the names of the damaged files."""
    records, damaged = [], []
    for path in sorted((study / RECORDS_FOLDER).glob("*.json")):
        try:
            records.append(read_study_record(path))
        except InputError:
            damaged.append(path.stem)
    records.sort(key=lambda record: (record.set_up, record.variant, record.seed))
    return records, damaged


def of_other_images(records: Sequence[StudyRecord], images: Mapping[str, str]) -> list[str]:
    """Names of the records that were made with other images: a name tells the settings alone.

    images: "set-up/variant" -> the hash of its images; conditions without one are not judged.
    """
    return [
        each.name
        for each in records
        if images.get(f"{each.set_up}/{each.variant}", each.run.data_fingerprint)
        != each.run.data_fingerprint
    ]
