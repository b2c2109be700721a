"""How a study is divided into jobs: nothing twice, nothing forgotten, the same at every start."""

import json

import pytest
from controls import assert_rejects
from hypothesis import given, settings
from hypothesis import strategies as st

from lightning_cifar.errors import InputError
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.jobs import (
    JOB_FILE,
    JOBS_FOLDER,
    MEMBERS,
    Job,
    begin,
    jobs_of,
    longest_first,
    shard_of,
    unfinished_jobs,
)


def condition(name="elu", seeds=12):
    settings = {
        "model": {"init_args": {"kind": name, "seed": 0}},
        "data": {"seed": 0},
        "trainer": {},
    }
    return Condition("plain", name, seeds, settings | {"learning_rate_search": {}})


def runs_of(jobs):
    return [job.condition.record_name(seed) for job in jobs for seed in job.seeds]


CONDITIONS = st.lists(st.integers(1, 35), min_size=1, max_size=4).map(
    lambda counts: [condition(f"v{number}", count) for number, count in enumerate(counts)]
)


def by_what_is_left(conditions, done, study, shard):
    """A wrong way: dealing out what is missing, which depends on who is how far."""
    return jobs_of(conditions, done, study)[shard[0] - 1 :: shard[1]]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


def shares(empty, divide):
    """Every shard starts when the ones before it have finished: all is done once."""

    @given(conditions=CONDITIONS, shards=st.integers(1, 5))
    def check(conditions, shards):
        done = []
        for number in range(1, shards + 1):
            done += runs_of(divide(conditions, set(done), empty, (number, shards)))
        assert sorted(done) == sorted(
            each.record_name(s) for each in conditions for s in range(each.seeds)
        )

    return check


def test_the_jobs_with_the_most_steps_start_first():
    kinds = {"short": (15, 128), "long": (100, 128), "small batches": (60, 32)}
    jobs = []
    for name, (epochs, batch) in kinds.items():
        job = Job(condition(name), (0,))
        job.condition.settings["trainer"]["max_epochs"] = epochs
        job.condition.settings["data"]["batch_size"] = batch
        jobs.append(job)
    ordered = [job.condition.variant for job in longest_first(jobs)]
    assert ordered == ["small batches", "long", "short"]
    assert longest_first(jobs[:1] * 2) == jobs[:1] * 2


def test_shards_do_everything_once(empty):
    shares(empty, jobs_of)()


def test_control_dealing_out_what_is_left_is_rejected(empty):
    assert_rejects(shares(empty, by_what_is_left))


@settings(max_examples=25)
@given(conditions=CONDITIONS, data=st.data())
def test_jobs_are_what_is_missing(empty, conditions, data):
    everything = runs_of(jobs_of(conditions, (), empty))
    done = data.draw(st.sets(st.sampled_from(everything)), label="done")
    jobs = jobs_of(conditions, done, empty)
    assert sorted(runs_of(jobs)) == sorted(set(everything) - done)
    assert all(0 < len(job.seeds) <= MEMBERS for job in jobs)
    assert len({job.name for job in jobs}) == len(jobs)


def test_added_seeds_are_all_that_is_missing(empty):
    before, after = condition(seeds=3), condition(seeds=12)
    done = set(runs_of(jobs_of([before], (), empty)))
    assert [job.seeds for job in jobs_of([after], done, empty)] == [tuple(range(3, 10)), (10, 11)]


def test_begun_stack_goes_on_with_all_its_members(tmp_path):
    stack = Job(condition(), tuple(range(3, 10)))
    begin(stack, tmp_path)
    done = {
        condition().record_name(seed) for seed in (0, 1, 2, 4)
    }  # 4 was written, then it was killed
    assert [job.seeds for job in jobs_of([condition()], done, tmp_path)] == [stack.seeds, (10, 11)]
    fresh = jobs_of([condition()], done, tmp_path / "other")  # control: without its folder
    assert fresh[0].seeds == (3, 5, 6, 7, 8, 9)


def test_stack_whose_members_are_all_done_is_not_begun_again(tmp_path):
    begin(Job(condition(), (0, 1)), tmp_path)
    done = {condition().record_name(seed) for seed in range(12)}
    assert jobs_of([condition()], done, tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"arm": 3}', '{"arm": "a", "seeds": 5}'])
def test_damaged_note_of_a_stack_is_divided_anew(tmp_path, text):
    (begin(Job(condition(), (0, 1)), tmp_path) / "job.json").write_text(text)
    assert len(runs_of(jobs_of([condition()], (), tmp_path))) == 12


def test_note_of_a_stack_says_what_it_is(tmp_path):
    note = json.loads((begin(Job(condition(), (0, 1)), tmp_path) / "job.json").read_text())
    assert note["title"] == "plain/elu, seeds 0 to 1"
    assert Job(condition(), (2,)).title == "plain/elu, seed 2"
    assert Job(condition(), (2, 5)).title == "plain/elu, seeds 2, 5"


@pytest.mark.parametrize(("text", "shard"), [("1/1", (1, 1)), ("2/3", (2, 3)), ("4/4", (4, 4))])
def test_shards(text, shard):
    assert shard_of(text) == shard


@pytest.mark.parametrize("text", ["3/2", "0/2", "1", "/", "1/2/3", "-1/2", "a/b", "1/0", ""])
def test_bad_shards_are_refused(text):
    with pytest.raises(InputError, match=r"--shard must be i/n with i from 1 to n"):
        shard_of(text)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"arm": "a", "seeds": ["x"]}'])
def test_a_damaged_job_does_not_hide_those_behind_it(tmp_path, damage):
    """Files are read in the order of their folders' names; its seeds are divided anew."""
    for name, content in (("1", damage), ("2", '{"arm": "a", "seeds": [4, 5]}')):
        file = tmp_path / JOBS_FOLDER / name / JOB_FILE
        file.parent.mkdir(parents=True)
        file.write_text(content)
    assert unfinished_jobs(tmp_path) == {"a": [(4, 5)]}
