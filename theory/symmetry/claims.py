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
    "No. He's rule sets how large the weights are; what makes units differ is that every weight "
    "is drawn independently. If all weights of a layer start equal, its units are copies: they "
    "compute the same, receive the same gradient, and stay copies under every optimiser that "
    "treats units alike. However wide the layer is, it is worth one unit. The equality holds "
    "between the units of a layer, not between all weights. The weights of one first-layer unit "
    "differ from input to input, those of the output layer from class to class, and with softmax "
    "some output weights rise while others fall. With a monotone activation such a network cannot "
    "solve XOR. So draw every weight independently. That alone does not carry a gradient through "
    "twenty layers: the scale must be right too."
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
            "Right. Each layer is worth one unit. With ReLU and inputs that are never negative it "
            "is worse: a layer whose value is negative sets every output to zero. If each of L "
            "layers draws its own value, all of them must be positive, which happens in 1 network "
            "of 2^L."
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
        verdict=Verdict.DEPENDS,
        correct=(
            "It is one purpose of two. In a shallow network it is all that is needed. In a "
            "deep one the weights must also have the right scale; otherwise the signal dies "
            "out, however much the units differ. Distinct weights suffice; they need not be "
            "random."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "start_breaks_symmetry",
        control=Control(
            "equal weights at the same scales",
            _EVIDENCE + "start_breaks_symmetry_with_equal_weights",
        ),
        condition="the depth and, in a deep network, on the scale of the weights",
        references=(_GOODFELLOW, _GLOROT),
    ),
    Claim(
        id="Q1.3",
        statement="Breaking symmetry lets gradients flow, so that training finds a good solution.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Whether a gradient survives many layers depends on the scale of the weights, the "
            "activation and the depth. In networks of twenty layers whose weights all differ, it "
            "is lost with SiLU and He's rule, and with the logistic function and LeCun's rule."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "broken_symmetry_lets_gradients_flow",
        control=Control(
            (
                "every weight halved, so that the units differ as much as before and no "
                "gradient arrives"
            ),
            _EVIDENCE + "broken_symmetry_lets_gradients_flow_at_half_scale",
        ),
        condition="the activation and on whether the scale of the weights suits it",
        references=(_GLOROT, _HE, _SCHOENHOLZ),
    ),
    Claim(
        id="Q1.4",
        statement="With equal weights, backpropagation gives the same gradient to all weights.",
        verdict=Verdict.FALSE,
        correct=(
            "False as worded, right for units: the units of a layer get equal gradients, its "
            "weights do not. In the first layer gradients differ between inputs, in the output "
            "layer between classes, and layers differ from one another. Only the weights "
            "between two hidden layers share one gradient."
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
            "False as worded, right for units: the units of a layer move together. With softmax "
            "cross-entropy, the gradients of a hidden unit's output weights add up to 0 over the "
            "classes, so some of these weights rise while others fall. In the first layer the "
            "direction differs between inputs."
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
            "False as worded, right for units. After one step first-layer weights differ between "
            "inputs and output weights between classes. The units of a layer stay copies, but "
            "only in exact arithmetic. Rounding errors differ between rows, and training "
            "amplifies them. After some hundred steps they can break the tie, soonest with 32-bit "
            "numbers and an optimiser such as Adam."
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
            "Right, and more: it cannot learn any. Each hidden layer computes one feature, as "
            "many times as it has units. With a monotone activation one straight cut separates "
            "the two classes, so at most three corners of XOR come out right. SiLU is not "
            "monotone, and one such unit can solve XOR."
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
            "The equal value is drawn from He's distribution too. What counts is that every "
            "weight is drawn independently, or at least that the units differ. If m of H units "
            "are copies of one another, the layer is worth H - m + 1 units."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "a_distribution_lets_training_converge",
        control=Control(
            "two distributions, with each draw copied to the whole layer",
            _EVIDENCE + "copied_draws_let_training_converge",
        ),
        condition="whether the draws are independent between the units of a layer",
        references=(_HE, _GOODFELLOW),
    ),
)
