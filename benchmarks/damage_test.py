"""Damage files at random; count how often a reader takes a damaged one for a sound one.

    python benchmarks/damage_test.py --damages 1000 --out benchmarks/results/damage_test.json

Three files as they are used: a checkpoint of the published network (half a million weights), an
archive of CIFAR-10 batch files, and an array of the image cache. A damage is a flipped bit, a run
of random bytes, a cut, or bytes lost or added in the middle. Without a checksum, as in the line
below each reader's own, the same damages do get through.
"""

import argparse
import io
import json
import random
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lightning_cifar import networks
from lightning_cifar.checkpoints import SEAL_BYTES, load_checkpoint, save_checkpoint
from lightning_cifar.data.array_cache import DecodedSet, read_manifest, read_part, write_set
from lightning_cifar.data.cifar_format import TRAIN_FILES, read_batches
from lightning_cifar.data.figures import CLASSES
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.official import Archive, members, read_archive
from lightning_cifar.data.synthetic import write_files
from lightning_cifar.files import sha256_of, write_text_atomically
from lightning_cifar.provenance import commit, versions

Read = Callable[[], list[torch.Tensor]]
BATCH_IMAGES = 1000


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The content with one random damage; never the content itself."""
    position = chance.randrange(len(content))
    length = min(chance.randrange(1, 65), len(content) - position)
    noise = chance.randbytes(length)
    flipped = bytes([content[position] ^ 1 << chance.randrange(8)])
    candidates = [
        content[:position] + flipped + content[position + 1 :],
        content[:position] + noise + content[position + length :],
        content[:position],
        content[:position] + content[position + length :],
        content[:position] + noise + content[position:],
    ]
    choice = chance.choice(candidates)
    return choice if choice != content else damaged(content, chance)


def silent_loads(path: Path, read: Read, damages: int, chance: random.Random) -> int:
    """How many damages of the file at ``path`` change what is read without an error."""
    content, expected = path.read_bytes(), read()
    silent = 0
    for _ in range(damages):
        path.write_bytes(damaged(content, chance))
        try:
            values = read()
        except Exception:  # which one does not matter: it was noticed
            continue
        silent += not all(map(torch.equal, values, expected))
    path.write_bytes(content)
    return silent


def tensors_of(checkpoint: Any) -> list[torch.Tensor]:
    """The weights in a checkpoint."""
    return list(checkpoint["state_dict"].values())


def checkpoint_readers(folder: Path) -> tuple[Path, dict[str, Read]]:
    """A checkpoint of 20 layers of 100 units."""
    path = folder / "best.ckpt"
    network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))
    save_checkpoint({"state_dict": network.state_dict()}, path)

    def plain() -> list[torch.Tensor]:
        content = io.BytesIO(path.read_bytes()[:-SEAL_BYTES])
        return tensors_of(torch.load(content, weights_only=True))

    return path, {"checked": lambda: tensors_of(load_checkpoint(path)), "unchecked": plain}


def random_images(count: int) -> LabelledImages:
    """Random pixels and labels."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return LabelledImages(pixels, torch.arange(count) % len(CLASSES))


def batch_readers(folder: Path) -> tuple[Path, dict[str, Read]]:
    """CIFAR-10's batch files in the archive in which they are downloaded and kept."""
    path, name = folder / "archive.tar", "batches"
    (folder / name).mkdir()
    write_files(folder / name, train_size=BATCH_IMAGES, test_size=100, seed=0)
    with tarfile.open(path, "w") as tar:
        tar.add(folder / name, name)
    archive = Archive("", path.name, name, path.stat().st_size, sha256_of(path))

    def unchecked() -> list[torch.Tensor]:
        names = {f"{name}/{each}": each for each in TRAIN_FILES}
        content = members(path.read_bytes(), names)
        return [read_batches(TRAIN_FILES, content.__getitem__).images]

    return path, {
        "checked": lambda: [read_archive(archive, path).train.images],
        "unchecked": unchecked,
    }


def cache_readers(folder: Path) -> tuple[Path, dict[str, Read]]:
    """The images in the cache."""
    cache = folder / "cache"
    cache.mkdir()
    images = random_images(BATCH_IMAGES)
    write_set(cache, DecodedSet(CLASSES, images, images.select(torch.arange(10))))
    path, expected = cache / "train_images.npy", read_manifest(cache).checksums["train"]
    return path, {
        "checked": lambda: [read_part(cache, "train", expected).images],
        "unchecked": lambda: [torch.from_numpy(np.load(path))],
    }


def main() -> int:
    """Damage the files, print a line for each reader."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file for the counts")
    options = parser.parse_args()
    counts: dict[str, dict[str, int]] = {}
    with tempfile.TemporaryDirectory() as root:
        kinds = {"checkpoint": checkpoint_readers, "batch files": batch_readers}
        for kind, prepare in {**kinds, "image cache": cache_readers}.items():
            path, readers = prepare(Path(root))
            counts[kind] = {}
            for name, read in readers.items():
                chance = random.Random(options.seed)
                counts[kind][name] = silent_loads(path, read, options.damages, chance)
                print(f"{kind:14}{name:12}{counts[kind][name]} of {options.damages} silent")
    if options.out:
        result = {"commit": commit(), "versions": versions(), "damages": options.damages}
        write_text_atomically(options.out, json.dumps(result | {"silent": counts}, indent=1) + "\n")
    return 1 if any(count["checked"] for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
