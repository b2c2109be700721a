"""Which networks are one ensemble."""

from types import SimpleNamespace

import pytest

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.ensembles import check_alike


def member(name, classes=("cat", "dog"), size=32):
    classifier = SimpleNamespace(
        classes=len(classes), class_names=tuple(classes), image_shape=(3, size, size)
    )
    return SimpleNamespace(name=name, classifier=classifier)


KIND = "so they are no ensemble; give runs that were trained on images of one kind"
REFUSED = {
    "classes": (member("b", "xyz"), f"a has 2 classes and b 3, {KIND}"),
    "size": (
        member("b", size=8),
        f"a has 32 pixels to a side of an image and b 8, {KIND}",
    ),
    "names": (
        member("b", ("cat", "cow")),
        "a calls class 1 'dog' and b 'cow', so they are no ensemble; give runs that were trained "
        "with the same classes in the same order",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_networks_that_differ_are_refused(case):
    other, message = REFUSED[case]
    with pytest.raises(InputError) as refusal:
        check_alike(member("a"), other)
    assert str(refusal.value) == message


def test_networks_of_one_kind_are_an_ensemble():
    check_alike(member("a"), member("b"))
