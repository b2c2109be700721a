"""Damaged image sets in every form: refused in a line, or read with the labels they had.

Bytes are flipped, files are cut, files of two forms are mixed. Run:
    PYTHONPATH=tests/helpers python benchmarks/damaged_images.py --out results.json
"""

import argparse
import collections
import json
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
from image_examples import zip_folder
from image_forms import FORMS, drawn, tar_folder

from lightning_cifar.data.forms import load_folder
from lightning_cifar.errors import InputError

SETS = drawn(4, 2)
PACKINGS = ("folder", "zip", "tar")


def main() -> int:
    """Damage, read, count; returns 1 if anything ended in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    lots = random.Random(options.seed)
    outcomes: collections.Counter[str] = collections.Counter()
    details = []
    with tempfile.TemporaryDirectory() as name:
        whole = {form: write(SETS, Path(name) / form) for form, (write, _) in FORMS.items()}
        for number in range(options.count):
            form = list(FORMS)[number % len(FORMS)]
            packing = PACKINGS[number // len(FORMS) % len(PACKINGS)]
            place = Path(name) / f"case{number}"
            kind, source = damaged(whole, form, packing, place, lots)
            outcome = what_comes(source, place / "cache")
            outcomes[outcome.partition(":")[0]] += 1
            details.append({"form": form, "packing": packing, "damage": kind, "outcome": outcome})
            shutil.rmtree(place)
    summary = {"outcomes": dict(outcomes), "cases": details}
    print(json.dumps(summary["outcomes"], indent=1))
    for each in details:
        if not each["outcome"].startswith(("refused", "read as it was")):
            print(each)
    if options.out:
        options.out.write_text(json.dumps(summary, indent=1) + "\n")
    return 1 if outcomes["traceback"] else 0


def damaged(
    whole: dict[str, Path], form: str, packing: str, place: Path, lots: random.Random
) -> tuple[str, Path]:
    """A damaged copy of a set in a form, packed or not, and what was done to it."""
    folder = Path(shutil.copytree(whole[form], place / "images"))
    kind = lots.choice(["flipped", "cut", "mixed"])
    if kind == "mixed":
        other = lots.choice([each for each in whole if each != form])
        shutil.copytree(whole[other], folder, dirs_exist_ok=True)
    pack = {"zip": (zip_folder, "x.zip"), "tar": (tar_folder, "x.tar")}
    if packing in pack and lots.random() < 0.5:  # the archive itself is damaged
        source = pack[packing][0](folder, place / pack[packing][1])
        spoil(source, kind, lots)
        return f"{kind} archive", source
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    spoil(lots.choice(files), kind, lots)
    if packing in pack:
        return f"{kind} file", pack[packing][0](folder, place / pack[packing][1])
    return f"{kind} file", folder


def spoil(path: Path, kind: str, lots: random.Random) -> None:
    """Flip some bytes of a file, or cut it; nothing to a file of a mixture."""
    content = bytearray(path.read_bytes())
    if kind == "flipped" and content:
        for _ in range(lots.randint(1, 8)):
            content[lots.randrange(len(content))] ^= 1 << lots.randrange(8)
    elif kind == "cut":
        del content[lots.randrange(len(content)) :]
    path.write_bytes(content)


def what_comes(source: Path, cache: Path) -> str:
    """How reading ended, in the terms of the table."""
    before = set(os.listdir(source.parent))
    try:
        loaded = load_folder(source, cache)
    except InputError as error:
        return "traceback: many lines" if "\n" in str(error) else f"refused: {error}"[:200]
    except Exception as error:
        return f"traceback: {error!r}"[:200]
    if set(os.listdir(source.parent)) - before - {"cache"}:
        return "code ran: something was written"
    if any(loaded.read(part).labels.tolist() != SETS[part][1].tolist() for part in SETS):
        verified = "verified" if loaded.about.verified else "recorded as not verified"
        return f"other labels: {verified}"
    pixels = [loaded.read(part).images.permute(0, 2, 3, 1).numpy() for part in SETS]
    same = all(np.array_equal(each, SETS[part][0]) for each, part in zip(pixels, SETS, strict=True))
    return "read as it was" if same else "other pixels: recorded as not verified"


if __name__ == "__main__":
    raise SystemExit(main())
