"""The interactive figures of the report in a real browser: their curves and figures are right."""

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from chromium import Tab, find_chromium, open_tab
from report_samples import sample_questions

from theory.report.page import render_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None, reason="no Chromium found; install it or set CHROMIUM to its path"
    ),
]


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """Open the page once: each test sets the sliders it reads from, finer than by hand."""
    file = tmp_path_factory.mktemp("report") / "index.html"
    file.write_text(render_page(sample_questions()), encoding="utf-8")
    with open_tab() as opened:
        opened.look(width=1280, scheme="light")
        opened.open(file)
        opened.run("document.querySelectorAll('input').forEach((input) => { input.step = 'any'; })")
        yield opened


def slide(tab: Tab, identity: str, value: float | str) -> None:
    tab.run(
        f"(() => {{ const slider = document.getElementById('{identity}'); slider.value = '{value}';"
        " slider.dispatchEvent(new Event('input')); })()"
    )


def figure(tab: Tab, place: str, name: str) -> float:
    """Read a figure from the text under an interactive figure."""
    words = tab.run(f"document.querySelector('#{place} [data-figure={name}]').textContent")
    power = re.search(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)$", words)
    if power is None:
        return float(words.replace("\N{MINUS SIGN}", "-"))
    mantissa = words[: power.start()].strip(" \N{MULTIPLICATION SIGN}") or "1"
    exponent = power[1].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    return float(f"{mantissa}e{exponent}")


@pytest.mark.parametrize(
    ("slider", "value", "curve"),
    [
        ("momentum-beta", 1, "#momentum-path .curve"),
        ("momentum-rate", -1, "#momentum-path .curve"),
        ("momentum-steps", 2, "#momentum-path .curve"),
        ("depth-gain", 0.3, "#depth-map .curve"),
        ("depth-start", 0.5, "#depth-profile .curve"),
        ("depth-layers", 50, "#depth-profile .curve-2"),
        ("depth-activation", "ReLU", "#depth-map .curve"),
        ("penalty-strength", 1, "#penalty-ends .curve"),
        ("penalty-best", 1, "#penalty-path .curve"),
        ("penalty-rate", -1.5, "#penalty-path .curve-2"),
    ],
)
def test_slider_moves_the_curve(tab: Tab, slider: str, value: float | str, curve: str) -> None:
    outline = f"document.querySelector('{curve}').getAttribute('d')"
    tab.run("document.querySelectorAll('.presets :nth-child(2)').forEach((one) => one.click())")
    before = tab.run(outline)
    slide(tab, slider, value)
    after = tab.run(outline)
    assert before != after
    assert "NaN" not in after


def set_momentum(tab: Tab, power: float, rate: float) -> None:
    """Set a momentum of 1 - 10^-power and a learning rate on a curvature of 1."""
    slide(tab, "momentum-beta", power)
    slide(tab, "momentum-rate", math.log10(rate))
    slide(tab, "momentum-steps", 2.5)


def heavy_ball(momentum: float, rate: float, steps: int) -> list[float]:
    """Take the steps one by one, as an optimiser does."""
    position, velocity, path = 1.0, 0.0, [1.0]
    for _ in range(steps):
        velocity = momentum * velocity + rate * position
        position -= velocity
        path.append(position)
    return path


@pytest.mark.parametrize(
    ("power", "rate"), [(0.30103, 0.5), (1, 0.01), (1, 1.9), (2, 0.01), (3, 0.5), (5, 0.01)]
)
def test_momentum_figures_are_those_of_the_steps(tab: Tab, power: float, rate: float) -> None:
    set_momentum(tab, power, rate)
    path = heavy_ball(1 - 10**-power, rate, 2000)
    first_swing = path[: next((t for t in range(2, 2000) if path[t] > path[t - 1]), 2) + 1]
    assert figure(tab, "momentum-readout", "overshoot") == pytest.approx(
        max(0.0, -min(first_swing)), rel=2e-3, abs=2e-3
    )
    crossings = sum(a * b < 0 for a, b in pairwise(path[:317]))
    assert abs(figure(tab, "momentum-readout", "crossings") - crossings) <= 1


@pytest.mark.parametrize(
    ("power", "rate", "regime"),
    [
        (1, 2.6e-3, "It creeps in"),
        (1, 2.7e-3, "It rings"),
        (1, 3.79, "It rings"),
        (1, 3.799, "It changes sides"),
        (1, 3.81, "It diverges"),
        (0, 1.99, "It changes sides"),
        (0, 2.01, "It diverges"),
        (5.05, 0.01, "It never settles"),
        (5.05, 4.1, "It diverges"),
    ],
)
def test_momentum_regimes_change_at_the_borders(
    tab: Tab, power: float, rate: float, regime: str
) -> None:
    set_momentum(tab, power, rate)
    words = tab.run("document.querySelector('[data-figure=regime]').textContent")
    assert words.startswith(regime)


