"""How jobs end, and what is said and kept of it, word for word."""

from argparse import Namespace
from types import SimpleNamespace

import pytest
from record_samples import study_record

from lightning_cifar.errors import InputError
from lightning_cifar.study import local_engine, outcome, run_study, train_job
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.jobs import Job
from lightning_cifar.study.records import write_study_record
from lightning_cifar.study.train_job import Ended


def condition(variant="elu", **settings):
    sections = {
        "trainer": {"max_epochs": 10, "accelerator": "cpu"},
        "early_stopping": {"patience": 3},
        "model": {"init_args": {"kind": variant, "seed": 0}},
        "data": {"seed": 0},
        "learning_rate_search": {},
    }
    return Condition("a", variant, 4, sections | settings)


def job(variant="elu", seeds=(0, 1), **asked):
    return Job(condition(variant, **asked), seeds)


@pytest.fixture
def three(tmp_path):
    """Conditions of four seeds each, with the records of two runs."""
    conditions = [condition(), condition("selu")]
    for name in (conditions[0].record_name(0), conditions[1].record_name(3)):
        write_study_record(study_record(name=name), tmp_path)
    return conditions


@pytest.mark.parametrize(
    ("failed", "damage", "code", "words"),
    [
        ([], False, 0, ""),
        (
            ["a/elu, seed 1", "a/selu, seeds 0 to 2"],
            True,
            1,
            "lightning-cifar: failed: a/elu, seed 1; a/selu, seeds 0 to 2; "
            "the same command tries again\n",
        ),
        (
            [],
            True,
            2,
            "lightning-cifar: damaged records left out: 1damaged, 2damaged; "
            "add --redo_damaged to run them again\n",
        ),
    ],
)
def test_the_end_of_a_study_in_words(three, tmp_path, capsys, failed, damage, code, words):
    if damage:
        for number in (1, 2):
            (tmp_path / "records" / f"{number}damaged.json").write_text("")
    assert run_study.summary(three, tmp_path, failed) == code
    told = capsys.readouterr()
    assert told.out == f"2 of 8 runs have their record in {tmp_path}\n"
    assert told.err == words


def test_jobs_are_run_and_what_they_say_is_said(monkeypatch, capsys, tmp_path):
    jobs = [job(seeds=(number,)) for number in range(3)]
    endings = [Ended("done", ("a line", "another")), Ended("failed", ("why",)), Ended("busy")]
    asked, told = [], []

    def engine(*arguments):
        asked.append(arguments)
        yield from zip(jobs, endings, strict=True)

    monkeypatch.setattr(run_study, "run_jobs", engine)
    heard = SimpleNamespace(job=lambda *about: told.append(about))
    options = Namespace(engine="local", workers=2, out=tmp_path)
    assert run_study.run(jobs, options, heard) == ["a/elu, seed 1"]
    assert asked == [(jobs, tmp_path, 2, heard)]
    assert told == list(zip(jobs, ("done", "failed", "busy"), strict=True))
    assert capsys.readouterr().err.splitlines() == [
        "lightning-cifar: a/elu, seed 0: a line",
        "lightning-cifar: a/elu, seed 0: another",
        "lightning-cifar: a/elu, seed 1: why",
    ]


@pytest.mark.parametrize(
    ("workers", "count", "expected"), [(8, 3, 3), (2, 3, 2), (None, 3, 3), (None, 9, 5), (4, 0, 1)]
)
def test_there_are_no_more_workers_than_jobs(monkeypatch, tmp_path, workers, count, expected):
    asked = []
    monkeypatch.setattr(run_study, "default_workers", lambda jobs: 5)
    monkeypatch.setattr(
        run_study, "run_jobs", lambda *given: asked.append(given[2]) or (each for each in ())
    )
    jobs = [job(seeds=(number,)) for number in range(count)]
    options = Namespace(engine="local", workers=workers, out=tmp_path)
    assert run_study.run(jobs, options, None) == []
    assert asked == [expected]


