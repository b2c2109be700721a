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
    "A sparse model is one most of whose weights are exactly zero. First way: train as usual, "
    "zero the weights of smallest magnitude, and train on a little. Second: train with an L1 "
    "penalty, whose best solution has exact zeros. Plain gradient descent does not reach them but "
    "keeps moving about zero, so a proximal step (soft threshold) or pruning must set them. "
    "Third: use a tool that prunes step by step during training, or remove whole neurons. In "
    "small trained networks it pays to combine the first two: with four weights in five zeroed, "
    "L1 before pruning keeps far more accuracy than pruning alone. The Lasso is least squares "
    "with an L1 penalty, so the two cannot differ. Small starting weights give no zeros at all. "
    "Zeros save memory and work only in a form that leaves them out: a compressed matrix, if most "
    "weights are zero, or smaller layers."
)

_TRAINED = "theory.sparsity.trained_evidence:"
_EVIDENCE = "theory.sparsity.evidence:"
_NETWORKS = "theory.sparsity.network_evidence:"
_TIBSHIRANI = "Tibshirani 1996, Regression shrinkage and selection via the lasso"
_PRUNE = "PyTorch documentation, torch.nn.utils.prune"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q6.1",
        statement="A sparse model is one with many weights that are zero or nearly zero.",
        verdict=Verdict.DEPENDS,
        correct=(
            "This is a definition, so it is judged by its purpose: a smaller model. Weights near "
            "zero save nothing as long as they are kept. Once they are set to zero they do, and "
            "networks trained with an L1 penalty lose no accuracy by it. What counts as near is a "
            "matter of scale: rescaling two ReLU layers changes the share of small weights but "
            "not the function."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_TRAINED + "near_zeros_are_sparse",
        control=Control(
            "networks trained without a penalty, which have few weights near zero",
            _TRAINED + "ordinary_weights_are_sparse",
        ),
        condition="whether the small weights are then set to zero",
    ),
    Claim(
        id="Q6.2",
        statement="Training with an L1 penalty gives a sparse model.",
        verdict=Verdict.DEPENDS,
        correct=(
            "The minimiser of the penalised loss has exact zeros, and a proximal step finds just "
            "these. Following the gradient of loss and penalty finds none: the weights hover "
            "around zero. Pruning them afterwards finds the zeros. But at a large learning rate "
            "they hover so far out that pruning takes other weights as well."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "l1_gives_zeros",
        control=Control("an L2 penalty instead", _EVIDENCE + "l2_gives_zeros"),
        condition=(
            "the algorithm (a proximal step, the gradient alone, or the gradient and then "
            "pruning) and on its learning rate"
        ),
        references=("Beck & Teboulle 2009, A fast iterative shrinkage-thresholding algorithm",),
    ),
    Claim(
        id="Q6.3",
        statement="The L1 penalty pushes weights to be small.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. The sum of the magnitudes never grows with the penalty, and beyond a certain "
            "penalty all weights are zero."
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
            "The Lasso is least squares with an L1 penalty: one problem, one solution, the "
            "same exact zeros. The penalty that leaves weights small but not zero is the "
            "squared one (ridge, L2)."
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
            "Right. Zeroing the smallest weights gives the share of zeros that was asked for, and "
            "a trained network can do without them. Zeroing 30 % costs 1 point of accuracy at "
            "once. Zeroing 70 % costs 19 points, and further training regains all but 2."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_TRAINED + "pruning_by_magnitude_works",
        control=Control(
            "the largest weights zeroed, which ruins the network",
            _TRAINED + "pruning_the_largest_works",
        ),
        references=(_PRUNE,),
    ),
    Claim(
        id="Q6.6",
        statement="How often a weight was updated can serve as the criterion for pruning.",
        verdict=Verdict.DEPENDS,
        correct=(
            "In a dense network every step updates every weight: the count is the same for all "
            "and ranks nothing. In an embedding table a step touches only the rows that it looks "
            "up. There the count tells frequent words from rare ones, and zeroing the half that "
            "was updated less costs little. The weights of a dense network can be ranked by "
            "magnitude, by movement or by their effect on the loss."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NETWORKS + "update_counts_rank_weights",
        control=Control(
            "a table of which every step touches every row",
            _NETWORKS + "full_update_counts_rank_weights",
        ),
        condition="whether a step touches all weights or only some",
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
            "Right for both. A masked matrix computes what the matrix without those entries "
            "computes. A network with silenced neurons computes what the network without them "
            "does, if the activation of 0 is 0."
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
            "Zeros kept in a full matrix save nothing, and PyTorch's pruning mask doubles the "
            "memory. A compressed matrix saves memory when most weights are zero; removed "
            "neurons always save."
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
            "Draws from a continuous distribution are practically never exactly zero, at any "
            "scale. Training moves every weight, and the trained model has no zeros."
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
            "It is designed to preserve the variance of signals and gradients from layer to "
            "layer. That fixes the size of its weights: in a layer of 10 by 10 their standard "
            "deviation is 0.32, and none is zero."
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
            "Right. Alone or together, the ways reach the same sparsity, and each costs "
            "something. In small trained networks it pays to combine them: with 80 % of the "
            "weights zeroed, L1 before pruning keeps 27 points of accuracy more than pruning "
            "alone. With separate weights it does not pay: for the same zeros pruning alone adds "
            "the least error."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_TRAINED + "ways_combine",
        control=Control(
            "the L1 part left out, so that the combination is pruning alone",
            _TRAINED + "pruning_combines_with_nothing",
        ),
    ),
)
