"""The report's typography and colours: text is safe, numbers are set well, all can be read."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from page_outline import Outline, assert_well_formed, plain
from rejection import rejected
from report_samples import sample_figure

from theory.claim import Check
from theory.page_style.colours import (
    PAPER_DARK,
    PAPER_LIGHT,
    contrast,
    on_dark_paper,
    on_light_paper,
)
from theory.page_style.inline_svg import inline_svg, theme_rules
from theory.page_style.markup import prose, text
from theory.page_style.shell import style_file
from theory.report.typography import set_bound, set_measured, set_number

COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


def words_come_back(escaped: Callable[[str], str]) -> Callable[[], None]:
    @given(words=st.text(st.sampled_from("ab<>&\"'/ =`"), max_size=20))
    @example(words="a<b>")
    def check_words(words: str) -> None:
        outline = Outline(escaped(words))
        assert {tag for tag, _ in outline.elements} <= {"code"}
        assert outline.words.replace("`", "") == words.replace("`", "")

    return check_words


@pytest.mark.parametrize("escaped", [text, prose])
def test_what_people_write_is_never_markup(escaped: Callable[[str], str]) -> None:
    words_come_back(escaped)()
    with rejected():
        words_come_back(lambda words: words)()


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("set `a < b` so", "set <code>a &lt; b</code> so"),
        ("one ` alone", "one ` alone"),
        ("by 10^-30 or 2^L", "by 10<sup>-30</sup> or 2<sup>L</sup>"),
        ("at 1e-06 of it, -1 to 1", "at 10⁻⁶ of it, -1 to 1"),
        ("`x^2 -1`", "<code>x^2 -1</code>"),
        ("self-normalising", "self-normalising"),
    ],
)
def test_prose_is_set_as_in_print(typed: str, written: str) -> None:
    assert plain(prose(typed)) == written
    assert prose(typed).count("\N{MINUS SIGN}") == sum(minus in typed for minus in ("^-", ", -1"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.31, "0.310"),
        (-2.0, "-2"),
        (1.2e-5, "1.2 x 10⁻⁵"),
        (1e-9, "10⁻⁹"),
        (-3.456e12, "-3.46 x 10¹²"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_set_as_in_print(value: float, written: str) -> None:
    assert plain(set_number(value)) == written


def test_miss_is_never_hidden_by_rounding() -> None:
    assert plain(set_measured(Check("rate", 0.99999, ">=", 1.0))) == "0.99999"
    assert plain(set_measured(Check("rate", 0.5, ">=", 1.0))) == "0.500"
    assert plain(set_bound(Check("rate", 0.5, ">=", 0.5))) == "≥ 0.5"


def stands_out(themed: Callable[[str], str], paper: str) -> Callable[[], None]:
    @given(colour=COLOURS)
    def check_colour(colour: str) -> None:
        parts = [int(part, 16) for part in re.findall("..", colour[1:])]
        colourful = max(parts) - min(parts) > 60
        pale = contrast(colour, "#ffffff") < 1.6  # a fill, which need not stand out
        assert not colourful or pale or contrast(themed(colour), paper) >= 3

    return check_colour


@pytest.mark.parametrize(
    ("themed", "paper"), [(on_light_paper, PAPER_LIGHT), (on_dark_paper, PAPER_DARK)]
)
def test_lines_stand_out_on_their_paper(themed: Callable[[str], str], paper: str) -> None:
    stands_out(themed, paper)()
    with pytest.raises(AssertionError):
        stands_out(lambda colour: colour, paper)()


def turns_greys_over(themed: Callable[[str], str]) -> Callable[[], None]:
    @given(greys=st.tuples(st.integers(0, 255), st.integers(0, 255)).map(sorted))
    def check_order(greys: list[int]) -> None:
        colours = ["#" + f"{grey:02x}" * 3 for grey in greys]
        darker, lighter = (contrast(themed(colour), "#000000") for colour in colours)
        assert darker >= lighter

    return check_order


def test_greys_turn_over_on_dark_paper() -> None:
    turns_greys_over(on_dark_paper)()
    with pytest.raises(AssertionError):
        turns_greys_over(on_light_paper)()


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_drawing_takes_its_colours_from_the_theme() -> None:
    drawing = inline_svg(sample_figure(), "selu", 'two "curves" & <more>')
    assert not re.search(r"(?:fill|stroke): #", drawing)
    assert "<style" not in drawing
    used = set(re.findall(r"var\((--plot-\w+)\)", drawing))
    light, dark = theme_rules([drawing]).split("@media")
    assert used
    assert (
        used == set(re.findall(r"(--plot-\w+):", light)) == set(re.findall(r"(--plot-\w+):", dark))
    )
    assert_well_formed(drawing)


def theme(stylesheet: str, *, dark: bool) -> dict[str, str]:
    blocks = re.findall(r":root \{(.*?)\}", stylesheet, re.DOTALL)
    chosen = blocks[0] + (blocks[1] if dark else "")
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", chosen))


def assert_readable(colours: dict[str, str]) -> None:
    verdicts = ("true", "false", "depends", "not-checkable")
    texts = [(ink, paper) for ink in ("ink", "soft", "accent") for paper in ("paper", "ground")]
    texts += [(name, paper) for name in verdicts for paper in ("paper", f"{name}-tint")]
    texts += [("ink", f"zone-{zone}") for zone in (1, 2, 3, 4)]
    poor = [pair for pair in texts if contrast(colours[pair[0]], colours[pair[1]]) < 4.5]
    lines = [("curve", "paper"), ("curve-2", "paper"), ("curve-2", "zone-1")]
    poor += [pair for pair in lines if contrast(colours[pair[0]], colours[pair[1]]) < 3]
    assert poor == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_the_contrast_that_the_guidelines_ask(dark: bool) -> None:
    colours = theme(style_file("page.css"), dark=dark)
    assert_readable(colours)
    with pytest.raises(AssertionError):
        assert_readable(colours | {"soft": colours["line"]})
