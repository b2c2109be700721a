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
    "Yes. Independent weights already make units differ, and biases leave 0 at the first step. "
    "Starting at 0 takes nothing away: it is the trained bias that shifts a unit, not its first "
    "value. Zero biases do not make gradients vanish or explode. In networks of fifty layers, "
    "with any of five activation functions, drawn biases change little and repair nothing; what "
    "decides is the scale of the weights. Neither 0.01 nor drawn biases repair a wrong scale. "
    "Another start is better in a few places: in the output unit for a rare class, in very narrow "
    "ReLU layers, and in a network of odd units that must learn an even function. In the dense "
    "networks of the exercise no difference was found."
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
            "Right. In 10 of 17 families of published picture networks most biases of dense "
            "and convolution layers start at 0. Keras starts them at 0 by default; PyTorch "
            "draws them uniformly from -1/√fan_in to 1/√fan_in."
        ),
        kind=Kind.LITERATURE,
        experiment=_EVIDENCE + "zero_is_common",
        control=Control(
            (
                "the dense and convolution layers of PyTorch by default, all of whose biases "
                "are drawn"
            ),
            _EVIDENCE + "zero_is_common_among_defaults",
        ),
        references=(_GLOROT, _HE, "PyTorch documentation, torch.nn.Linear"),
    ),
    Claim(
        id="Q2.2",
        statement="Zero biases are not always the best start.",
        verdict=Verdict.TRUE,
        correct=(
            "Right, as two exceptions show. A logistic output unit for a rare class starts best "
            "at log(p / (1 - p)), where p is the share of positive examples. In very narrow ReLU "
            "layers an input may find no active unit. With balanced classes, or layers of 100 "
            "units, there is no such problem. The gates of recurrent networks are a further "
            "exception."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "zero_is_not_always_optimal",
        control=Control(
            ("balanced classes and the exercise's wide layers, where zero biases lose nothing"),
            _EVIDENCE + "zero_is_not_optimal_in_easy_cases",
        ),
        references=(_FOCAL, _GATES),
    ),
    Claim(
        id="Q2.3",
        statement="Bias initialisation is there to let units shift their activation at will.",
        verdict=Verdict.FALSE,
        correct=(
            "The trained bias shifts a unit. Where it started makes no difference: networks whose "
            "biases start at 0 learn a step away from zero as well as others do."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "the_start_gives_the_shift",
        control=Control(
            "biases that are not trained, whose start does decide",
            _EVIDENCE + "the_start_gives_the_shift_of_fixed_biases",
        ),
        references=(_GOODFELLOW,),
    ),
    Claim(
        id="Q2.4",
        statement="Zero biases can make gradients vanish or explode, above all in deep networks.",
        verdict=Verdict.FALSE,
        correct=(
            "With drawn biases the gradients of the same deep networks change about as much as "
            "with zeros. Drawn biases save a fifth of an order of magnitude at best; with tanh "
            "they cost almost half of one. What depth amplifies is a wrong scale of the weights, "
            "or an activation with a small slope, such as the logistic function."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "zero_biases_lose_the_gradient",
        control=Control(
            ("halved weights beside whole ones, which save six orders of magnitude or more"),
            _EVIDENCE + "halved_weights_lose_the_gradient",
        ),
        references=(_HE, _POOLE, _SCHOENHOLZ),
    ),
    Claim(
        id="Q2.5",
        statement="Small constants such as 0.01 are a remedy.",
        verdict=Verdict.FALSE,
        correct=(
            "They do no harm and cure nothing. Over twenty layers with He's weights they raise "
            "the norm of the gradient by a few per cent. A gradient that is lost because of wrong "
            "weights stays lost. Such constants were once meant to keep ReLU units from starting "
            "inactive."
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
            "Both rules are made for weights. Biases drawn with the same variance do no harm and "
            "cure nothing. The factor by which a layer changes the gradient does not contain "
            "them; the mean square of the signal grows by half their variance per layer."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "random_biases_cure",
        control=Control(
            ("the same rules for the weights, where He's cures the gradient and Glorot's does not"),
            _EVIDENCE + "random_weights_cure",
        ),
        references=(_HE, _GLOROT, "PyTorch documentation, torch.nn.init"),
    ),
    Claim(
        id="Q2.7",
        statement="The best start of the biases depends on problem and architecture.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It does in two cases: for an output unit if the classes are unbalanced, and where "
            "zero biases give the network a symmetry that the target lacks, as with tanh units "
            "and an even function. Elsewhere 0 is as good as any start and not worth tuning."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "the_best_start_depends",
        control=Control(
            "balanced classes and an odd function",
            _EVIDENCE + "the_best_start_depends_in_easy_cases",
        ),
        condition="the balance of the classes and on whether units and target share a symmetry",
        references=(_FOCAL, _GOODFELLOW),
    ),
)
