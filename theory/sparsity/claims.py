"""The eleven claims of question 6, sparse models, as text; pointers name the experiments."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "In which three ways can a sparse model be produced?"

COMMAND = "theory run sparsity --penalty 0.5"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("A sparse model has many weights that are zero or nearly zero.", "Q6.1"),
    ("One way there is regularisation, L1 for instance,", "Q6.2"),
    ("whose penalty pushes weights to be small;", "Q6.3"),
    ("L1 makes them exactly zero, the Lasso only nearly.", "Q6.4"),
    ("Another is pruning after training, by magnitude,", "Q6.5"),
    ("by how often a weight was updated, or otherwise;", "Q6.6"),
    ("weights or neurons can be pruned,", "Q6.7"),
    ("which makes the model smaller and cheaper.", "Q6.8"),
    ("A third is to start with small weights, close to zero,", "Q6.9"),
    ("as Glorot's scheme is designed to do.", "Q6.10"),
    ("Each way has trade-offs, and they can be combined.", "Q6.11"),
)

ANSWER = (
    "Sparse means that most weights are exactly zero. First way: train as usual, then zero the "
    "weights of smallest magnitude. Second: train with an L1 penalty, whose best solution lies "
    "on exact zeros; plain gradient descent on the penalised loss only flutters around them, so "
    "it takes a proximal step (soft threshold) or pruning afterwards to have them. Third: apply a "
    "tool that prunes step by step during training, or remove whole neurons. L1 and then pruning "
    "gives more zeros than either. The Lasso is least squares with an L1 penalty, so they cannot "
    "differ. Small starting weights give no zeros at all. Zeros save memory and work only in a "
    "form that leaves them out: a compressed matrix with few enough of the rest, or smaller layers."
)

_EVIDENCE = "theory.sparsity.evidence:"
_NETWORKS = "theory.sparsity.network_evidence:"
_TIBSHIRANI = "Tibshirani 1996, Regression shrinkage and selection via the lasso"
_PRUNE = "PyTorch documentation, torch.nn.utils.prune"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q6.1",
        statement="A sparse model is one with many weights that are zero or nearly zero.",
        verdict=Verdict.FALSE,
        correct=(
            "Only exact zeros count. A compressed matrix keeps a tiny weight in full, and "
            "rescaling two ReLU layers makes any share of weights small while the network computes "
            "the same function."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "near_zeros_are_sparse",
        control=Control("the small weights are exactly zero", _EVIDENCE + "exact_zeros_are_sparse"),
    ),
    Claim(
        id="Q6.2",
        statement="Training with an L1 penalty gives a sparse model.",
        verdict=Verdict.DEPENDS,
        correct=(
            "The minimiser of the penalised loss has exact zeros. A proximal step finds exactly "
            "those; adding the penalty to the loss and following its gradient finds none, until "
            "the weights that flutter around zero are pruned."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "l1_gives_zeros",
        control=Control("an L2 penalty instead", _EVIDENCE + "l2_gives_zeros"),
        condition="the algorithm: proximal step, gradient of the penalty, or gradient then pruning",
        references=("Beck & Teboulle 2009, A fast iterative shrinkage-thresholding algorithm",),
    ),
    Claim(
        id="Q6.3",
        statement="The L1 penalty pushes weights to be small.",
        verdict=Verdict.TRUE,
        correct=(
            "The sum of the magnitudes never grows with the penalty, and from a certain penalty on "
            "all weights are zero."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "l1_shrinks",
        control=Control("the penalty with the wrong sign", _EVIDENCE + "l1_of_wrong_sign_shrinks"),
        references=(_TIBSHIRANI,),
    ),
    Claim(
        id="Q6.4",
        statement="L1 makes weights exactly zero, whereas the Lasso makes them nearly zero.",
        verdict=Verdict.FALSE,
        correct=(
            "The Lasso is least squares with an L1 penalty: one solution, the same exact zeros. "
            "The penalty that leaves weights small but not zero is the squared one, ridge or L2."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "lasso_differs_from_l1",
        control=Control("ridge in the place of the Lasso", _EVIDENCE + "ridge_differs_from_l1"),
        references=(_TIBSHIRANI,),
    ),
    Claim(
        id="Q6.5",
        statement="Pruning a trained network by magnitude gives a sparse model.",
        verdict=Verdict.TRUE,
        correct=(
            "Zeroing the smallest weights gives exactly the share asked for, leaves the others "
            "untouched, and changes the weights less than zeroing any others would."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NETWORKS + "pruning_by_magnitude_works",
        control=Control("the largest weights are zeroed", _NETWORKS + "pruning_the_largest_works"),
        references=(_PRUNE,),
    ),
    Claim(
        id="Q6.6",
        statement="How often a weight was updated can serve as the criterion for pruning.",
        verdict=Verdict.FALSE,
        correct=(
            "In a dense network every weight is updated in every step, so the count is the same "
            "for all and ranks nothing. Magnitude, movement or effect on the loss can rank."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NETWORKS + "update_counts_rank_weights",
        control=Control(
            "an embedding table, of which each step touches a few rows",
            _NETWORKS + "update_counts_rank_embeddings",
        ),
        references=(
            "Sanh et al. 2020, Movement pruning",
            "LeCun et al. 1990, Optimal brain damage",
        ),
    ),
    Claim(
        id="Q6.7",
        statement="Pruning can be applied to weights and to neurons.",
        verdict=Verdict.TRUE,
        correct=(
            "Both work: a masked matrix computes what the matrix without those entries computes, "
            "and a network without a silenced neuron what the silenced one does, if the "
            "activation of 0 is 0."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NETWORKS + "weights_or_neurons_can_go",
        control=Control(
            "logistic activation, which still outputs ½ from a silenced neuron",
            _NETWORKS + "logistic_neurons_can_go",
        ),
    ),
    Claim(
        id="Q6.8",
        statement="Pruning makes the model smaller and cheaper to run.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Zeros kept in a full matrix save nothing, and a pruning mask doubles the memory. A "
            "compressed matrix saves when most weights are zero; removed neurons always save."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NETWORKS + "pruning_saves",
        control=Control("zeros counted as free everywhere", _NETWORKS + "pruning_saves_on_paper"),
        condition="the form in which the pruned layer is kept",
        references=(_PRUNE,),
    ),
    Claim(
        id="Q6.9",
        statement="Starting with small weights, close to zero, gives a sparse model.",
        verdict=Verdict.FALSE,
        correct=(
            "Draws from a continuous distribution are never exactly zero, at any scale, and "
            "training moves every weight: the trained model has no zeros."
        ),
        kind=Kind.STATISTICAL,
        experiment=_NETWORKS + "small_start_is_sparse",
        control=Control(
            "nine weights in ten are zero at the start and a mask holds them there",
            _NETWORKS + "masked_start_is_sparse",
        ),
        references=(
            "Woodworth et al. 2020, Kernel and rich regimes in overparametrized models "
            "(the factorised models in which a small start does favour small L1 norms)",
        ),
    ),
    Claim(
        id="Q6.10",
        statement="Glorot's scheme is designed to make weights small, near zero, for sparsity.",
        verdict=Verdict.FALSE,
        correct=(
            "It is designed to hand on the variance of signals and gradients. Its weights "
            "are as large as that takes, 0.32 on average in a layer of 10 by 10, and none is zero."
        ),
        kind=Kind.STATISTICAL,
        experiment=_NETWORKS + "glorot_is_small_and_sparse",
        control=Control(
            "a thousandth of Glorot's scale, with nine weights in ten cut to zero",
            _NETWORKS + "tiny_cut_start_is_small_and_sparse",
        ),
        references=(
            "Glorot & Bengio 2010, Understanding the difficulty of training deep networks",
        ),
    ),
    Claim(
        id="Q6.11",
        statement="The ways can be combined to reach a sparsity, and each has its trade-offs.",
        verdict=Verdict.TRUE,
        correct=(
            "L1 and then pruning zeroes more weights than either alone at the same settings; every "
            "way is paid for with a larger training error."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "combination_is_sparser",
        control=Control("the L1 part left out", _EVIDENCE + "pruning_alone_is_sparser"),
    ),
)
