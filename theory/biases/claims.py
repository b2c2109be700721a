"""Question 2's claims: the sheet's statements, what is right, and what settles it."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "May the biases start at 0?"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("Starting biases at 0 is common", "Q2.1"),
    ("but may not always be optimal.", "Q2.2"),
    (
        "Initialising them serves to let units shift their activation whatever the input.",
        "Q2.3",
    ),
    ("Zero biases can make gradients vanish or explode, above all in very deep networks.", "Q2.4"),
    ("Small constants such as 0.01 are a remedy,", "Q2.5"),
    ("or drawing the biases by the rules of He or Glorot.", "Q2.6"),
    ("In general the best start depends on problem and architecture and may need tuning.", "Q2.7"),
)

ANSWER = (
    "Yes. Independent weights already make units differ, and the biases leave 0 at the first step, "
    "so starting there takes nothing away: the ability to shift belongs to the trained parameter, "
    "not to its first value. Zero biases do not make gradients vanish or explode; how much of a "
    "gradient passes a ReLU layer is set by the variance of the weights, and neither 0.01 nor "
    "drawn biases repair a wrong one. He's and Glorot's rules are not even defined for a vector. "
    "There are places where another start is better: an output unit for a rare class, very narrow "
    "ReLU layers, a network of odd units that must learn an even function. In the dense networks "
    "of the exercise it makes no difference."
)

COMMAND = "theory run biases --depth 20 --width 100 --bias 0.01"

_HE = "He et al. 2015, Delving Deep into Rectifiers, arXiv:1502.01852"
_GLOROT = "Glorot and Bengio 2010, Understanding the difficulty of training deep networks"
_GOODFELLOW = "Goodfellow, Bengio and Courville 2016, Deep Learning, section 8.4"
_FOCAL = "Lin et al. 2017, Focal Loss for Dense Object Detection, arXiv:1708.02002"
_GATES = "Jozefowicz et al. 2015, An Empirical Exploration of Recurrent Network Architectures"
_POOLE = "Poole et al. 2016, Exponential expressivity in deep neural networks, arXiv:1606.05340"
_SCHOENHOLZ = "Schoenholz et al. 2017, Deep Information Propagation, arXiv:1611.01232"

_EVIDENCE = "theory.biases.evidence:"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q2.1",
        statement="Starting the biases at 0 is common practice.",
        verdict=Verdict.TRUE,
        correct=(
            "Right, though frameworks differ: Keras starts the biases of dense layers at 0; "
            "PyTorch draws those of Linear and of convolutions uniformly from +-1/sqrt(fan_in), "
            "and starts those of its normalisation and attention layers at 0."
        ),
        kind=Kind.LITERATURE,
        experiment=_EVIDENCE + "zero_is_common",
        control=Control(
            "only the layers whose biases PyTorch draws",
            _EVIDENCE + "zero_is_common_in_dense_layers",
        ),
        references=(_GLOROT, _HE, "PyTorch documentation, torch.nn.Linear"),
    ),
    Claim(
        id="Q2.2",
        statement="Zero biases are not always the best start.",
        verdict=Verdict.DEPENDS,
        correct=(
            "For a logistic output unit the best start is log(p / (1 - p)) for a share p of "
            "positive examples, which is 0 only for balanced classes. In very narrow ReLU layers "
            "an input may find no active unit; at a width of 100 that does not happen. Gates of "
            "recurrent networks are a further case."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "zero_is_not_always_optimal",
        control=Control(
            "balanced classes and the exercise's wide layers only",
            _EVIDENCE + "zero_is_not_optimal_in_easy_cases",
        ),
        condition="where the biases stand: output unit and class balance, width of the layers",
        references=(_FOCAL, _GATES),
    ),
    Claim(
        id="Q2.3",
        statement="Bias initialisation is there to let units shift their activation at will.",
        verdict=Verdict.FALSE,
        correct=(
            "That is what the bias itself is there for. It is trained, so its first value neither "
            "grants nor denies the shift: from 0 it reaches the same end as from anywhere else."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "the_start_gives_the_shift",
        control=Control(
            "a bias that is no parameter, whose start does decide",
            _EVIDENCE + "the_start_gives_the_shift_of_fixed_biases",
        ),
        references=(_GOODFELLOW,),
    ),
    Claim(
        id="Q2.4",
        statement="Zero biases can make gradients vanish or explode, above all in deep networks.",
        verdict=Verdict.FALSE,
        correct=(
            "The squared gradient changes per ReLU layer by half the weights' variance times "
            "fan_in, which He's rule makes 1; zero biases are an assumption of that derivation. "
            "What depth amplifies is a wrong scale of the weights."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "zero_biases_lose_the_gradient",
        control=Control(
            "every weight halved",
            _EVIDENCE + "halved_weights_lose_the_gradient",
        ),
        references=(_HE, _POOLE, _SCHOENHOLZ),
    ),
    Claim(
        id="Q2.5",
        statement="Small constants such as 0.01 are a remedy.",
        verdict=Verdict.FALSE,
        correct=(
            "They are harmless and cure nothing. Over twenty layers with He's weights they change "
            "the gradient's norm by a few per cent, upwards; a gradient lost to wrong weights "
            "stays lost. They were once meant to keep ReLU units from starting inactive."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "a_small_constant_cures",
        control=Control("He's variance for the weights", _EVIDENCE + "the_right_weights_cure"),
        references=(_GOODFELLOW, _SCHOENHOLZ),
    ),
    Claim(
        id="Q2.6",
        statement="Drawing the biases by He's or Glorot's rule is a remedy.",
        verdict=Verdict.FALSE,
        correct=(
            "Both rules need the fan-in of a weight matrix; PyTorch refuses a vector. Biases drawn "
            "with the layer's own fan-in are fine, and cure nothing: the gradient's factor per "
            "layer does not contain them, and the signal grows by half their variance per layer."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "random_biases_cure",
        control=Control(
            "the same rules for the weight matrices",
            _EVIDENCE + "random_weights_cure",
        ),
        references=(_HE, _GLOROT, "PyTorch documentation, torch.nn.init"),
    ),
    Claim(
        id="Q2.7",
        statement="The best start of the biases depends on problem and architecture.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It does for an output unit under class imbalance and where zero biases give the "
            "network a symmetry that the target lacks, such as tanh units and an even function. "
            "Elsewhere 0 is as good as any and not worth tuning."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "the_best_start_depends",
        control=Control(
            "balanced classes and an odd function only",
            _EVIDENCE + "the_best_start_depends_in_easy_cases",
        ),
        condition="class balance at the output; whether units and target share a symmetry",
        references=(_FOCAL, _GOODFELLOW),
    ),
)
