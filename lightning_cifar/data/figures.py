"""The pixels of the synthetic images: ten kinds of figures over clutter, drawn from a seed.

Each image shows one figure of random place, size, tilt and colours on a cloudy background with
distracting spots and noise. The figure is lighter or darker than its surroundings at random, so
no single pixel tells the class: a linear model gains little, a deep network learns slowly. Only
exactly rounded operations (+ - * / and comparisons) make the pixels, so every machine gets the
same ones.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]

SIDE = 32
CLOUDS = 5  # grid points per side of the background
SPOTS = 2
OFFSET = 3.0  # pixels that a figure's centre lies away from the image's, at most
RADIUS = (8.0, 13.0)
TILT = 0.15  # tangent of half the angle, at most
CONTRAST = (60.0, 120.0)  # grey levels between figure and surroundings
NOISE = 20.0

# Each figure is a condition on coordinates u (right) and v (down), where it fills [-1, 1]².
FIGURES: dict[str, Callable[[Floats, Floats], Mask]] = {
    "disc": lambda u, v: u * u + v * v < 1,
    "ring": lambda u, v: np.abs(u * u + v * v - 0.7) < 0.3,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) < 0.85,
    "frame": lambda u, v: np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.75) < 0.2,
    "triangle": lambda u, v: (v < 0.8) & (2 * np.abs(u) - v < 0.9),
    "plus": lambda u, v: (np.minimum(np.abs(u), np.abs(v)) < 0.28) & inside(u, v),
    "saltire": lambda u, v: (np.minimum(np.abs(u + v), np.abs(u - v)) < 0.4) & inside(u, v),
    "rows": lambda u, v: (np.floor(v * 2.5 + 8.5) % 2 == 0) & inside(u, v),
    "columns": lambda u, v: (np.floor(u * 2.5 + 8.5) % 2 == 0) & inside(u, v),
    "checks": lambda u, v: ((np.floor(u * 2) + np.floor(v * 2)) % 2 == 0) & inside(u, v),
}
CLASSES = tuple(FIGURES)


def inside(u: Floats, v: Floats) -> Mask:
    """The square that bounds every figure."""
    return np.maximum(np.abs(u), np.abs(v)) < 1


def draw_images(labels: npt.NDArray[np.int64], random: np.random.Generator) -> Pixels:
    """One image (3, 32, 32) for each label."""
    count = len(labels)
    canvas = clouds(count, random)
    for _ in range(SPOTS):
        paint(canvas, spots(count, random), random)
    paint(canvas, figures(labels, random), random)
    canvas += uniform(random, (-NOISE, NOISE), canvas.shape)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def uniform(
    random: np.random.Generator, bounds: tuple[float, float], shape: tuple[int, ...]
) -> Floats:
    """Uniform numbers between the bounds."""
    low, high = np.float32(bounds[0]), np.float32(bounds[1])
    return low + (high - low) * random.random(shape, dtype=np.float32)


def clouds(count: int, random: np.random.Generator) -> Floats:
    """Backgrounds (count, 3, 32, 32): random colours on a coarse grid, interpolated."""
    base = uniform(random, (70, 185), (count, 3, 1, 1))
    grid = base + uniform(random, (-60, 60), (count, 3, CLOUDS, CLOUDS))
    place = np.arange(SIDE, dtype=np.float32) * np.float32((CLOUDS - 1) / SIDE)
    before = place.astype(np.int64)
    weight = place - before.astype(np.float32)
    rows = grid[:, :, before] * (1 - weight)[:, None] + grid[:, :, before + 1] * weight[:, None]
    images: Floats = rows[..., before] * (1 - weight) + rows[..., before + 1] * weight
    return images


def coordinates(
    count: int, random: np.random.Generator, offset: float, radius: tuple[float, float]
) -> tuple[Floats, Floats]:
    """Coordinates u and v (count, 32, 32) of every pixel in each figure's own frame."""
    centre = np.float32((SIDE - 1) / 2)
    x0, y0 = centre + uniform(random, (-offset, offset), (2, count, 1, 1))
    size = uniform(random, radius, (count, 1, 1))
    half = uniform(random, (-TILT, TILT), (count, 1, 1))
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    axis = np.arange(SIDE, dtype=np.float32)
    x, y = (axis[None, None, :] - x0) / size, (axis[None, :, None] - y0) / size
    return cosine * x + sine * y, cosine * y - sine * x


def figures(labels: npt.NDArray[np.int64], random: np.random.Generator) -> Mask:
    """Where each image's figure is, (count, 32, 32)."""
    u, v = coordinates(len(labels), random, OFFSET, RADIUS)
    mask = np.empty(u.shape, dtype=np.bool_)
    for label, figure in enumerate(FIGURES.values()):
        members = labels == label
        mask[members] = figure(u[members], v[members])
    return mask


def spots(count: int, random: np.random.Generator) -> Mask:
    """A small disc anywhere in each image, (count, 32, 32)."""
    u, v = coordinates(count, random, SIDE / 2, (1.5, 4.0))
    return FIGURES["disc"](u, v)


def paint(canvas: Floats, mask: Mask, random: np.random.Generator) -> None:
    """Make the masked pixels lighter or darker, each image by its own amount in each colour."""
    count = len(canvas)
    sign = np.where(random.random((count, 1, 1, 1)) < 0.5, np.float32(-1), np.float32(1))
    canvas += sign * uniform(random, CONTRAST, (count, 3, 1, 1)) * mask[:, None]
