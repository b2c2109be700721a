import pytest
import yaml
from controls import assert_rejects
from hypothesis import example, given
from hypothesis import strategies as st
from jsonargparse._loaders_dumpers import get_yaml_default_loader

from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import (
    CONFIG_FILE,
    as_yaml,
    compose,
    nearest,
    overlaid,
    read_settings,
    variant_in,
    write_config,
)


@pytest.fixture
def write(tmp_path):
    """Writes config files, and returns their paths."""

    def one(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return one


def test_later_files_win_key_by_key(write):
    first = write("first.yaml", "data: {batch_size: 32, source: synthetic}\nrun: here\n")
    second = write("second.yaml", "data: {batch_size: 64}\n")
    expected = {"data": {"batch_size": 64, "source": "synthetic"}, "run": "here"}
    assert compose([first, second]) == expected
    assert compose([second, first])["data"]["batch_size"] == 32


def test_base_is_read_from_beside_the_file_that_names_it(write, monkeypatch, tmp_path):
    write("common.yaml", "trainer: {max_epochs: 9}\ndata: {batch_size: 32}\n")
    above = write("above.yaml", "base: common.yaml\ndata: {batch_size: 64}\n")
    monkeypatch.chdir(tmp_path.parent)
    assert compose([above]) == {"trainer": {"max_epochs": 9}, "data": {"batch_size": 64}}


def test_bases_may_have_bases(write):
    write("a.yaml", "x: {a: 1, b: 1, c: 1}\n")
    write("b.yaml", "base: a.yaml\nx: {b: 2, c: 2}\n")
    assert compose([write("c.yaml", "base: b.yaml\nx: {c: 3}\n")]) == {
        "x": {"a": 1, "b": 2, "c": 3}
    }


def test_circle_of_bases_is_refused(write):
    write("a.yaml", "base: b.yaml\n")
    with pytest.raises(InputError, match="its own base"):
        compose([write("b.yaml", "base: a.yaml\n")])


def model(name):
    return f"model: {{class_path: lightning_cifar.classifiers.{name}}}\n"


@pytest.mark.parametrize(
    ("name", "size"), [("EluClassifier", 1), ("BatchNormClassifier", 2), ("SeluClassifier", 7)]
)
def test_settings_per_variant_reach_that_variant_alone(write, name, size):
    overlay = write(
        "overlay.yaml",
        "data: {batch_size: 7}\nper_variant:\n"
        "  elu: {data: {batch_size: 1}}\n  batch_norm: {data: {batch_size: 2}}\n",
    )
    config = compose([write("model.yaml", model(name)), overlay])
    assert config["data"] == {"batch_size": size}
    assert "per_variant" not in config


RATES = "per_variant: {elu: {data: {batch_size: 1}}}\n"


def test_a_later_file_wins_over_what_an_earlier_one_says_of_a_variant(write):
    chosen = write("model.yaml", model("EluClassifier"))
    overlay = write("overlay.yaml", RATES)
    mine = write("mine.yaml", "data: {batch_size: 64}\n")
    above = write("above.yaml", "base: overlay.yaml\ndata: {batch_size: 65}\n")
    # The class may be named by the last of the files.
    for paths, size in (([chosen, overlay, mine], 64), ([above, chosen], 65)):
        assert compose(paths)["data"] == {"batch_size": size}
    # Control: where the file itself, or an earlier one, says something else, the variant wins.
    both = write("both.yaml", f"data: {{batch_size: 7}}\n{RATES}")
    for paths in ([both, chosen], [chosen, mine, overlay]):
        assert compose(paths)["data"] == {"batch_size": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{sellu: {data: {batch_size: 1}}}", "per_variant.sellu'; did you mean 'selu'"),
        ("{best: {data: {batch_size: 1}}}", "known are alpha_dropout, batch_norm, elu, selu"),
        ("[selu]", "per_variant holds .'selu'., not"),
        ("{selu: 3}", "per_variant.selu holds 3, not settings"),
    ],
)
def test_settings_for_no_variant_are_refused(write, text, message):
    overlay = write("overlay.yaml", f"per_variant: {text}\n")
    with pytest.raises(InputError, match=message):
        compose([write("model.yaml", model("SeluClassifier")), overlay])


