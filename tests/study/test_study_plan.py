"""Study files: what is asked, and one line for everything that cannot be asked."""

import re
from pathlib import Path

import pytest
import yaml
from commands import CONFIGS
from small_runs import small_data
from small_studies import STUDY, write_study

from lightning_cifar.errors import InputError
from lightning_cifar.study.conditions import conditions_of
from lightning_cifar.study.measures import PLANNABLE
from lightning_cifar.study.plan import read_plan, selected
from lightning_cifar.study.plan_file import unread
from lightning_cifar.study.statistics import seeds_needed
from lightning_cifar.study.study_files import Study

COMPARED = (
    "comparisons: [{question: e, first: alpha_dropout, second: elu, set_up: plain, "
    "measure: test_accuracy}]"
)


@pytest.fixture
def asked(tmp_path):
    """Reads a plan and its conditions from the text of a study file."""

    def read(text, seeds=None, **overlays):
        write_study(tmp_path, text, **overlays)
        plan = read_plan(tmp_path / "study.yaml", seeds)
        return plan, conditions_of(plan, tmp_path, {})

    return read


def test_conditions_are_set_ups_times_variants(asked):
    plan, conditions = asked(STUDY + "  few: {overlays: [tiny], variants: [selu], seeds: 1}\n")
    assert [condition.name for condition in conditions] == [
        "plain/elu",
        "plain/alpha_dropout",
        "few/selu",
    ]
    assert [condition.seeds for condition in conditions] == [2, 2, 1]
    assert {name: set_up.seeds for name, set_up in plan.set_ups.items()} == {"plain": 2, "few": 1}


def test_number_of_seeds_can_be_asked_for(asked):
    text = STUDY + "  few: {overlays: [tiny], seeds: 2}\n"
    assert {condition.name: condition.seeds for condition in asked(text, seeds=5)[1]}[
        "plain/elu"
    ] == 5
    assert {condition.name: condition.seeds for condition in asked(text, seeds=5)[1]}[
        "few/elu"
    ] == 2
    assert {condition.seeds for condition in asked(text, seeds=1)[1]} == {1}


def test_name_of_a_run_is_of_its_configuration_alone(asked, tmp_path):
    plan, (condition, other) = asked(STUDY)
    names = [condition.record_name(0), condition.record_name(1), other.record_name(0)]
    assert len(set(names)) == 3
    places = {"data": {"cache": "elsewhere"}, "trainer": {"accelerator": "auto"}}
    moved = conditions_of(plan, tmp_path, places)[0]
    assert moved.settings["data"]["cache"] == "elsewhere"
    assert [moved.record_name(0), moved.record_name(1)] == names[:2]
    wider = asked(STUDY, tiny="model: {init_args: {width: 9}}")[1][0]  # control
    assert wider.record_name(0) not in names


def test_a_setting_that_does_what_earlier_versions_did_is_not_in_the_name(asked):
    tiny = "model: {{init_args: {{class_weights: {}}}}}"
    plain, without, weighted = (
        asked(STUDY, tiny=tiny.format(value) if value else "{}")[1][0]
        for value in ("", "none", "balanced")
    )
    assert without.config(0) == plain.config(0)
    assert without.record_name(0) == plain.record_name(0) != weighted.record_name(0)
    assert weighted.classifier(0, None, small_data()).weighs_classes
    assert not without.classifier(0, None, small_data()).weighs_classes


def test_an_optimiser_that_earlier_versions_had_is_not_in_the_name(asked):
    plain = asked(STUDY, tiny="{}")[1][0]
    given = asked(STUDY, tiny="model: {init_args: {optimiser: nadam}}")[1][0]
    assert given.record_name(0) == plain.record_name(0)


def test_names_do_not_depend_on_the_study_around_a_run(asked):
    names = {condition.record_name(1) for condition in asked(STUDY)[1]}
    assert {condition.record_name(1) for condition in asked(STUDY, seeds=7)[1]} == names


def test_set_ups_can_be_selected(asked):
    plan, _ = asked(STUDY + "  few: {overlays: [tiny], seeds: 1}\n")
    assert list(selected(plan, ["few"]).set_ups) == ["few"]
    assert list(selected(plan, []).set_ups) == ["plain", "few"]
    with pytest.raises(InputError, match=r"unknown set-up 'fwe' .*did you mean 'few'"):
        selected(plan, ["fwe"])


