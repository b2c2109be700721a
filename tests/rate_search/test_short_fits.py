"""Short fits use images that are loaded already."""

import pytest

from lightning_cifar.rate_search.short_fits import lent


class Loaded:
    """A data module that must not be loaded again."""

    images = "images"

    def prepare_data(self):
        raise AssertionError("prepared again")

    setup = teardown = prepare_data


@pytest.mark.parametrize("hook", ["prepare_data", "setup", "teardown"])
def test_a_lent_data_module_loads_nothing(hook):
    original = Loaded()
    borrowed = lent(original)
    assert getattr(borrowed, hook)("fit") is None
    assert borrowed.images == "images"
    with pytest.raises((AssertionError, TypeError)):  # the control: the original does
        getattr(original, hook)()
    borrowed.images = "others"
    assert original.images == "images"