@pytest.mark.parametrize("text", ["data:\n", "data: null\n", "model: {init_args: }\n"])
def test_empty_sections_take_nothing_away(write, text):
    below = "data: {source: synthetic}\nmodel: {init_args: {depth: 3}}\n"
    files = [write("below.yaml", below), write("empty.yaml", text)]
    with pytest.raises(InputError, match=r"(data|model.init_args) is empty; give settings"):
        compose([*files, write("last.yaml", "data: {flip: true}\nmodel: {init_args: {}}\n")])


def test_a_setting_may_be_nothing(write):
    files = [write("a.yaml", "data: {cache: {a: 1}, path: x}\n"), write("b.yaml", "data: {path: }")]
    assert compose(files) == {"data": {"cache": {"a": 1}, "path": None}}
    files.append(write("c.yaml", "data: {cache: }"))  # such as callbacks of the trainer
    assert compose(files) == {"data": {"cache": None, "path": None}}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("EluClassifier", "elu"),
        ("BatchNormClassifier", "batch_norm"),
        ("SeluClassifier", "selu"),
        ("AlphaDropoutClassifier", "alpha_dropout"),
    ],
)
def test_variant_is_read_from_the_class(name, variant):
    assert variant_in({"model": {"class_path": f"lightning_cifar.classifiers.{name}"}}) == variant
    assert variant_in({"model": {"class_path": name}}) == variant


@pytest.mark.parametrize("config", [{}, {"model": None}, {"model": "elu"}, {"model": {}}])
def test_no_class_is_no_variant(config):
    assert variant_in(config) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("1.0e-3", 1e-3), ("5E-4", 5e-4), ("-2e+1", -20.0), ("3e4", 3e4)],
)
def test_powers_of_ten_are_numbers(write, text, value):
    read = read_settings(write("rate.yaml", f"rate: {text}\n"))["rate"]
    assert type(read) is float
    assert read == value


def test_control_plain_yaml_reads_a_power_of_ten_as_text():
    assert yaml.safe_load("rate: 1e-3") == {"rate": "1e-3"}


@pytest.mark.parametrize("text", ["e3", "1e", "1e-x", "selu1e3", "1e-3 m"])
def test_other_text_stays_text(write, text):
    assert read_settings(write("text.yaml", f"value: {text}\n")) == {"value": text}


@pytest.mark.parametrize("text", ["010", "007", "1:30", "1:00:00:00", "190:20:30.15"])
def test_no_number_is_read_as_another(write, text):
    """YAML 1.1 reads the first as 8 and the last as 685230.15."""
    assert read_settings(write("text.yaml", f"value: {text}\n")) == {"value": text}
    assert yaml.safe_load(text) != text


@pytest.mark.parametrize(
    "number",
    [
        *("0", "-3", "+7", "1_000", "0x1F", "0b11", "1.5", "1.", ".5", "1.5e3", "1e3", "-1.0E-3"),
        *(".5e-1", ".inf", "-.inf", ".nan", "1_0.5"),
    ],
)
def test_numbers_and_quoted_text_reach_the_parser_as_they_are(write, number):
    parser = get_yaml_default_loader()
    read = read_settings(write("number.yaml", f"value: {number}\n"))
    assert isinstance(read["value"], int | float)
    assert repr(yaml.load(as_yaml(read), parser)) == repr(read)
    text = read_settings(write("text.yaml", f"value: '{number}'\n"))
    assert text == {"value": number}
    assert yaml.load(as_yaml(text), parser) == text


def test_control_plain_yaml_loses_the_quotes_of_a_power_of_ten():
    text = yaml.safe_dump({"value": "1e3"})
    assert yaml.load(text, get_yaml_default_loader()) == {"value": 1000.0}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("data: {flip: true}\ntrainer: {}\ndata: {shift: 3}\n", 3),
        ("data:\n  shift: 3\n  shift: 3\n", 3),
        ("a: [{b: {c: 1, data: 2, data: 3}}]\n", 1),
    ],
)
def test_a_key_that_is_there_twice_is_refused(write, text, line):
    with pytest.raises(InputError, match=rf"has '(data|shift)' twice \(line {line}\)"):
        compose([write("twice.yaml", text)])
    assert yaml.safe_load(text)  # control: YAML's own parser keeps one of the two