BAD_FILES = {
    "no YAML": ("variants: [elu\n", "study.yaml is not a YAML file"),
    "text": ("all of it\n", "study.yaml contains text"),
    "unknown key": (STUDY + "sets: 3\n", "unknown setting 'sets'"),
    "similar key": (STUDY + "varants: 3\n", "did you mean 'variants'?"),
    "unknown variant": (STUDY.replace("elu,", "sleu,"), "unknown variant 'sleu' .*mean 'selu'"),
    "no variants": (STUDY.replace("[elu, alpha_dropout]", "[]"), "variants is"),
    "unknown overlay": (STUDY.replace("tiny", "tinny"), "unknown overlay 'tinny' .*mean 'tiny'"),
    "overlay of a list": (STUDY.replace("[synthetic, tiny]", "tiny"), "not a list of names"),
    "no seeds": (STUDY.replace("seeds: 2", "seeds: 0"), "seeds must be a whole .* 1, got 0"),
    "seeds of text": (STUDY.replace("seeds: 2", "seeds: many"), "got 'many'"),
    "no set-ups": ("variants: [elu]\nset_ups: {}\n", "has no set_ups"),
    "set-ups of a list": ("set_ups: [a]\n", "set_ups is"),
    "unknown set-up key": (STUDY.replace("overlays:", "overlay:"), "mean 'overlays'"),
    "too few seeds": (STUDY + COMPARED, "'e' has 2 seeds; with 1 planned comparisons .* needs 6"),
    "unknown condition": (STUDY + COMPARED.replace("second: elu", "second: selu"), "'plain/selu'"),
    "no measure": (STUDY + COMPARED.replace(", measure: test_accuracy", ""), "must be text"),
    "unknown measure": (STUDY + COMPARED.replace("test_acc", "tset_acc"), "mean 'test_accuracy'"),
    "loss missing": (STUDY + COMPARED.replace("test_accuracy", "epochs_to_loss"), "'loss'"),
    "margin zero": (STUDY + COMPARED.replace("}]", ", margin: 0}]"), "margin must be a positive"),
    "compared twice": (
        STUDY + COMPARED.replace("measure: test_accuracy}]", "measure: epochs_to_loss, loss: 1}, ")
        + COMPARED.partition("[")[2].replace("test_accuracy", "epochs_to_loss, loss: 2"),
        r"comparisons\[1\] compares plain/alpha_dropout with plain/elu by epochs_to_loss, as "
        r"comparisons\[0\] does; leave one of them out",
    ),
    "compared with itself": (
        STUDY + COMPARED.replace("first: alpha_dropout", "first: elu"),
        r"comparisons\[0\] compares plain/elu with itself; name two conditions",
    ),
    "comparison of text": (STUDY + "comparisons: [e]\n", r"comparisons\[0\] is 'e'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_study_files_are_refused_in_a_line(asked, case):
    text, message = BAD_FILES[case]
    with pytest.raises(InputError, match=message) as caught:
        asked(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("data: {batchsize: 3}", "'data.batchsize'; did you mean 'batch_size'"),
        ("data: {batch_size: x}", "plain/elu: .*expected a whole number"),
        ("model: {init_args: {dropout_rate: 0.1}}", "no setting 'dropout_rate'"),
        ("trainer: {gradient_clip_val: 1}", "no setting 'trainer.gradient_clip_val'.*in stacks"),
        ("early_stopping: {monitor: train_loss}", "val_loss only"),
        (
            "model: {init_args: {optimiser: muon, learning_rate: 1e-3}}",
            "plain/elu: the networks of a study are trained in stacks, with nadam",
        ),
    ],
)
def test_bad_overlays_are_refused_in_a_line(asked, overlay, message):
    with pytest.raises(InputError, match=message) as caught:
        asked(STUDY, tiny=overlay)
    assert "\n" not in str(caught.value)


def test_missing_study_file_is_refused():
    with pytest.raises(InputError, match=r"cannot read the config file here\.yaml"):
        read_plan(Path("here.yaml"))


def test_comparison_with_enough_seeds_is_accepted(asked):
    plan, _ = asked(STUDY + COMPARED, seeds=seeds_needed(1))
    assert plan.comparisons[0].first == ("plain", "alpha_dropout")
    untested = COMPARED.replace("}]", ", tested: false}]")
    assert not asked(STUDY + untested)[0].comparisons[0].tested


def test_shipped_study_declares_what_its_seeds_can_answer():
    plan = read_plan(CONFIGS / "study.yaml")
    conditions = {condition.name for condition in conditions_of(plan, CONFIGS, {})}
    assert {f"exercise/{variant}" for variant in shipped()["variants"]} < conditions
    tested = [each for each in plan.comparisons if each.tested]
    assert len(tested) <= 12
    assert seeds_needed(len(tested)) <= plan.seeds
    with pytest.raises(InputError, match="add seeds"):  # control
        read_plan(CONFIGS / "study.yaml", seeds=seeds_needed(len(tested)) - 1)


def unread_of(measure):
    comparison = {"first": "a/elu", "second": "a/selu", "measure": measure}
    return unread(Study({"comparisons": [comparison]}, (), (), {}, None))


def test_report_knows_every_measure_that_may_be_declared():
    assert [measure for measure in PLANNABLE if unread_of(measure)] == []
    assert len(PLANNABLE) == len(set(PLANNABLE)) > 5
    assert unread_of("speed")  # control


def test_shipped_study_asks_every_part_of_the_exercise():
    questions = " ".join(each["question"] for each in shipped()["comparisons"])
    assert all(part in questions for part in ("8c", "8d", "8e", "8f", "published"))


def test_study_in_the_how_to_can_be_read(tmp_path):
    text = (CONFIGS.parent / "docs" / "how-to.md").read_text()
    (study,) = (
        block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "set_ups" in block
    )
    (tmp_path / "mine.yaml").write_text(study)
    plan = read_plan(tmp_path / "mine.yaml")
    conditions = conditions_of(plan, tmp_path, {})
    assert [condition.name for condition in conditions] == ["plain/elu", "plain/selu"]
    assert plan.seeds == 2


def shipped():
    return yaml.safe_load((CONFIGS / "study.yaml").read_text())