def test_dot_on_the_map_can_be_dragged(tab: Tab) -> None:
    panel = "document.getElementById('momentum-map')"
    tab.run(f"{panel}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
    box = tab.run(f"{panel}.getBoundingClientRect().toJSON()")
    places = []
    for share in (0.5, 0.8):
        place = {"x": box["x"] + share * box["width"], "y": box["y"] + 0.3 * box["height"]}
        kind = "mouseMoved" if places else "mousePressed"
        tab.call("Input.dispatchMouseEvent", type=kind, button="left", buttons=1, **place)
        places.append(tab.run("Number(document.getElementById('momentum-beta').value)"))
    tab.call("Input.dispatchMouseEvent", type="mouseReleased", button="left", **place)
    assert 1.5 < places[0] < 3.2 < places[1] < 5
    assert -2 < tab.run("Number(document.getElementById('momentum-rate').value)") < 0


def selu(z: np.ndarray) -> np.ndarray:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


def silu(z: np.ndarray) -> np.ndarray:
    return z / (1 + np.exp(-z))


def logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def through_layers(
    activation: Callable[[np.ndarray], np.ndarray], gain: float, layers: int
) -> tuple[float, float]:
    """Size of the signal and gain of the gradient's norm, by another rule than the page's."""
    z, width = np.linspace(-10, 10, 200_001, retstep=True)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * width
    square, gradient = 1.0, 1.0
    for _ in range(layers):
        scale = math.sqrt(gain * square)
        signal = activation(scale * z)
        gradient *= gain * float(density @ (np.gradient(signal, scale * width) ** 2))
        square = float(density @ signal**2)
    return math.sqrt(square), math.sqrt(gradient)


@pytest.mark.parametrize(
    ("name", "activation", "gain"),
    [
        ("SELU", selu, 1),
        ("SELU", selu, 2),
        ("ReLU", relu, 2),
        ("SiLU", silu, 2),
        ("tanh", np.tanh, 1),
        ("logistic", logistic, 1),
    ],
)
def test_depth_figures_are_those_of_the_integrals(
    tab: Tab, name: str, activation: Callable[[np.ndarray], np.ndarray], gain: float
) -> None:
    slide(tab, "depth-activation", name)
    slide(tab, "depth-gain", math.log2(gain))
    slide(tab, "depth-start", 0)
    slide(tab, "depth-layers", 20)
    size, gradient = through_layers(activation, gain, 20)
    assert figure(tab, "depth-readout", "rms") == pytest.approx(size, rel=5e-3)
    assert figure(tab, "depth-readout", "gradient") == pytest.approx(gradient, rel=1e-2)


@pytest.mark.parametrize("penalty", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("best", [-1.5, 0.3])
def test_penalty_figures_are_those_of_the_soft_threshold(
    tab: Tab, penalty: float, best: float
) -> None:
    slide(tab, "penalty-strength", penalty)
    slide(tab, "penalty-best", best)
    slide(tab, "penalty-rate", -0.7)
    minimum = math.copysign(max(abs(best) - penalty, 0), best)
    assert figure(tab, "penalty-readout", "minimum") == pytest.approx(minimum, abs=1e-4)
    assert figure(tab, "penalty-readout", "proximal") == pytest.approx(minimum, abs=1e-3)
    grid = -2 + 4 * (np.arange(81) + 0.37) / 81
    expected = int((np.abs(grid) <= penalty).sum())
    assert figure(tab, "penalty-readout", "zeros-proximal") == expected
    assert figure(tab, "penalty-readout", "zeros-gradient") == 0
    flutters = penalty > 0 and abs(best) < penalty
    assert (figure(tab, "penalty-readout", "swing") > 0.01) is flutters


@pytest.mark.parametrize("place", ["momentum", "depth"])
def test_every_preset_draws_finite_curves(tab: Tab, place: str) -> None:
    buttons = tab.run(f"document.querySelectorAll('#{place}-figure button').length")
    assert buttons > 0
    for button in range(buttons):
        tab.run(f"document.querySelectorAll('#{place}-figure button')[{button}].click()")
        drawn = tab.run(f"document.querySelector('#{place}-figure .panels').innerHTML")
        assert "NaN" not in drawn
        assert "Infinity" not in drawn
    assert tab.problems() == []
