"""Run folders written without a fit: small networks with drawn weights, as ``fit`` leaves them."""

import lightning
import yaml

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.runs.checkpoints import save_checkpoint

# The synthetic set: 300 and 60 images where ``commands.working_in`` holds.
DATA = {"source": "synthetic", "validation_size": 30}


def written_run(
    folder, variant=AlphaDropoutClassifier, *, seed=0, names=None, data=None, **options
):
    """Write a run and return its folder; names: of the classes; data: settings of its images."""
    classifier = variant(depth=2, width=8, seed=seed, **options)
    size = classifier.image_shape
    classifier.standardise.adopt(*(classifier.standardise.shift + each for each in (120, 60)))
    if names is not None:
        classifier.class_names = tuple(names)
    folder.mkdir(parents=True)
    checkpoint = {
        "epoch": 0,
        "pytorch-lightning_version": lightning.__version__,
        "state_dict": classifier.state_dict(),
        "hyper_parameters": dict(classifier.hparams),
    }
    classifier.on_save_checkpoint(checkpoint)
    save_checkpoint(checkpoint, folder / "best.ckpt")
    config = {
        "seed_everything": seed,
        "model": {
            "class_path": f"lightning_cifar.classifiers.{variant.__name__}",
            "init_args": {"depth": 2, "width": 8, **without_images(options)},
        },
        "data": DATA | ({} if size[1] == 32 else {"image_size": size[1]}) | (data or {}),
        "trainer": {"accelerator": "cpu"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def without_images(options):
    """What a configuration may say of a network: its classes and size follow the images."""
    return {key: value for key, value in options.items() if key not in ("classes", "image_size")}
