"""Question 4 and its fifteen claims: which activation function when."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "When would you use SELU, leaky ReLU and its variants, ReLU, tanh, logistic and softmax?"
COMMAND = "theory run activations --slope 0.01"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("SELU: for deep feed-forward networks, with a start that lets it normalise.", "Q4.1"),
    ("A ReLU neuron can become inactive and lose its gradient (dying ReLU);", "Q4.2"),
    ("leaky ReLU's small slope below zero keeps such neurons active.", "Q4.3"),
    ("ReLU is simple, widely used and suits many problems,", "Q4.4"),
    ("especially vision and other areas with very sparse input.", "Q4.5"),
    ("It is fast and its derivative is simple.", "Q4.6"),
    ("tanh: for outputs that must lie between -1 and 1,", "Q4.7"),
    ("as is often so in sequence-to-sequence and recurrent models.", "Q4.8"),
    ("It has the shape of the sigmoid on a wider range,", "Q4.9"),
    ("which makes it the better choice for many problems.", "Q4.10"),
    ("Logistic: for binary classification, with outputs between 0 and 1.", "Q4.11"),
    ("It is smooth and well behaved, which is good for optimisers.", "Q4.12"),
    ("Softmax: for multi-class classification.", "Q4.13"),
    ("Its outputs are a valid distribution: each between 0 and 1, adding up to 1.", "Q4.14"),
    ("Which is best depends on the problem; experiment.", "Q4.15"),
)

ANSWER = (
    "SELU: for deep plain stacks of dense layers with LeCun's start and standardised inputs. "
    "Leaky ReLU and its variants PReLU, RReLU and ELU: where neurons die. A ReLU neuron that is "
    "negative on every example stops learning; theirs keep a gradient. Leaky ReLU is also nearly "
    "as fast as ReLU, and the book prefers it to SELU where speed counts. ReLU: the fast default "
    "of hidden layers, with one comparison, a derivative of 0 or 1, and exact zeros in about half "
    "of its outputs. These activations are sparse; its inputs need not be. tanh: for outputs "
    "between -1 and 1, and inside recurrent cells, where it bounds the hidden state. The output "
    "of a sequence model is usually a choice among words, and that is softmax's task. In hidden "
    "layers tanh beats the logistic function because it is centred at zero and four times as "
    "steep there, not because its range is wider. Logistic: for the probability of a yes, with "
    "the log loss. With the squared error, or stacked in hidden layers, its gradient vanishes. "
    "Softmax: in the output layer, for classes that exclude each other. Where several labels can "
    "be right, use one logistic function for each."
)

_KLAMBAUER = "Klambauer et al. 2017, Self-Normalizing Neural Networks"
_MAAS = "Maas et al. 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models"
_GLOROT = "Glorot, Bordes and Bengio 2011, Deep Sparse Rectifier Neural Networks"
_LECUN = "LeCun et al. 1998, Efficient BackProp"
_BISHOP = "Bishop 2006, Pattern Recognition and Machine Learning, section 4.3"
_HERE = "theory.activations.evidence"
_BOUNDED = "theory.activations.bounded_evidence"
_PROBABILITY = "theory.activations.probability_evidence"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q4.1",
        statement="SELU suits deep feed-forward networks whose start lets it normalise itself.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes, for a plain sequence of dense layers with weights of variance 1 / fan_in. In "
            "PyTorch use kaiming_normal_ with nonlinearity='linear'; its own gain for 'selu' is "
            "3/4, which lets the activations shrink."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:selu_suits_feed_forward",
        control=Control("torch's SELU gain of 3/4", f"{_HERE}:torch_gain_suits_feed_forward"),
        references=(_KLAMBAUER, "PyTorch documentation, torch.nn.init.calculate_gain"),
    ),
    Claim(
        id="Q4.2",
        statement="A ReLU neuron can become inactive in training and its gradient then is zero.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes. A neuron below zero on every example has a gradient of exactly zero, and in "
            "the first layer plain gradient descent never brings it back. A learning rate that "
            "is too large is enough to switch neurons off."
        ),
        kind=Kind.EXACT,
        experiment=f"{_HERE}:relu_units_die",
        control=Control("leaky ReLU with slope 0.01", f"{_HERE}:leaky_units_die"),
        references=(_MAAS, "Lu et al. 2019, Dying ReLU and Initialization"),
    ),
    Claim(
        id="Q4.3",
        statement="The small slope of leaky ReLU below zero keeps such neurons active.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes, if active means trainable. Below zero the gradient is the slope times that of a "
            "linear neuron, so the way back takes about 1 / slope times as many steps. PReLU, "
            "RReLU and ELU do the same."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_HERE}:leaky_units_stay_trainable",
        control=Control("a slope of zero", f"{_HERE}:relu_units_stay_trainable"),
        references=(
            _MAAS,
            "He et al. 2015, Delving Deep into Rectifiers",
            "Xu et al. 2015, Empirical Evaluation of Rectified Activations",
        ),
    ),
    Claim(
        id="Q4.4",
        statement="ReLU is simple, widely used and suits many problems.",
        verdict=Verdict.NOT_CHECKABLE,
        correct="Nobody disputes it, and no experiment could refute it.",
        kind=Kind.LITERATURE,
        experiment=f"{_HERE}:not_checkable",
        references=(_GLOROT,),
    ),
    Claim(
        id="Q4.5",
        statement="ReLU suits above all vision and other areas whose input is very sparse.",
        verdict=Verdict.FALSE,
        correct=(
            "Pictures are not sparse: 0.61 % of the pixel values of CIFAR-10's test images are "
            "zero, counted in a JPEG copy. With ReLU it is the hidden activations that are "
            "sparse: half of them are exactly zero at the start, for dense and for sparse "
            "inputs alike."
        ),
        kind=Kind.STATISTICAL,
        experiment=f"{_HERE}:relu_suits_sparse_inputs",
        control=Control(
            "the right statement: ReLU makes hidden activations sparse",
            f"{_HERE}:relu_makes_sparse_activations",
        ),
        references=(_GLOROT,),
    ),
    Claim(
        id="Q4.6",
        statement="ReLU is fast to compute and its derivative is simple.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes. It takes one comparison and no exponential, and its derivative is 0 or 1. How "
            "much time that saves depends on the hardware; where memory is the bottleneck, it is "
            "little."
        ),
        kind=Kind.EXACT,
        experiment=f"{_HERE}:relu_is_simple",
        control=Control("SELU in the place of ReLU", f"{_HERE}:selu_is_simple"),
        references=(_GLOROT,),
    ),
    Claim(
        id="Q4.7",
        statement="tanh suits outputs that must lie between -1 and 1.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes: it reaches every value between them and none beyond. Rounding alone can give "
            "the ends themselves."
        ),
        kind=Kind.EXACT,
        experiment=f"{_BOUNDED}:tanh_fits_minus_one_to_one",
        control=Control(
            "the logistic function in the place of tanh",
            f"{_BOUNDED}:logistic_fits_minus_one_to_one",
        ),
        references=(_LECUN,),
    ),
    Claim(
        id="Q4.8",
        statement="Outputs between -1 and 1 are often what sequence and recurrent models need.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It is right for the output of a recurrent layer: tanh keeps the hidden state between "
            "-1 and 1. It is wrong for the output of a sequence model, which mostly chooses among "
            "words by softmax. If its scores had to lie between -1 and 1, none of 1,000 words "
            "could get a probability of 1 %."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_BOUNDED}:recurrent_outputs_within_one",
        control=Control(
            "cells with ReLU in the place of tanh",
            f"{_BOUNDED}:unbounded_outputs_within_one",
        ),
        condition="whether the output of the recurrent layer is meant or that of the model",
        references=(
            "Sutskever, Vinyals and Le 2014, Sequence to Sequence Learning with Neural Networks",
            "Hochreiter and Schmidhuber 1997, Long Short-Term Memory",
        ),
    ),
    Claim(
        id="Q4.9",
        statement="tanh has the shape of the sigmoid, on a wider range.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes: tanh(x) = 2 logistic(2x) - 1. The input is scaled too, so tanh is four times as "
            "steep at zero."
        ),
        kind=Kind.EXACT,
        experiment=f"{_BOUNDED}:tanh_is_rescaled_logistic",
        control=Control(
            "only the output stretched: 2 logistic(x) - 1",
            f"{_BOUNDED}:tanh_is_logistic_of_same_input",
        ),
        references=(_LECUN,),
    ),
    Claim(
        id="Q4.10",
        statement="The wider range makes tanh the better choice for many problems.",
        verdict=Verdict.DEPENDS,
        correct=(
            "In hidden layers tanh is far better, because its slope at zero is 1 and its mean is "
            "zero. With the same range and a quarter of the slope, it loses the gradient as the "
            "logistic function does. For a probability, half of its range is of no use."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_BOUNDED}:wider_range_is_better",
        control=Control(
            "the logistic function moved down by 1/2, whose range is no wider",
            f"{_BOUNDED}:centred_range_is_better",
        ),
        condition="whether it is a hidden layer or an output, and on the slope at zero",
        references=(_LECUN, "Glorot and Bengio 2010, Understanding the difficulty of training"),
    ),
    Claim(
        id="Q4.11",
        statement="The logistic function suits binary classification, with outputs from 0 to 1.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes: its outputs are probabilities, it treats the two classes alike, it is "
            "softmax of two classes, and the slope of the log loss is probability minus label."
        ),
        kind=Kind.EXACT,
        experiment=f"{_PROBABILITY}:logistic_suits_binary",
        control=Control(
            "tanh in the place of the logistic function", f"{_PROBABILITY}:tanh_suits_binary"
        ),
        references=(_BISHOP,),
    ),
    Claim(
        id="Q4.12",
        statement="The logistic function is smooth and well behaved, hence good for optimisers.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It is smooth. With the log loss the problem is convex in the score, and a confident "
            "error has slope 1. With the squared error that slope is 0.00009 at a score of -10. "
            "Twenty hidden layers lose more than 12 orders of magnitude of the gradient."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_PROBABILITY}:logistic_is_well_behaved",
        control=Control(
            "the squared error in the place of the log loss",
            f"{_PROBABILITY}:squared_error_is_well_behaved",
        ),
        condition="the loss and on whether it is an output or a hidden layer",
        references=(_BISHOP, "Glorot and Bengio 2010, Understanding the difficulty of training"),
    ),
    Claim(
        id="Q4.13",
        statement="Softmax suits multi-class classification.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It does where exactly one class is right. If two classes are right, their "
            "probabilities cannot both be large, and the log loss stays above 2 ln 2. Hidden "
            "layers almost never use softmax: one with 100 equal inputs passes on a hundredth of "
            "the gradient."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=f"{_PROBABILITY}:softmax_suits_multi_class",
        control=Control(
            "softmax taken over the batch", f"{_PROBABILITY}:batch_softmax_suits_multi_class"
        ),
        condition=(
            "whether classes exclude each other, and on whether it is an output or a hidden layer"
        ),
        references=(_BISHOP,),
    ),
    Claim(
        id="Q4.14",
        statement="Softmax outputs are a valid distribution: between 0 and 1, adding up to 1.",
        verdict=Verdict.TRUE,
        correct=(
            "Yes, to rounding. In floating point a probability can be exactly 0 or 1. Valid "
            "does not mean calibrated."
        ),
        kind=Kind.EXACT,
        experiment=f"{_PROBABILITY}:softmax_is_a_distribution",
        control=Control(
            "one independent logistic function per class",
            f"{_PROBABILITY}:logistics_are_a_distribution",
        ),
        references=(_BISHOP,),
    ),
    Claim(
        id="Q4.15",
        statement="Which function is best depends on the problem; experiment.",
        verdict=Verdict.NOT_CHECKABLE,
        correct="This is advice, and good advice. No experiment could refute it.",
        kind=Kind.LITERATURE,
        experiment=f"{_HERE}:not_checkable",
    ),
)
