"""How far one plain 20 x 100 network goes: teacher, networks of the recipe, what each part adds.

    python -m benchmarks.best train --path cifar10-jpeg.zip --runs runs/best
    python -m benchmarks.best ingredients --path cifar10-jpeg.zip --runs runs/best
    python -m benchmarks.best members --path cifar10-jpeg.zip --runs runs/best
    python -m benchmarks.best test --path cifar10-jpeg.zip --runs runs/best
    python -m benchmarks.best.page

The first three never read the test images. What is there already is not made again.
Records go to benchmarks/results/best/; the last command writes docs/best.md from them. Without
--path the networks are trained on the images that the package draws itself. The run folders in
runs/best/recipe/ are of the variant elu: lightning-cifar test --run runs/best/recipe/0. Runs of
lightning-cifar fit --config best --run runs/best/package/0 are tested with them.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.best.ingredients import ladder, left_out
from benchmarks.best.student import Recipe
from benchmarks.best.work import MEMBER, RECIPE, Work
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError
from lightning_cifar.training.quiet import quieten

RESULTS = Path(__file__).parents[1] / "results" / "best"
PARTS = ("train", "ingredients", "members", "test")


def main(arguments: list[str] | None = None) -> int:
    """Do one part; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.best",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--path", help="folder or zip of CIFAR-10 images")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the trained networks")
    parser.add_argument("--records", type=Path, default=RESULTS, help="folder of the records")
    parser.add_argument("--seeds", type=int, default=3, help="networks of the recipe")
    parser.add_argument("--epochs", type=int, default=36, help="of each of them")
    parser.add_argument("--members", type=int, default=10, help="of the ensemble, those included")
    parser.add_argument("--member-epochs", type=int, default=12, help="of each further member")
    parser.add_argument("--short", type=int, default=10, help="epochs of a row of the table")
    parser.add_argument("--teacher-epochs", type=int, default=8)
    parser.add_argument("--teacher-width", type=int, default=16)
    parser.add_argument("--size", type=int, nargs=2, default=(20, 100), metavar=("DEPTH", "WIDTH"))
    options = parser.parse_args(arguments)
    quieten()
    if options.path:
        data = CIFAR10DataModule(path=options.path)
    else:
        data = CIFAR10DataModule(source="synthetic")
    try:
        data.prepare_data()
        data.setup("fit")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    teacher = {"width": options.teacher_width, "epochs": options.teacher_epochs}
    work = Work(data, options.runs, options.records, teacher)
    depth, width = options.size
    recipe = Recipe(epochs=options.epochs, depth=depth, width=width)
    if options.part == "train":
        for seed in range(options.seeds):
            work.train(RECIPE, recipe, seed)
    elif options.part == "members":
        for seed in range(options.seeds, options.members):
            work.train(MEMBER, recipe.without(epochs=options.member_epochs), seed)
    elif options.part == "ingredients":
        short = recipe.without(epochs=options.short)
        for name, changed in (ladder(short) | left_out(short)).items():
            work.train(name, changed, 0)
    else:
        work.test(options.members)
    return 0


if __name__ == "__main__":
    sys.exit(main())
