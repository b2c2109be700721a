"""Fits of a few small classifiers in a stack."""

from small_runs import small_classifier, small_data

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.stack.fit import fit_stack

SEEDS = (3, 5, 8)
RATES = (1e-3, 3e-3, 5e-4)
EPOCHS = 5  # of four batches each: 20 steps
DROPOUT = {"alpha_dropout": {"dropout_rate": 0.3, "dropout_everywhere": True}}


def classifiers(variant, rates=RATES, **options):
    options = DROPOUT.get(variant, {}) | options
    return [
        small_classifier(VARIANTS[variant], seed=seed, learning_rate=rate, **options)
        for seed, rate in enumerate(rates)
    ]


def fitted_in_stack(members, folder, *, data=small_data, seeds=SEEDS, **options):
    return fit_stack(
        members,
        data(),
        **{
            "seeds": seeds,
            "max_epochs": EPOCHS,
            "patience": EPOCHS,
            "folder": folder / "stack",
            "accelerator": "cpu",
            **options,
        },
    )


def largest_difference(network, other):
    """Over the parameters and statistics of ``network``."""
    theirs = other.state_dict()
    return max(
        float((mine - theirs[name]).abs().max()) for name, mine in network.state_dict().items()
    )
