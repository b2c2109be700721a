"""Question 3 and its nine claims: what the sheet says of SELU, and what is right."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "What are three advantages of SELU over ReLU?"
COMMAND = "theory run selu --depth 20"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("First, SELU normalises itself.", "Q3.1"),
    ("ReLU has no such property.", "Q3.2"),
    ("Activations therefore stay in a narrow range,", "Q3.3"),
    ("which helps against the vanishing and exploding gradients of deep ReLU networks.", "Q3.4"),
    ("Second, training converges faster.", "Q3.5"),
    ("Third, SELU is particularly suited to deep networks,", "Q3.6"),
    ("where it has been shown to be faster and better on a variety of tasks.", "Q3.7"),
    ("These are its three advantages.", "Q3.8"),
    (
        "Still, SELU is not always the best choice; ReLU, leaky ReLU or tanh may do better.",
        "Q3.9",
    ),
)

ANSWER = (
    "Three separate advantages: SELU takes negative values, so a neuron's mean output is near "
    "zero where ReLU's is 0.4 standard deviations above it; its derivative is zero nowhere, so "
    "that no neuron dies; and it normalises itself: in a plain stack of dense layers with LeCun's "
    "start and standardised inputs, mean and variance return to 0 and 1 from layer to layer. The "
    "sheet tells the third one three times over and misses the other two. Self-normalisation "
    "concerns moments, not the range, which has no upper end; it is lost with He's start, with "
    "torch's SELU gain of 3/4, with skip connections and with ordinary dropout. Gradients are not "
    "held at 1: their norm doubles over 20 layers and grows by 15 orders of magnitude over 1000, "
    "while ReLU with He's start keeps it on average. Whether SELU trains faster depends on depth "
    "and task."
)

_KLAMBAUER = "Klambauer et al. 2017, Self-Normalizing Neural Networks"
_POOLE = (
    "Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos"
)
_HE = "He et al. 2015, Delving Deep into Rectifiers"
_HERE = "theory.selu.evidence"
_RACE = "theory.selu.race_evidence"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q3.1",
        statement="SELU normalises itself.",
        verdict=Verdict.DEPENDS,
        correct=(
            "With weights of mean 0 and variance 1 / fan_in, in a plain dense stack, every wrong "
            "scale shrinks by about a fifth per layer. With any other variance the activations "
            "settle on another scale or run away."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:self_normalises",
        control=Control("ReLU in the place of SELU", f"{_HERE}:relu_self_normalises"),
        condition="the variance of the weights at the start",
        references=(_KLAMBAUER, "PyTorch documentation, torch.nn.init.calculate_gain"),
    ),
    Claim(
        id="Q3.2",
        statement="ReLU has no such property.",
        verdict=Verdict.TRUE,
        correct=(
            "ReLU multiplies: whatever the weights, a ratio between two input scales is still "
            "there after any number of layers. He's start keeps a scale and corrects none, and the "
            "mean output stays above zero."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:relu_lacks_it",
        control=Control("SELU in the place of ReLU", f"{_HERE}:selu_lacks_it"),
        references=(_HE, _KLAMBAUER),
    ),
    Claim(
        id="Q3.3",
        statement="The activations of a SELU network stay in a narrow range.",
        verdict=Verdict.FALSE,
        correct=(
            "Their mean and variance stay put. The values themselves are bounded below, by -1.758, "
            "and not above: SELU is a straight line there."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:stays_narrow",
        control=Control("tanh, whose range is -1 to 1", f"{_HERE}:tanh_stays_narrow"),
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.4",
        statement="SELU helps against the vanishing and exploding gradients of deep ReLU networks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It helps against a ReLU network that was started badly. Against ReLU with He's start "
            "it does not: that keeps the gradient's size on average, whereas SELU multiplies its "
            "square by 1.0716 in every layer, by 4 over 20 layers and by 10^30 over 1000."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:helps_gradients",
        control=Control(
            "the logistic function in the place of SELU", f"{_HERE}:logistic_helps_gradients"
        ),
        condition="how the ReLU network was started, and the depth",
        references=(_KLAMBAUER, _HE, _POOLE),
    ),
    Claim(
        id="Q3.5",
        statement="SELU converges faster than ReLU.",
        verdict=Verdict.DEPENDS,
        correct=(
            "In a plain stack of 20 layers it usually does; with one hidden layer and a target "
            "made of straight pieces ReLU is faster. Compare on the same standardised inputs, each "
            "side at its own best learning rate."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_RACE}:converges_faster",
        control=Control("ReLU raced against itself", f"{_RACE}:relu_converges_faster"),
        condition="depth and task",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.6",
        statement="SELU is particularly suited to deep networks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It suits deep plain stacks of dense layers, with alpha dropout if any. Skip "
            "connections and ordinary dropout take its normalisation away, and over a thousand "
            "layers its gradients explode although its activations do not."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:suits_depth",
        control=Control("SELU with He's start", f"{_HERE}:wrong_start_suits_depth"),
        condition="how the layers are connected, what dropout is used, and how many layers",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.7",
        statement="SELU has been shown to be faster and better on a variety of tasks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Its authors showed it for feed-forward networks on tabular data; convolutional "
            "networks and transformers did not take it up. In the races here it wins on the deep "
            "stack and loses on both shallow networks, in speed and in error on fresh inputs."
        ),
        kind=Kind.LITERATURE,
        experiment=f"{_RACE}:wins_across_tasks",
        control=Control("ReLU raced against itself", f"{_RACE}:relu_wins_across_tasks"),
        condition="the kind of network and the task",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.8",
        statement="These are three advantages.",
        verdict=Verdict.FALSE,
        correct=(
            "It is one advantage told three times: without self-normalisation the other two are "
            "gone as well. The separate ones are a mean output near zero and a derivative that is "
            "never zero."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:are_three",
        control=Control(
            "the book's three: mean near zero, derivative never zero, self-normalisation",
            f"{_HERE}:other_three_are_three",
        ),
        references=(
            _KLAMBAUER,
            "Géron, Hands-On Machine Learning, chapter 11 and the solutions to its exercises",
        ),
    ),
    Claim(
        id="Q3.9",
        statement="SELU is not always the best choice; ReLU, leaky ReLU or tanh may do better.",
        verdict=Verdict.TRUE,
        correct=(
            "A case of each: with He's start ReLU and leaky ReLU keep their scale through 20 "
            "layers while SELU's grows seventyfold in the mean square, and for an output between "
            "-1 and 1 tanh stays within the range while SELU does not."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:rivals_can_be_better",
        control=Control(
            "the same rivals on SELU's own ground: LeCun's start, small outputs",
            f"{_HERE}:rivals_on_home_ground",
        ),
        references=(_HE, _KLAMBAUER),
    ),
)
