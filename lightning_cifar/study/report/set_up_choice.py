"""Figures of which a reader sees one at a time; on paper and without script all of them."""

from collections.abc import Sequence

from lightning_cifar.study.report.figures import Drawing
from theory.page_style.markup import element, text


def chosen_figures(drawn: Sequence[Drawing]) -> str:
    """One figure, or a choice between several by their set-up."""
    if len(drawn) == 1:
        return figure(drawn[0])
    name = f"choice-{drawn[0].name}"
    buttons = "".join(button(name, each.choice, first=each is drawn[0]) for each in drawn)
    legend = element("legend", "Set-up shown")
    choice = element("fieldset", legend, buttons, class_="set-ups", hidden="")
    return element("div", choice, *map(figure, drawn), class_="chosen")


def button(name: str, choice: str, *, first: bool) -> str:
    """A radio button for one set-up."""
    tag = element("input", type="radio", name=name, value=choice).removesuffix("</input>")
    if first:
        tag = tag.replace(">", " checked>")
    return element("label", tag, text(choice), class_="choice")


def figure(drawing: Drawing) -> str:
    """The drawing over its caption."""
    title = [element("b", text(f"{drawing.choice}. "))] if drawing.choice else []
    return element(
        "figure",
        element("div", drawing.svg, class_="plot-frame", tabindex="0"),
        element("figcaption", *title, text(drawing.caption)),
        data_choice=drawing.choice,
    )
