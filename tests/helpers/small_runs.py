"""Fits that take a moment: few images of noise, shallow networks, chosen callbacks."""

import torch
from image_examples import CLASSES, random_images
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Checkpoint

from lightning_cifar.classifiers import EluClassifier
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.images import ImageSet, LabelledImages
from lightning_cifar.runs.checkpoints import SealedCheckpoints


def small_data(*, train=64, test=20, fingerprint="of noise", **options):
    """A data module over images of noise in memory, ten of them for validation."""
    defaults = {"source": "synthetic", "batch_size": 16, "validation_size": 10}
    datamodule = CIFAR10DataModule(**{**defaults, **options})
    parts = {"train": random_images(train), "test": random_images(test, seed=1)}
    datamodule._image_set = ImageSet(CLASSES, fingerprint, parts.__getitem__)
    return datamodule


def lopsided_data(counts=(80, 20, 10), **options):
    """A data module over classes of these sizes, told apart by their grey level.

    Fifty of each class test; one in five of the training images validates.
    """
    datamodule = small_data(validation_size=sum(counts) // 5, **options)
    parts = {"train": grey_images(counts), "test": grey_images([50] * len(counts), seed=1)}
    datamodule._image_set = ImageSet(CLASSES[: len(counts)], f"{counts}", parts.__getitem__)
    return datamodule


def grey_images(counts, seed=0):
    """Images of one grey each: 60 to 95 in the first class, and 40 more in each that follows."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    generator = torch.Generator().manual_seed(seed)
    levels = 60 + 40 * labels + torch.randint(36, labels.shape, generator=generator)
    pixels = levels.to(torch.uint8)[:, None, None, None].expand(-1, 3, 32, 32)
    return LabelledImages(pixels.contiguous(), labels)


def small_classifier(variant=EluClassifier, **options):
    """A classifier of two hidden layers of four units, with a rate."""
    return variant(**{"depth": 2, "width": 4, "learning_rate": 1e-3, **options})


def small_trainer(folder, callbacks=(), **options):
    """A silent trainer on the CPU, with the package's checkpoint files."""
    return Trainer(**trainer_options(folder, callbacks, **options))


def trainer_options(folder, callbacks=(), **options):
    """The options of such a trainer."""
    quiet = {
        "accelerator": "cpu",
        "devices": 1,
        "max_epochs": 1,
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "enable_checkpointing": any(isinstance(each, Checkpoint) for each in callbacks),
        "default_root_dir": str(folder),
        "callbacks": list(callbacks),
        "plugins": [SealedCheckpoints()],
    }
    return {**quiet, **options}