@pytest.mark.parametrize(("accelerators", "expected"), [(("auto", "gpu"), 3), (("auto", "cpu"), 2)])
def test_where_there_are_gpus_there_is_a_worker_for_each(monkeypatch, accelerators, expected):
    monkeypatch.setattr(run_study.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(run_study.torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(
        run_study.os, "sched_getaffinity", lambda process: {process, 5}, raising=False
    )
    jobs = [job(trainer={"accelerator": each}) for each in accelerators]
    assert run_study.default_workers(jobs) == expected


def test_one_worker_runs_the_jobs_here(monkeypatch, tmp_path):
    told = []

    def attempt(job, study, on_epoch):
        on_epoch(4, 2)
        return Ended("done", (str(study),))

    monkeypatch.setattr(local_engine, "attempt", attempt)
    heard = SimpleNamespace(epoch=lambda *about: told.append(about))
    jobs = [job(), job("selu")]
    done = list(local_engine.run_jobs(jobs, tmp_path, 1, heard))
    assert done == [(each, Ended("done", (str(tmp_path),))) for each in jobs]
    assert told == [(each, 4, 2) for each in jobs]


def test_several_workers_run_at_once_and_the_rest_is_killed(monkeypatch, tmp_path):
    started, killed, most = [], [], []

    class Worker:
        def __init__(self, context, job, study):
            self.job, self.connection, self.news = job, object(), [None, Ended("done")]
            self.process = SimpleNamespace(kill=lambda: killed.append(job))
            started.append((context.get_start_method(), job, study))

        def listen(self, progress):
            assert progress == "progress"
            return self.news.pop(0)

    def wait(connections):
        most.append(len(connections))
        return connections[:1]

    monkeypatch.setattr(local_engine, "Worker", Worker)
    monkeypatch.setattr(local_engine, "wait", wait)
    jobs = [job(seeds=(number,)) for number in range(3)]
    engine = local_engine.run_jobs(jobs, tmp_path, 2, "progress")
    assert next(engine) == (jobs[0], Ended("done"))
    assert started == [("spawn", each, tmp_path) for each in jobs[:2]]
    assert next(engine) == (jobs[1], Ended("done"))
    engine.close()
    assert killed == [jobs[2]]
    assert most == [2, 2, 2, 2]


def raising(error):
    def raises(*_):
        raise error

    return raises


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("no images there"), "no images there"),
        (ValueError("two\n  lines"), "ValueError: two lines (all of it in TRACE)"),
        (OSError(28, "full"), "OSError: [Errno 28] full (all of it in TRACE)"),
        (KeyError("x" * 400), f"KeyError: '{'x' * 289} (all of it in TRACE)"),
    ],
)
def test_whatever_is_wrong_with_a_job_is_its_result(monkeypatch, tmp_path, error, line):
    monkeypatch.setattr(train_job, "run_job", raising(error))
    (tmp_path / "jobs").mkdir()
    trace = tmp_path / "jobs" / f"{job().name}.txt"
    assert train_job.attempt(job(), tmp_path) == Ended(
        "failed", (line.replace("TRACE", str(trace)),)
    )
    assert trace.exists() == ("TRACE" in line)
    if trace.exists():
        assert trace.read_text().startswith("Traceback (most recent call last):")


def test_a_trace_that_cannot_be_written_is_no_further_error(monkeypatch, tmp_path):
    monkeypatch.setattr(train_job, "run_job", raising(ValueError("full")))
    assert train_job.attempt(job(), tmp_path).how == "failed"


def test_a_job_of_another_process_is_busy(monkeypatch, tmp_path):
    monkeypatch.setattr(train_job, "train", raising(AssertionError("trained")))
    folder = train_job.begin(job(), tmp_path)
    with train_job.locked(folder):
        assert train_job.run_job(job(), tmp_path) == Ended("busy", ("another process is at it",))
    assert folder.exists()


def test_a_job_trains_what_is_missing_and_leaves_no_folder(monkeypatch, tmp_path):
    asked, threads = [], []
    monkeypatch.setattr(train_job.torch, "set_num_threads", threads.append)
    monkeypatch.setattr(train_job, "train", lambda *given: asked.append(given) or ["it failed"])
    folder = job().folder(tmp_path)
    assert train_job.run_job(job(), tmp_path, "told") == Ended("done", ("it failed",))
    assert asked == [(job(), tmp_path, folder, "told")]
    assert not folder.exists()
    (tmp_path / "records").mkdir()
    for seed in (0, 1):
        (tmp_path / "records" / f"{condition().record_name(seed)}.json").write_text("")
    assert train_job.run_job(job(), tmp_path) == Ended("done", ())
    assert (len(asked), threads, folder.exists()) == (1, [1, 1], False)


@pytest.mark.parametrize("failure", ["", "it diverged"])
def test_a_record_holds_the_run_and_what_came_of_it(monkeypatch, tmp_path, failure):
    """A failed run has no figures, and nothing is computed for them."""
    asked = []
    figures = {"test": {"accuracy": 0.5}, "test_right": "x", "logits": {"file": "f"}}

    def figures_of(*given):
        asked.append(given)
        return figures | {"monte_carlo": {"samples": 3}, "most_accurate": {"epoch": 2}}

    monkeypatch.setattr(outcome, "failure_of", lambda fit: failure)
    monkeypatch.setattr(outcome, "figures_of", figures_of)
    monkeypatch.setattr(outcome, "run_record", lambda *given: given)
    fit = SimpleNamespace(classifier=SimpleNamespace(learning_rate=0.25), activations=("seen",))
    found = outcome.study_record(condition(), 3, fit, "accurate", "search", "data", tmp_path)
    name = condition().record_name(3)
    assert (found.name, found.set_up, found.variant, found.seed) == (name, "a", "elu", 3)
    assert (found.activations, found.failure) == (("seen",), failure)
    its, config, source = found.run
    assert (its, source) == (fit, "search")
    assert config["model"]["init_args"] == {"kind": "elu", "learning_rate": 0.25}
    assert config["seed_everything"] == 3
    if failure:
        assert asked == []
        assert (found.test, found.test_right, found.monte_carlo) == ({}, "", None)
        assert (found.most_accurate, found.logits) == (None, None)
    else:
        assert asked == [(fit, "accurate", "data", 3, tmp_path, name)]
        assert (found.test, found.test_right) == ({"accuracy": 0.5}, "x")
        assert (found.monte_carlo, found.most_accurate) == ({"samples": 3}, {"epoch": 2})
        assert found.logits == {"file": "f"}
