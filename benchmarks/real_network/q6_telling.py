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
        "penalty is on all weights. Pruning zeroes the smallest weights of each layer; once: at "
        "the start of an epoch more of training, gradually: step by step in that epoch. Bytes: "
        "32-bit weights as compressed sparse rows, biases in full.",
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
                    "once, an epoch more (%)",
                    "gradually, an epoch more (%)",
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
                f"With penalties of {', '.join(f'{each:g}' for each in PENALTIES)} the proximal "
                f"step makes {', '.join(f'{each:.1%}' for each in proximal)} of the weights "
                f"exactly zero, the subgradient "
                f"{', '.join(f'{each:.1%}' for each in subgradient)}.",
                max(subgradient) == 0 < max(proximal),
            ),
            Finding(
                "Q6.3",
                "The sum of the magnitudes without a penalty and with each of these by "
                f"subgradient: {', '.join(f'{each:.0f}' for each in sizes)}.",
                sizes == sorted(sizes, reverse=True),
            ),
            Finding(
                "Q6.5",
                f"With {share:.0%} of the weights pruned at once the accuracy is "
                f"{cut['none'][str(share)]:.1f} % and after an epoch more "
                f"{tuned[f'once {share}']:.1f} %, without pruning {unpruned:.1f} %.",
                tuned[f"once {share}"] > unpruned - 3,
            ),
            Finding(
                "Q6.8",
                f"Compressed, the network takes {ratios[SHARES[0]]:.2f} of the {full:,} bytes with "
                f"{SHARES[0]:.0%} pruned and {ratios[SHARES[-1]]:.2f} with {SHARES[-1]:.0%}; "
                "zeros in full matrices save nothing.",
                half > 0.95 * full and ratios[SHARES[-1]] < 0.5,
            ),
            Finding(
                "Q6.9",
                f"After training from its small starting weights the network without a penalty has "
                f"{zeros['none']:.1%} exact zeros.",
                zeros["none"] == 0,
            ),
            Finding(
                "Q6.11",
                f"With {COMBINED:.0%} pruned, L1 of {best:g} before it changes the accuracy by "
                f"{points(combined[best])}.",
                combined[best]["differs"] and combined[best]["mean"] > 0,
            ),
        ),
    )
