"""The jobs of a study: stacks of runs of one condition, divided the same way at every start."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_text_atomically
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.folder import JOBS_FOLDER
from lightning_cifar.study.records import RECORDS_FOLDER

JOB_FILE = "job.json"
MEMBERS = 10  # of a stack; more gain little on a CPU, and a job is what is lost or moved at once


@final
@dataclass(frozen=True)
class Job:
    """Some seeds of one condition, trained as one stack."""

    condition: Condition
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of its folder: with the configuration and every seed, so that no other job has it."""
        return f"{self.condition.record_name(0)}-{'-'.join(map(str, self.seeds))}"

    @property
    def title(self) -> str:
        """For people: "exercise/selu, seeds 0 to 9"."""
        first, last = self.seeds[0], self.seeds[-1]
        if len(self.seeds) == 1:
            return f"{self.condition.name}, seed {first}"
        if last - first + 1 == len(self.seeds):
            return f"{self.condition.name}, seeds {first} to {last}"
        return f"{self.condition.name}, seeds {', '.join(map(str, self.seeds))}"

    def folder(self, study: Path) -> Path:
        """Where it keeps what is under way."""
        return study / JOBS_FOLDER / self.name

    def missing(self, study: Path) -> list[int]:
        """The seeds without a record; a damaged one counts as a record."""
        return [
            seed
            for seed in self.seeds
            if not (study / RECORDS_FOLDER / f"{self.condition.record_name(seed)}.json").exists()
        ]


def jobs_of(
    conditions: Iterable[Condition],
    done: Collection[str],
    study: Path,
    shard: tuple[int, int] = (1, 1),
) -> list[Job]:
    """What is left to do: started stacks continue with their members, the rest is divided.

    A stack has seeds of one block of ``MEMBERS`` (0 to 9, 10 to 19, …). The blocks of all
    conditions are assigned to the shards in turn, whether done or not, so every shard sees the
    same ones.

    done: names of the records there are.  shard: (i, n), the i-th of n from 1.
    """
    jobs = []
    number = 0
    unfinished = unfinished_jobs(study)
    for condition in conditions:
        for start in range(0, condition.seeds, MEMBERS):
            number += 1
            if (number - shard[0]) % shard[1]:
                continue
            block = range(start, min(start + MEMBERS, condition.seeds))
            stacks = unfinished.get(condition.record_name(0), [])
            jobs += jobs_of_block(condition, block, done, stacks)
    return jobs


def longest_first(jobs: Iterable[Job]) -> list[Job]:
    """The jobs by the steps they may take: a long one that starts last runs alone at the end."""

    def most_steps(job: Job) -> float:
        settings = job.condition.settings
        return float(settings["trainer"]["max_epochs"] / settings["data"]["batch_size"])

    return sorted(jobs, key=most_steps, reverse=True)


def jobs_of_block(
    condition: Condition,
    block: Sequence[int],
    done: Collection[str],
    unfinished: Iterable[tuple[int, ...]],
) -> list[Job]:
    """The jobs of one condition's seeds in ``block``; ``unfinished`` are its stacks under way."""
    missing = {seed for seed in block if condition.record_name(seed) not in done}
    jobs = []
    for seeds in unfinished:
        if missing & set(seeds):
            jobs.append(Job(condition, seeds))
            missing -= set(seeds)
    return [*jobs, Job(condition, tuple(sorted(missing)))] if missing else jobs


def unfinished_jobs(study: Path) -> dict[str, list[tuple[int, ...]]]:
    """Stacks under way: name of the condition's first record -> seeds of each."""
    unfinished: dict[str, list[tuple[int, ...]]] = {}
    for path in sorted((study / JOBS_FOLDER).glob(f"*/{JOB_FILE}")):
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            unfinished.setdefault(fields["arm"], []).append(tuple(map(int, fields["seeds"])))
        except (ValueError, KeyError, TypeError):
            continue  # damaged: its seeds are divided anew
    return unfinished


def begin(job: Job, study: Path) -> Path:
    """Make a job's folder and note its members there."""
    folder = job.folder(study)
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"arm": job.condition.record_name(0), "title": job.title, "seeds": job.seeds}
    write_text_atomically(folder / JOB_FILE, json.dumps(fields) + "\n")
    return folder


def shard_of(text: str) -> tuple[int, int]:
    """The shard "i/n" as two numbers; InputError unless i is between 1 and n."""
    first, slash, last = text.partition("/")
    if slash and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last):
        return int(first), int(last)
    raise InputError(f"--shard must be i/n with i from 1 to n, such as 1/4 to 4/4; got {text!r}")
