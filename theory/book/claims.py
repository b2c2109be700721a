"""What the book itself says, claim by claim, as text; pointers name the experiments.

Paraphrased from the answers at the end of the book and from the chapter on training deep networks.
Numbers 3 to 7 are those of the sheet's questions; 8 and 9 are asked by other editions only. An
edition is named where it is certain.
"""

from theory.claim import Claim, Control, Kind, Verdict

TOPICS: dict[int, tuple[str, str]] = {
    3: ("selu", "Three advantages of SELU over ReLU?"),
    4: ("activations", "When would you use which activation function?"),
    5: ("momentum", "What does momentum do to gradient descent?"),
    7: ("dropout", "Does dropout slow down training, and inference? And Monte Carlo dropout?"),
    8: ("starts", "What are Glorot's and He's initialisations for?"),
    9: ("batch normalisation", "What does batch normalisation do, and what does it cost?"),
}

_ANSWERS = "theory.book.answer_evidence:"
_STARTS = "theory.book.start_evidence:"
_NORM = "theory.book.normalisation_evidence:"
_KLAMBAUER = "Klambauer et al. 2017, Self-normalizing neural networks"
_GLOROT = "Glorot and Bengio 2010, Understanding the difficulty of training deep networks"
_HE = "He et al. 2015, Delving deep into rectifiers"
_IOFFE = "Ioffe and Szegedy 2015, Batch normalization"
_SECOND, _THIRD = "second edition", "third edition"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="B3.1",
        statement="SELU's slope is never zero, so no unit can die.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On paper it is never zero. In 32 bits it is exactly zero below about -104, in 16 "
            "bits below about -18. A unit that far out is as dead as one of ReLU."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "selu_is_never_flat",
        control=Control("ReLU", _ANSWERS + "relu_is_never_flat"),
        condition="how far below zero the unit is and on the number format",
        references=(_KLAMBAUER,),
        edition=_SECOND,
    ),
    Claim(
        id="B3.2",
        statement="A self-normalising SELU network is free of vanishing and exploding gradients.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Activations keep their size at any depth. The squared gradient grows by 7 % in each "
            "layer. Its norm doubles over 20 layers; it is 32 times as large after 100, and 10^15 "
            "times after 1,000."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "selu_keeps_gradients",
        control=Control("no activation function at all", _ANSWERS + "identity_keeps_gradients"),
        condition="the number of layers",
        references=(_KLAMBAUER,),
        edition=_SECOND,
        beside=("Q3.4",),
    ),
    Claim(
        id="B4.1",
        statement="A leaky ReLU never dies for good: below zero it still passes a gradient.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. A unit that is below zero on every example has a gradient a hundredth as "
            "large as one above zero, and can come back. With ReLU its gradient is exactly zero."
        ),
        kind=Kind.EXACT,
        experiment=_ANSWERS + "leaky_relu_revives",
        control=Control("ReLU", _ANSWERS + "relu_revives"),
        references=("Maas et al. 2013, Rectifier nonlinearities improve acoustic models",),
        beside=("Q4.2",),
    ),
    Claim(
        id="B4.2",
        statement="Softplus in the output layer makes every output positive.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On paper always. In 32 bits it is exactly zero below about -104, where a logarithm "
            "or a division then fails. A small constant added to it avoids that."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "softplus_is_positive",
        control=Control("ReLU", _ANSWERS + "relu_is_positive"),
        condition="how far below zero its input can be",
        edition=_THIRD,
    ),
    Claim(
        id="B4.3",
        statement="GELU is nearly x times the logistic function of 1.702 x.",
        verdict=Verdict.TRUE,
        correct="Right. The two differ by 0.020 at most. With a factor of 1 it is SiLU instead.",
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "scaled_sigmoid_form_is_gelu",
        control=Control("a factor of 1, which is SiLU", _ANSWERS + "plain_sigmoid_form_is_gelu"),
        references=("Hendrycks and Gimpel 2016, Gaussian error linear units",),
        edition=_THIRD,
    ),
    Claim(
        id="B4.4",
        statement="With alpha 1, ELU is smooth everywhere, at zero too.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Its slope has no jump there. Its curvature jumps from 1 to 0, so it is smooth once "
            "and not twice. That is enough for gradient descent."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "elu_is_smooth",
        control=Control("alpha 2, which has a kink", _ANSWERS + "steeper_elu_is_smooth"),
        condition="which derivative must have no jump",
        references=("Clevert et al. 2016, Fast and accurate deep network learning by ELUs",),
    ),
    Claim(
        id="B5.1",
        statement="Momentum 0.9 ends up going ten times as fast as plain gradient descent.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On a slope that stays the same, yes: 1 / (1 - 0.9). On a parabola the slope fades. "
            "There it is 5 times as fast at a small rate, and slower at a large one."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "momentum_is_ten_times_as_fast",
        control=Control("momentum 0.5", _ANSWERS + "half_momentum_is_ten_times_as_fast"),
        condition="whether the slope stays the same",
        references=("Polyak 1964, Some methods of speeding up the convergence of iterations",),
        beside=("Q5.10",),
    ),
    Claim(
        id="B7.1",
        statement="Dropout slows the convergence of training down roughly twofold.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Small networks take 1.8 times as many steps with 50 % in front of the output, 1.3 "
            "times with 20 % and 1.2 times with 10 %. A step itself costs hardly more."
        ),
        kind=Kind.STATISTICAL,
        experiment=_ANSWERS + "training_takes_twice_as_long",
        control=Control(
            "dropout layers that are switched off while training",
            _ANSWERS + "idle_dropout_takes_twice_as_long",
        ),
        condition="the rate and the place of dropout",
        references=("Srivastava et al. 2014, Dropout",),
        edition=_SECOND,
        beside=("Q7.1", "Q7.3"),
    ),
    Claim(
        id="B7.2",
        statement="With Monte Carlo dropout, dropout stays on, so each pass is slightly slower.",
        verdict=Verdict.TRUE,
        correct="Right. In the exercise's network the masks add less than 2 % of arithmetic.",
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "a_sample_costs_a_little_more",
        control=Control("dropout off", _ANSWERS + "a_plain_pass_costs_a_little_more"),
        references=("Gal and Ghahramani 2016, Dropout as a Bayesian approximation",),
        edition=_SECOND,
        beside=("Q7.7",),
    ),
    Claim(
        id="B7.3",
        statement="As one takes ten samples or more, predictions are at least ten times slower.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Run in full, ten samples cost ten times as much. If the layers before the first "
            "dropout are computed once, they cost 4.4 times as much with dropout everywhere, and "
            "1.02 times with dropout in front of the output, where the book's own model has it."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_ANSWERS + "samples_cost_ten_times_as_much",
        control=Control(
            "one pass, called ten samples", _ANSWERS + "one_sample_costs_ten_times_as_much"
        ),
        condition="where dropout stands and on whether the layers before it are computed once",
        references=("Gal and Ghahramani 2016, Dropout as a Bayesian approximation",),
        edition=_SECOND,
        beside=("Q7.9",),
    ),
    Claim(
        id="B8.1",
        statement=(
            "Glorot's start gives a layer's outputs the variance of its inputs, and the gradient "
            "the same variance before and behind the layer."
        ),
        verdict=Verdict.DEPENDS,
        correct=(
            "It does both in a layer with as many inputs as outputs. In a layer of 3,072 inputs "
            "and 100 units the variance of the signal grows to 1.9 times itself, and that of the "
            "gradient shrinks to 0.06 times."
        ),
        kind=Kind.STATISTICAL,
        experiment=_STARTS + "glorot_keeps_variance",
        control=Control(
            "the variance taken for the standard deviation",
            _STARTS + "glorot_without_the_root_keeps_variance",
        ),
        condition="whether the layer has as many inputs as outputs",
        references=(_GLOROT,),
        edition=_THIRD,
        beside=("Q1.2",),
    ),
    Claim(
        id="B8.2",
        statement=(
            "Both cannot be had unless a layer has as many inputs as outputs; Glorot's start is a "
            "compromise between the two."
        ),
        verdict=Verdict.TRUE,
        correct=(
            "Right. Whatever the weights are, the gain forwards divided by the gain backwards is "
            "the number of inputs divided by that of outputs. Glorot's start puts 1 between the "
            "two gains."
        ),
        kind=Kind.EXACT,
        experiment=_STARTS + "no_start_keeps_both",
        control=Control(
            "layers with as many inputs as outputs", _STARTS + "square_layer_keeps_both"
        ),
        references=(_GLOROT,),
    ),
    Claim(
        id="B8.3",
        statement="He's start suits ReLU and its relatives: leaky ReLU, ELU, SiLU.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It is exact for ReLU and fits leaky ReLU and ELU. With SiLU signal and gradient fade "
            "by factors of 300 and 230 over 20 layers."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_STARTS + "he_suits_rectifiers",
        control=Control(
            "the default of nn.Linear, a sixth of the variance",
            _STARTS + "default_suits_rectifiers",
        ),
        condition="the activation function",
        references=(_HE,),
        beside=("Q1.3",),
    ),
    Claim(
        id="B8.4",
        statement="Glorot's start suits layers without activation, tanh and the logistic function.",
        verdict=Verdict.DEPENDS,
        correct=(
            "It suits the first two. A logistic unit's slope is a quarter at most, and 20 layers "
            "leave 10^-12 of the gradient."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_STARTS + "glorot_suits_squashers",
        control=Control(
            "the default of nn.Linear, a third of the variance", _STARTS + "default_suits_squashers"
        ),
        condition="the activation function",
        references=(_GLOROT,),
        beside=("Q1.3",),
    ),
    Claim(
        id="B8.5",
        statement="LeCun's start suits SELU.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. With this start, and with no other variance, SELU layers settle at a mean "
            "square of 1, even if the inputs have half or twice that."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_STARTS + "lecun_suits_selu",
        control=Control("He's start", _STARTS + "he_suits_selu"),
        references=(_KLAMBAUER,),
        beside=("Q3.1",),
    ),
    Claim(
        id="B8.6",
        statement=(
            "Logistic units whose weights start with standard deviation 1 saturate, and hardly any "
            "gradient comes back through them."
        ),
        verdict=Verdict.DEPENDS,
        correct=(
            "In layers of 10, 100 and 1,000 units, 6, 59 and 87 % of the units are saturated. But "
            "the gradient fades in the narrow layers only. In layers of 100 it keeps its size. In "
            "wider ones it grows, because the units that are not saturated pass it on through "
            "large weights."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_STARTS + "wide_start_stops_the_gradient",
        control=Control(
            "Glorot's start, at which no unit saturates",
            _STARTS + "glorot_start_stops_the_gradient",
        ),
        condition="the width of the layers",
        references=(_GLOROT, "Poole et al. 2016, Exponential expressivity in deep networks"),
    ),
    Claim(
        id="B9.1",
        statement="Batch normalisation slows predictions down: each layer has more to compute.",
        verdict=Verdict.DEPENDS,
        correct=(
            "As trained, yes. After training it can be folded into the layer before it; then "
            "nothing is left to compute."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NORM + "normalisation_slows_prediction",
        control=Control(
            "the same networks without batch normalisation",
            _NORM + "no_normalisation_slows_prediction",
        ),
        condition="whether it has been folded into the layer before it",
        references=(_IOFFE,),
    ),
    Claim(
        id="B9.2",
        statement="It can be folded into the layer before it without changing a prediction.",
        verdict=Verdict.TRUE,
        correct=(
            "Right, to rounding, in evaluation mode. A normalisation by a fixed mean and variance "
            "is a linear layer, like the one before it."
        ),
        kind=Kind.EXACT,
        experiment=_NORM + "folding_is_exact",
        control=Control(
            "the network left in training mode", _NORM + "folding_is_exact_in_training_mode"
        ),
        references=(_IOFFE,),
    ),
    Claim(
        id="B9.3",
        statement="With batch normalisation as the first layer, inputs need not be standardised.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. Each input may have its own unit and zero point: the outputs are the same, up "
            "to a small constant in the denominator."
        ),
        kind=Kind.EXACT,
        experiment=_NORM + "first_normalisation_replaces_standardising",
        control=Control(
            "batch normalisation behind the first layer only",
            _NORM + "later_normalisation_replaces_standardising",
        ),
        references=(_IOFFE,),
    ),
    Claim(
        id="B9.4",
        statement="A layer in front of batch normalisation needs no biases.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. The batch's mean takes them out again. Other biases change no output, and the "
            "gradient of a bias is zero."
        ),
        kind=Kind.EXACT,
        experiment=_NORM + "bias_before_normalisation_is_idle",
        control=Control(
            "layer normalisation, whose mean is one over units",
            _NORM + "bias_before_layer_normalisation_is_idle",
        ),
        references=(_IOFFE,),
    ),
    Claim(
        id="B9.5",
        statement="Batch normalisation makes a network much less sensitive to its initial weights.",
        verdict=Verdict.DEPENDS,
        correct=(
            "What it computes does not depend on the size of the weights. How it learns does: at "
            "the same learning rate, weights ten times as large turn a hundred times more slowly."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NORM + "start_hardly_matters",
        control=Control(
            "a fixed factor in place of the batch's statistics",
            _NORM + "start_hardly_matters_under_a_fixed_factor",
        ),
        condition="whether one asks what the network computes or how fast it learns",
        references=(_IOFFE, "van Laarhoven 2017, L2 regularization versus batch normalization"),
    ),
    Claim(
        id="B9.6",
        statement="Batch normalisation steadies gradients, with saturating activations too.",
        verdict=Verdict.DEPENDS,
        correct=(
            "With the logistic function it saves the gradient: over 20 layers all of it is kept, "
            "where 10^-12 of it would be. With tanh it changes little. With ReLU and He's start "
            "the gradient is steady without it; with it, the gradient grows by a factor of 46."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_NORM + "normalisation_steadies_gradients",
        control=Control(
            "the same networks without batch normalisation", _NORM + "nothing_steadies_gradients"
        ),
        condition="the activation function",
        references=(_IOFFE, "Yang et al. 2019, A mean field theory of batch normalization"),
        beside=("Q3.6",),
    ),
)
