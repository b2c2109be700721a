"""Data modules over a small synthetic set, for tests."""

from lightning_cifar.data import synthetic
from lightning_cifar.data.datamodule import CIFAR10DataModule


def small_modules(monkeypatch, cache):
    """A function that makes data modules over a synthetic set of 200 and 50 images."""

    def load(folder):
        return synthetic.load_synthetic(folder, train_size=200, test_size=50)

    monkeypatch.setattr("lightning_cifar.data.sources.load_synthetic", load)

    def make(**options):
        return CIFAR10DataModule(
            **{"source": "synthetic", "cache": str(cache), "batch_size": 32, **options}
        )

    return make


def ready(datamodule, stage="fit"):
    datamodule.prepare_data()
    datamodule.setup(stage)
    return datamodule
