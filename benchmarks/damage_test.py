"""Damage files; count how often a reader takes a damaged one for a sound one.

    python benchmarks/damage_test.py --damages 1000 --out benchmarks/results/damage_test.json

Three files as they are used: a checkpoint, an archive of CIFAR-10 batch files, and an array of the
image cache. Of a small one of each, every byte in turn is flipped (of the checkpoint to each of its
255 other values, else by one bit that moves along) and it is cut off at every length. A large one
(of the checkpoint, that of the published network) gets damages at random: a flipped bit, a run of
random bytes, a cut, or bytes lost or added in the middle. Without a checksum, as the "unchecked"
reader of each file, the same damages do get through.
"""

import argparse
import io
import json
import os
import random
import sys
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lightning_cifar import networks
from lightning_cifar.data.array_cache import DecodedSet, read_manifest, read_part, write_set
from lightning_cifar.data.cifar_format import read_batch
from lightning_cifar.data.cifar_layouts import CIFAR10
from lightning_cifar.data.figures import CLASSES
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.data.official import Archive, members, read_archive
from lightning_cifar.data.synthetic import write_files
from lightning_cifar.files import sha256_of, write_text_atomically
from lightning_cifar.runs.checkpoints import SEAL_BYTES, load_checkpoint, save_checkpoint
from lightning_cifar.runs.provenance import commit, versions

Read = Callable[[], list[torch.Tensor]]
Prepare = Callable[[Path, bool], tuple[Path, dict[str, Read]]]
BATCH_IMAGES = {"small": 10, "large": 1000}


@dataclass(frozen=True)
class Count:
    """Of so many damages of one kind, how many a reader did not notice."""

    file: str
    bytes: int
    damage: str
    reader: str
    damages: int
    silent: int


def flips(content: bytes, changes: Sequence[int] = ()) -> Iterator[bytes]:
    """The content with each byte in turn changed by each of ``changes``, or by one moving bit."""
    for position, byte in enumerate(content):
        for change in changes or (1 << position % 8,):
            yield content[:position] + bytes([byte ^ change]) + content[position + 1 :]


def truncations(content: bytes) -> Iterator[bytes]:
    """The content cut off at every length."""
    return (content[:length] for length in range(len(content)))