def test_empty_file_is_no_settings(write):
    assert read_settings(write("empty.yaml", "# nothing but this\n")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: [1, 2\n", r"not a YAML file \(line 2\)"),
        ("a: b: c\n", r"not a YAML file \(line 1\)"),
        ("- a\n- b\n", "contains a list"),
        ("words alone\n", "contains text, not settings"),
        ("1: 2\n", "contains keys that are not text, not settings"),
        ("3\n", "contains a single value, not settings"),
        ("a: !!python/object/apply:os.getcwd []\n", "not a YAML file"),
    ],
)
def test_files_that_are_not_settings_are_refused_by_name(write, text, message):
    with pytest.raises(InputError, match=message) as raised:
        compose([write("wrong.yaml", text)])
    assert "wrong.yaml" in str(raised.value)


def test_bytes_that_are_not_text_are_refused(tmp_path):
    (tmp_path / "wrong.yaml").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not a YAML file"):
        compose([tmp_path / "wrong.yaml"])


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_files_that_cannot_be_read_are_refused_by_name(tmp_path, name):
    with pytest.raises(InputError, match="cannot read the config file") as raised:
        compose([tmp_path / name])
    assert str(tmp_path) in str(raised.value)


keys = st.sampled_from("abc")
values = st.one_of(st.integers(), st.none(), st.text(max_size=3), st.lists(st.integers()))
configs = st.recursive(
    st.dictionaries(keys, values, max_size=3),
    lambda inner: st.dictionaries(keys, inner | values, max_size=3),
    max_leaves=8,
)


def leaves(config, path=()):
    """Every path of keys that ends in something other than a mapping with keys."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def lays_over(overlay):
    @given(below=configs, above=configs)
    @example(below={"a": {"b": 1, "c": 2}}, above={"a": {"b": 3}})
    def check(below, above):
        merged = overlay(below, above)
        for path, value in leaves(above):
            if value != {}:
                assert at(merged, path) == value
        above_paths = {path for path, _ in leaves(above)}
        for path, value in leaves(below):
            if not any(touches(path, other) for other in above_paths):
                assert at(merged, path) == value

    return check


def touches(path, other):
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]


def at(config, path):
    for key in path:
        assert isinstance(config, dict)
        assert key in config
        config = config[key]
    return config


def test_overlay_keeps_what_it_does_not_name():
    lays_over(overlaid)()


@pytest.mark.parametrize(
    "mutant",
    [
        lambda below, above: {**below, **above},
        lambda below, above: overlaid(above, below),
        lambda below, above: above,
    ],
    ids=["shallow", "reversed", "replaced"],
)
def test_control_other_overlays_are_rejected(mutant):
    assert_rejects(lays_over(mutant))


@given(below=configs, above=configs)
def test_overlay_changes_neither_of_the_two(below, above):
    before = repr((below, above))
    overlaid(below, above)
    assert repr((below, above)) == before


def test_written_configuration_is_read_back(tmp_path):
    config = {"data": {"batch_size": 32, "path": None}, "model": {"rate": 1e-05, "names": ["a"]}}
    write_config(config, tmp_path)
    assert read_settings(tmp_path / CONFIG_FILE) == config


def test_nearest_word_is_hinted_at():
    assert nearest("batchsize", ["batch_size", "source"]) == "; did you mean 'batch_size'?"
    assert nearest("zzz", ["batch_size", "source"]) == ""


def test_run_of_an_earlier_version_need_not_be_compiled(tmp_path):
    """The option is gone; a configuration that a user wrote is still refused for it."""
    settings = {"model": {"class_path": "Elu", "init_args": {"depth": 2, "compiled": True}}}
    for name, left in (
        ("config.yaml", {"depth": 2}),
        ("mine.yaml", {"depth": 2, "compiled": True}),
    ):
        path = tmp_path / name
        path.write_text(yaml.safe_dump(settings))
        assert read_settings(path)["model"]["init_args"] == left
