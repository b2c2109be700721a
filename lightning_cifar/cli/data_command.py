"""``data``: what is at a path, in figures and one picture, before anything is trained on it."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from lightning_cifar.cli.help import Parser
from lightning_cifar.data.reading import Labels
from lightning_cifar.errors import InputError

if TYPE_CHECKING:
    from lightning_cifar.data.images import ImageSet
    from lightning_cifar.data.inspection import Inspection

MOST_CLASSES = 30  # that have a line each
SHEET = Path("contact_sheet.png")


def show_data(arguments: list[str]) -> int:
    """Say what images are at a path: form, counts, sizes, copies, unreadable files, statistics."""
    parser = Parser("lightning-cifar data", description=show_data.__doc__)
    add = parser.add_argument
    add("--data.path", dest="path", metavar="PATH", help="folder, zip or tar of images")
    add("--data.source", dest="source", metavar="NAME", help="official, cifar100 or synthetic")
    add("--data.cache", dest="cache", metavar="FOLDER", help="folder for what is decoded")
    add("--data.image_size", dest="image_size", type=int, default=32, metavar="N",
        help="height and width that images of your own are brought to [32]")  # fmt: skip
    add("--data.labels", dest="labels", choices=get_args(Labels), default="fine",
        help="of CIFAR-100 [fine]")  # fmt: skip
    add("--json", action="store_true", help="all figures as JSON")
    add("--contact_sheet", type=Path, default=SHEET, metavar="FILE",
        help=f"the picture to write [{SHEET}]")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.path is None and options.source is None:
        raise InputError("nothing to look at: give --data.path, or --data.source synthetic")
    from lightning_cifar.data.contact_sheet import contact_sheet
    from lightning_cifar.data.inspection import inspected

    images = readable_images(options)
    found = inspected(images)
    try:
        contact_sheet(images.train, images.classes).save(options.contact_sheet)
    except ValueError as error:  # a format that Pillow does not know
        raise InputError(
            f"cannot draw {options.contact_sheet}: {error}; give a name that ends in .png"
        ) from error
    if options.json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
    else:
        print(as_text(found))
        print(f"wrote {options.contact_sheet}")
    return 1 if found.skipped else 0


def readable_images(options: argparse.Namespace) -> "ImageSet":
    """The images but for those that cannot be read; InputError if nothing can be used."""
    from lightning_cifar.data.datamodule import CIFAR10DataModule
    from lightning_cifar.data.sources import load_images

    names = ("source", "path", "cache", "image_size", "labels")
    module = CIFAR10DataModule(**{name: getattr(options, name) for name in names})  # checks them
    place = (module.source, module.path, module.cache)
    try:
        return load_images(*place, module.reading)
    except InputError as error:
        # First as training reads them, from its cache if it can; then without what is damaged.
        if "skip_unreadable" not in str(error):
            raise
    return load_images(*place, dataclasses.replace(module.reading, skip_unreadable=True))


def as_text(found: "Inspection") -> str:
    """The figures in lines for a terminal."""
    from lightning_cifar.data.containers import shown

    totals = {part: sum(counts.values()) for part, counts in found.counts.items()}
    lines = [
        f"form       {found.form or 'drawn by the package'}",
        f"content    {'has the official hashes' if found.verified else 'not verified'}",
        f"classes    {len(found.classes)}",
        "images     " + ", ".join(f"{part} {count}" for part, count in totals.items()),
        f"pixels     {found.image_size}x{found.image_size}{sizes_said(found)}",
        f"mean       {spaced(found.mean)} (red, green, blue of the training images, 0 to 255)",
        f"deviation  {spaced(found.deviation)}",
        f"copies     {copies_said(found)}",
    ]
    if found.contradictions:
        lines.append(f"labels     {found.contradictions} images have a copy with another label")
    lines += [f"note       {note}" for note in found.notes]
    lines += [f"unreadable {line.partition('; replace')[0]}" for line in found.skipped]
    lines.append(f"hash       {found.fingerprint}")
    width = max(map(len, map(shown, found.classes)), default=0)
    if len(found.classes) <= MOST_CLASSES:
        parts = found.counts.values()
        rows = [[shown(name), *(str(each[name]) for each in parts)] for name in found.classes]
        for name, *cells in [["class", *found.counts], *rows]:
            lines.append("  ".join([name.ljust(width), *(cell.rjust(10) for cell in cells)]))
    else:
        for part, counts in found.counts.items():
            least, most = min(counts.values()), max(counts.values())
            lines.append(f"{part}: {least} to {most} images in each class")
    return "\n".join(lines)


def sizes_said(found: "Inspection") -> str:
    """The sizes of the files, if they are others than what was made of them."""
    ours = f"{found.image_size}x{found.image_size}"
    if set(found.sizes) <= {ours}:
        return ""
    most = sorted(found.sizes.items(), key=lambda item: -item[1])
    listed = ", ".join(f"{size} ({count})" for size, count in most[:4])
    more = f" and {len(most) - 4} other sizes" if len(most) > 4 else ""
    return f", made of {listed}{more}"


def copies_said(found: "Inspection") -> str:
    """Which parts hold an image twice or share some."""
    within = [f"{count} within {part}" for part, count in found.copies_within.items() if count]
    across = [f"{count} of {kind}" for kind, count in found.copies_across.items() if count]
    return ", ".join(within + across) or "none"


def spaced(values: tuple[float, ...]) -> str:
    """Numbers side by side."""
    return " ".join(f"{value:.1f}" for value in values)
