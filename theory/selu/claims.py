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
    "SELU has three separate advantages. It takes negative values, so a neuron's mean output is "
    "near zero; ReLU's is 0.4 standard deviations above it. Its derivative is never zero, so no "
    "neuron dies. And it normalises itself: in a plain stack of dense layers with LeCun's start "
    "and standardised inputs, mean and variance return to 0 and 1 from layer to layer. The answer "
    "sheet names the third of these and adds speed and depth. Speed does not come from "
    "normalising, for ELU has it too; depth is the third advantage again. Self-normalisation is a "
    "property of the start. Training leads away from it, and it is lost with He's start, with "
    "PyTorch's SELU gain of 3/4, with skip connections and with ordinary dropout. It steadies the "
    "signal, but not the gradient, whose norm doubles over 20 layers and grows by 15 orders of "
    "magnitude over 1000. ReLU with He's start keeps the gradient on average, but its signal "
    "varies from network to network. Whether SELU trains faster, or better, depends on depth and "
    "task."
)

_KLAMBAUER = "Klambauer et al. 2017, Self-Normalizing Neural Networks"
_POOLE = (
    "Poole et al. 2016, Exponential expressivity in deep neural networks through transient chaos"
)
_HE = "He et al. 2015, Delving Deep into Rectifiers"
_HERE = "theory.selu.evidence"
_RACE = "theory.selu.race_evidence"
_GRADIENTS = "theory.selu.gradient_evidence"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q3.1",
        statement="SELU normalises itself.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It does at the start, in a plain stack of dense layers whose weights have mean 0 "
            "and variance 1 / fan_in: a wrong scale shrinks by about a fifth per layer. With "
            "any other variance the activations settle on another scale or run away. Training "
            "leads away from it even with the right start."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:self_normalises",
        control=Control("ReLU in the place of SELU", f"{_HERE}:relu_self_normalises"),
        condition="the variance of the weights and on whether the network has been trained",
        references=(_KLAMBAUER, "PyTorch documentation, torch.nn.init.calculate_gain"),
    ),
    Claim(
        id="Q3.2",
        statement="ReLU has no such property.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. If the inputs of a ReLU network are doubled, so is every activation: a wrong "
            "scale never mends. He's start keeps a scale, right or wrong, and the mean output "
            "stays above zero."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:relu_lacks_it",
        control=Control("SELU in the place of ReLU", f"{_HERE}:selu_lacks_it"),
        references=(_HE, _KLAMBAUER),
    ),
    Claim(
        id="Q3.3",
        statement="The activations of a SELU network stay in a narrow range.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Before training they do: the mean and variance of every layer stay near 0 and 1, and "
            "99 activations in 100 lie between -3 and 3. Training moves them out, because nothing "
            "in the loss rewards normalised activations. A single value cannot fall below -1.758; "
            "upwards it has no limit."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:stays_narrow",
        control=Control(
            "ReLU with He's start in the place of SELU",
            f"{_HERE}:relu_stays_narrow",
        ),
        condition="whether the network has been trained",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.4",
        statement="SELU helps against the vanishing and exploding gradients of deep ReLU networks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It helps against a ReLU network that was started badly. Against ReLU with He's start "
            "it steadies the signal: over 20 layers the mean square changes by more than a factor "
            "of 2 in two of five of those networks, and in no SELU network. It does not steady "
            "the gradient. ReLU with He's start keeps the size of the gradient on average, "
            "whereas SELU multiplies its square by 1.0716 per layer: by 4 over 20 layers and by "
            "10^30 over 1000."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_GRADIENTS}:helps_gradients",
        control=Control(
            "the logistic function in the place of SELU", f"{_GRADIENTS}:logistic_helps_gradients"
        ),
        condition=(
            "how the ReLU network was started, on whether the signal or the gradient is meant, "
            "and on the depth"
        ),
        references=(_KLAMBAUER, _HE, _POOLE),
    ),
    Claim(
        id="Q3.5",
        statement="SELU converges faster than ReLU.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On the same task, a sum of absolute values, it is faster with 20 hidden layers and "
            "slower with one. A fair comparison gives both sides the same standardised inputs, "
            "and each its own best learning rate."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_RACE}:converges_faster",
        control=Control(
            "the logistic function in the place of SELU, which is slower in both",
            f"{_RACE}:logistic_converges_faster",
        ),
        condition="the depth",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.6",
        statement="SELU is particularly suited to deep networks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It suits deep plain stacks of dense layers, with alpha dropout if there is any. Skip "
            "connections and ordinary dropout take its normalisation away. Over a thousand layers "
            "its gradients explode, although its activations do not."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:suits_depth",
        control=Control("SELU with He's start", f"{_HERE}:wrong_start_suits_depth"),
        condition=(
            "how the layers are connected, on which dropout is used, and on the number of layers"
        ),
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.7",
        statement="SELU has been shown to be faster and better on a variety of tasks.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Its authors showed it for feed-forward networks on tabular data; convolutional "
            "networks and transformers did not adopt it. In one of the four races here it is both "
            "faster and better. On the deep stack it is faster, but its error is larger. With one "
            "hidden layer and a target that has corners, ReLU is both faster and better."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_RACE}:wins_across_tasks",
        control=Control(
            "the logistic function in the place of SELU",
            f"{_RACE}:logistic_wins_across_tasks",
        ),
        condition="the task and the kind of network",
        references=(_KLAMBAUER,),
    ),
    Claim(
        id="Q3.8",
        statement="These are three advantages.",
        verdict=Verdict.FALSE,
        correct=(
            "The answer sheet names self-normalisation, speed and depth. Speed in a deep stack is "
            "an advantage over ReLU, but it does not come from normalising: ELU, which does not "
            "normalise itself, has it too. Depth is the first advantage again, for without "
            "normalisation the signal leaves its scale. The book's three are a mean output near "
            "zero, a derivative that is never zero, and self-normalisation."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_HERE}:are_three",
        control=Control(
            "the book's three, each of which stands by itself",
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
            "Right, and there is a task for each. ReLU and leaky ReLU have the smaller error "
            "where the target has corners, tanh where it has soft steps. Each function had the "
            "start and the learning rate that suit it."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_RACE}:rivals_can_be_better",
        control=Control(
            "the tasks swapped: ReLU and leaky ReLU on soft steps, tanh on corners",
            f"{_RACE}:rivals_on_swapped_tasks",
        ),
        references=(_HE, _KLAMBAUER),
    ),
)
