"""Question 1's claims: the sheet's statements, what is right, and what settles it."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = (
    "May all the weights of a layer start at the same value, as long as that value is drawn by "
    "He initialisation?"
)

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("No, equal weights are a bad idea even if the value is He-drawn.", "Q1.1"),
    ("Initialisation is there to break symmetry,", "Q1.2"),
    ("so that gradients flow and training reaches a good solution.", "Q1.3"),
    ("With equal weights, backpropagation gives all weights the same gradient;", "Q1.4"),
    ("all of them then move in the same direction", "Q1.5"),
    ("and keep equal values for the whole of training,", "Q1.6"),
    ("and the network can hardly learn diverse features.", "Q1.7"),
    ("Draw the weights from a reasonable distribution and training can explore.", "Q1.8"),
)

ANSWER = (
    "No. He's rule sets how large weights are; it is their independence that makes units differ. "
    "When all weights of a layer start equal, its units are copies of one another: they compute "
    "the same, receive the same gradient, and every optimiser that treats units alike keeps them "
    "copies, so each layer is worth one unit, however wide it is. Equality holds between the units "
    "of a layer, not between all weights: first-layer weights part by input, output weights by "
    "class, and for softmax some output weights rise while others fall. Such a network cannot "
    "solve XOR with a monotone activation. Draw every weight independently; and mind that broken "
    "symmetry alone does not carry a gradient through twenty layers, the scale must be right too."
)

COMMAND = "theory run symmetry --hidden-layers 2 --width 16 --steps 300"

_HE = "He et al. 2015, Delving Deep into Rectifiers, arXiv:1502.01852"
_GLOROT = "Glorot and Bengio 2010, Understanding the difficulty of training deep networks"
_GOODFELLOW = "Goodfellow, Bengio and Courville 2016, Deep Learning, section 8.4"
_SCHOENHOLZ = "Schoenholz et al. 2017, Deep Information Propagation, arXiv:1611.01232"
_PERCEPTRONS = "Minsky and Papert 1969, Perceptrons (XOR and half-planes)"

_EVIDENCE = "theory.symmetry.evidence:"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q1.1",
        statement="Giving all weights one value is a bad idea, even a value drawn by He's rule.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. The network stays as narrow as one unit per layer. With ReLU and inputs that "
            "are never negative it is worse: a negative value in any one layer silences the "
            "network, which leaves 1 network in 2^L alive for one draw per layer."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "is_a_bad_idea",
        control=Control(
            "weights drawn independently, which learn XOR",
            _EVIDENCE + "is_a_bad_idea_with_independent_weights",
        ),
        references=(_GOODFELLOW,),
    ),
    Claim(
        id="Q1.2",
        statement="The purpose of initialising weights is to break the symmetry between units.",
        verdict=Verdict.TRUE,
        correct=(
            "Right, and it is one purpose of two: the other is a scale that keeps signal and "
            "gradient alive through the layers. They are independent of each other: equal weights "
            "at He's scale stay symmetric, tiny independent ones are asymmetric and carry nothing. "
            "Distinct weights suffice; they need not be random."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "start_breaks_symmetry",
        control=Control(
            "equal weights at the same two scales",
            _EVIDENCE + "start_breaks_symmetry_with_equal_weights",
        ),
        references=(_GOODFELLOW, _GLOROT),
    ),
    Claim(
        id="Q1.3",
        statement="Breaking symmetry lets gradients flow, so that training finds a good solution.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Whether a gradient crosses many layers is a matter of weight scale, activation and "
            "depth. Fully asymmetric networks of twenty layers lose it with SiLU and He's rule, or "
            "with the logistic function and LeCun's."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "broken_symmetry_lets_gradients_flow",
        control=Control(
            "every weight halved: just as asymmetric, and no gradient arrives",
            _EVIDENCE + "broken_symmetry_lets_gradients_flow_at_half_scale",
        ),
        condition="the activation, and whether the weights' scale suits it",
        references=(_GLOROT, _HE, _SCHOENHOLZ),
    ),
    Claim(
        id="Q1.4",
        statement="With equal weights, backpropagation gives the same gradient to all weights.",
        verdict=Verdict.FALSE,
        correct=(
            "The gradients of the units of a layer are equal, not those of all weights: in the "
            "first layer they differ from input to input, in the output layer from class to class, "
            "and from layer to layer. Only the weights between two hidden layers share one value."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "all_gradients_are_equal",
        control=Control(
            "only the weights between two hidden layers, where the statement is right",
            _EVIDENCE + "all_gradients_are_equal_between_hidden_layers",
        ),
        references=(_GOODFELLOW,),
    ),
    Claim(
        id="Q1.5",
        statement="All weights are then updated in the same direction.",
        verdict=Verdict.FALSE,
        correct=(
            "The units of a layer move together, but softmax cross-entropy makes the output "
            "gradients of each hidden unit add up to 0 over the classes: whenever some of these "
            "weights rise, others fall. First-layer weights follow the sign of their input."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "all_weights_move_one_way",
        control=Control(
            "only the weights between two hidden layers, where the statement is right",
            _EVIDENCE + "all_weights_move_one_way_between_hidden_layers",
        ),
    ),
    Claim(
        id="Q1.6",
        statement="All weights keep equal values during the whole of training.",
        verdict=Verdict.FALSE,
        correct=(
            "After one step the first layer differs from input to input and the output layer from "
            "class to class. What lasts is that units of a layer are copies, and that in exact "
            "arithmetic only: rounding errors differ from row to row, training amplifies them, and "
            "after some hundred steps they can break the tie, with normalising optimisers and "
            "32-bit numbers first of all."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "all_weights_stay_equal",
        control=Control(
            "only the weights between two hidden layers, where the statement is right",
            _EVIDENCE + "all_weights_stay_equal_between_hidden_layers",
        ),
    ),
    Claim(
        id="Q1.7",
        statement="The network can then hardly learn diverse features.",
        verdict=Verdict.TRUE,
        correct=(
            "It cannot learn any: each hidden layer computes one feature, as often as it has "
            "units. With a monotone activation two classes are parted by one straight cut, so at "
            "most three corners of XOR come out right. (SiLU rises and falls, and one such unit "
            "can do it.)"
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "features_stay_alike",
        control=Control(
            "independent weights, which give as many features as units",
            _EVIDENCE + "features_stay_alike_with_independent_weights",
        ),
        references=(_PERCEPTRONS,),
    ),
    Claim(
        id="Q1.8",
        statement="Drawing weights from a reasonable distribution lets training converge.",
        verdict=Verdict.DEPENDS,
        correct=(
            "The equal value is a draw from He's distribution as well. What counts is that each "
            "weight is drawn independently, or at least that units differ: m copies among H units "
            "leave an effective width of H - m + 1."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "a_distribution_lets_training_converge",
        control=Control(
            "two distributions, each draw copied to the whole layer",
            _EVIDENCE + "copied_draws_let_training_converge",
        ),
        condition="whether the draws are independent between the units of a layer",
        references=(_HE, _GOODFELLOW),
    ),
)
