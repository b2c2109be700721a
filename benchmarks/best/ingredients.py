"""The ladder from what the package trained before to the recipe; the recipe without a part."""

from benchmarks.best.student import Recipe

BEFORE = {"optimiser": "nadam", "batch_size": 128, "learning_rate": 2e-3}


def ladder(recipe: Recipe) -> dict[str, Recipe]:
    """Name -> recipe, from the augmented 1cycle of the study; each has one part more."""
    before = recipe.without(**BEFORE, shift=4, taught=False)
    shifted = before.without(shift=recipe.shift)
    muon = recipe.without(taught=False)
    return {"before": before, "smaller shifts": shifted, "muon": muon, "teacher": recipe}


def left_out(recipe: Recipe) -> dict[str, Recipe]:
    """Name -> the recipe without one part of it."""
    return {
        "without muon": recipe.without(**BEFORE),
        "shifts of 4": recipe.without(shift=4),
        "without flips and shifts": recipe.without(flip=False, shift=0),
    }