def random_damages(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """So many contents with one random damage each."""
    chance = random.Random(seed)
    return (damaged(content, chance) for _ in range(count))


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


def silent_loads(path: Path, read: Read, damages: Iterable[bytes]) -> tuple[int, int]:
    """Number of ``damages`` of the file at ``path``, and of those that pass with other values."""
    content, expected = path.read_bytes(), read()
    count = silent = 0
    for count, damage in enumerate(damages, start=1):  # noqa: B007  the count is a result
        path.write_bytes(damage)
        try:
            values = read()
        except Exception:  # which one does not matter: it was noticed
            continue
        silent += not same(values, expected)
    path.write_bytes(content)
    return count, silent


def same(values: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    """Whether two lists hold the same tensors."""
    return len(values) == len(others) and all(map(torch.equal, values, others))


def tensors_of(checkpoint: Any) -> list[torch.Tensor]:
    """The weights in a checkpoint."""
    return list(checkpoint["state_dict"].values())


def checkpoint_readers(folder: Path, small: bool) -> tuple[Path, dict[str, Read]]:
    """A checkpoint of 20 layers of 100 units, or of three weights."""
    path = folder / "best.ckpt"
    state = {"weight": torch.tensor([0.5, -2.0, 3.0])}
    if not small:
        network = networks.elu_network(20, 100, torch.Generator().manual_seed(0))
        state = dict(network.state_dict())
    save_checkpoint({"state_dict": state}, path)

    def plain() -> list[torch.Tensor]:
        content = io.BytesIO(path.read_bytes()[:-SEAL_BYTES])
        return tensors_of(torch.load(content, weights_only=True))

    return path, {"checked": lambda: tensors_of(load_checkpoint(path)), "unchecked": plain}


def images(small: bool) -> int:
    """How many images a file holds."""
    return BATCH_IMAGES["small" if small else "large"]


def random_images(count: int) -> LabelledImages:
    """Random pixels and labels."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return LabelledImages(pixels, torch.arange(count) % len(CLASSES))


def batch_readers(folder: Path, small: bool) -> tuple[Path, dict[str, Read]]:
    """CIFAR-10's batch files in the archive in which they are downloaded and kept."""
    path, name = folder / "archive.tar", "batches"
    (folder / name).mkdir()
    write_files(folder / name, train_size=images(small), test_size=10, seed=0)
    with tarfile.open(path, "w") as tar:
        tar.add(folder / name, name)
    archive = Archive("", path.name, name, path.stat().st_size, sha256_of(path))

    def unchecked() -> list[torch.Tensor]:
        names = {f"{name}/{each}": each for each in CIFAR10.train_files}
        content = members(path.read_bytes(), names)
        return [read_batch(content[each], each).images for each in CIFAR10.train_files]

    return path, {
        "checked": lambda: [read_archive(archive, path).parts["train"].images],
        "unchecked": unchecked,
    }


def cache_readers(folder: Path, small: bool) -> tuple[Path, dict[str, Read]]:
    """The images in the cache."""
    cache = folder / "cache"
    cache.mkdir()
    drawn = random_images(images(small))
    parts = {"train": drawn, "test": drawn.select(torch.arange(10))}
    write_set(cache, DecodedSet(CLASSES, parts))
    path, expected = cache / "train_images.npy", read_manifest(cache).checksums["train"]
    return path, {
        "checked": lambda: [read_part(cache, "train", expected).images],
        "unchecked": lambda: [torch.from_numpy(np.load(path))],
    }


FILES: dict[str, Prepare] = {
    "checkpoint": checkpoint_readers,
    "batch files": batch_readers,
    "image cache": cache_readers,
}


def counts(file: str, damages: int, seed: int) -> Iterator[Count]:
    """All damages of one kind of file, by each of its readers."""
    for small in (True, False):
        with tempfile.TemporaryDirectory(dir=memory_folder()) as root:
            path, readers = FILES[file](Path(root), small)
            content = path.read_bytes()
            for reader, read in readers.items():
                if small and file != "checkpoint" and reader == "unchecked":
                    continue  # minutes, to show once more what the random damages show
                exhaustive = file == "checkpoint" and reader == "checked"
                changes = range(1, 256) if exhaustive else ()
                kinds = {
                    "every byte flipped": flips(content, changes),
                    "every truncation": truncations(content),
                }
                if not small:
                    kinds = {"random": random_damages(content, damages, seed)}
                for damage, contents in kinds.items():
                    tried, silent = silent_loads(path, read, contents)
                    yield Count(file, len(content), damage, reader, tried, silent)


def memory_folder() -> Path | None:
    """A folder in memory, where there is one: a disk has nothing to add to half a million files."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else None


def main() -> int:
    """Damage the files, print a line for each reader."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--damages", type=int, default=1000, help="at random, of each large file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--out", type=Path, help="JSON file for the counts")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # torch's remarks on what the damages made of a pickle
    found = []
    for file in options.files:
        for count in counts(file, options.damages, options.seed):
            found.append(count)
            where = f"{count.file:13}{count.bytes:10,} bytes  {count.damage:20}{count.reader:11}"
            print(f"{where}{count.silent:7,} of {count.damages:7,} silent", flush=True)
    if options.out:
        result = {"commit": commit(), "versions": versions(), "counts": list(map(asdict, found))}
        write_text_atomically(options.out, json.dumps(result, indent=1) + "\n")
    return 1 if any(count.silent for count in found if count.reader == "checked") else 0


if __name__ == "__main__":
    sys.exit(main())
