"""What the L1 penalties and the pruning say of question 6."""

from benchmarks.real_network.q6_sparsity import COMBINED, PENALTIES, SHARES
from benchmarks.real_network.telling import (
    Finding,
    Record,
    Told,
    average,
    figure,
    points,
    table,
)


def tell(record: Record) -> Told:
    """The section of the page."""
    accuracy = {name: average(values) for name, values in record["accuracy"].items()}
    zeros = {name: average(values) for name, values in record["zeros"].items()}
    size = {name: average(values) for name, values in record["magnitudes"].items()}
    cut = {
        name: {share: average(each) for share, each in of.items()}
        for name, of in record["cut"].items()
    }
    tuned = {name: average(values) for name, values in record["tuned"].items()}
    full, unpruned = record["bytes"]["full"], tuned["unpruned 0"]
    half = record["bytes"][str(SHARES[0])]
    ratios = {share: record["bytes"][str(share)] / full for share in SHARES}
    subgradient = [zeros[f"subgradient {each:g}"] for each in PENALTIES]
    proximal = [zeros[f"proximal {each:g}"] for each in PENALTIES]
    sizes = [size["none"], *(size[f"subgradient {each:g}"] for each in PENALTIES)]
    combined = {
        each: record["comparisons"][
            f"L1 {each:g}, then {COMBINED:.0%} pruned - {COMBINED:.0%} pruned"
        ]
        for each in PENALTIES
    }
    best = max(PENALTIES, key=lambda each: combined[each]["mean"])
    share = SHARES[1]
    return Told(
        "three ways to a sparse model",
        f"ELU network, He's rule, SGD with momentum 0.9 at rate {figure(record['rate'])}. The "
        "penalty is on all weights. Pruning zeroes the smallest weights of each layer: once, at "
        "the start of a further epoch of training, or gradually, step by step during it. Bytes "
        "are those of 32-bit weights as compressed sparse rows, with biases in full.",
        (
            table(
                ("penalty", "validation accuracy (%)", "weights exactly 0", "sum of magnitudes"),
                [
                    (name, f"{accuracy[name]:.1f}", f"{zeros[name]:.1%}", f"{size[name]:.0f}")
                    for name in accuracy
                ],
            ),
            table(
                (
                    "share pruned",
                    "not trained on (%)",
                    f"after L1 {best:g} (%)",
                    "once, a further epoch (%)",
                    "gradually, a further epoch (%)",
                    "bytes",
                ),
                [
                    (
                        "0",
                        f"{accuracy['none']:.1f}",
                        f"{accuracy[f'subgradient {best:g}']:.1f}",
                        f"{unpruned:.1f}",
                        f"{unpruned:.1f}",
                        f"{full:,}",
                    ),
                    *(
                        (
                            f"{each:.0%}",
                            f"{cut['none'][str(each)]:.1f}",
                            f"{cut[f'subgradient {best:g}'][str(each)]:.1f}",
                            f"{tuned[f'once {each}']:.1f}",
                            f"{tuned[f'gradual {each}']:.1f}",
                            f"{record['bytes'][str(each)]:,}",
                        )
                        for each in SHARES
                    ),
                ],
            ),
            "\n".join(f"- {name}: {points(each)}." for name, each in record["comparisons"].items()),
        ),
        (
            Finding(
                "Q6.2",
                f"With penalties of {' and '.join(f'{each:g}' for each in PENALTIES)} the proximal "
                f"step makes {' and '.join(f'{each:.1%}' for each in proximal)} of the weights "
                f"exactly zero; the subgradient makes "
                f"{' and '.join(f'{each:.1%}' for each in subgradient)}.",
                max(subgradient) == 0 < max(proximal),
            ),
            Finding(
                "Q6.3",
                f"The sum of the magnitudes is {sizes[0]:.0f} without a penalty and "
                f"{' and '.join(f'{each:.0f}' for each in sizes[1:])} with penalties of "
                f"{' and '.join(f'{each:g}' for each in PENALTIES)} by subgradient.",
                sizes == sorted(sizes, reverse=True),
            ),
            Finding(
                "Q6.5",
                f"With {share:.0%} of the weights pruned at once the accuracy is "
                f"{cut['none'][str(share)]:.1f} %, after a further epoch "
                f"{tuned[f'once {share}']:.1f} %, and without pruning {unpruned:.1f} %.",
                tuned[f"once {share}"] > unpruned - 3,
            ),
            Finding(
                "Q6.8",
                f"Compressed, the network takes {ratios[SHARES[0]]:.2f} times its {full:,} bytes "
                f"with {SHARES[0]:.0%} pruned and {ratios[SHARES[-1]]:.2f} times with "
                f"{SHARES[-1]:.0%}; "
                "zeros in full matrices save nothing.",
                half > 0.95 * full and ratios[SHARES[-1]] < 0.5,
            ),
            Finding(
                "Q6.9",
                "Trained from small starting weights without a penalty, the network has "
                f"{zeros['none']:.1%} exact zeros.",
                zeros["none"] == 0,
            ),
            Finding(
                "Q6.11",
                f"With {COMBINED:.0%} pruned, a penalty of {best:g} before it changes the accuracy "
                f"by {points(combined[best])}.",
                combined[best]["differs"] and combined[best]["mean"] > 0,
            ),
        ),
    )
