"""The ten claims of question 7, the cost of dropout, as text; pointers name the experiments."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "Does dropout slow down training, and inference? And what about Monte Carlo dropout?"

COMMAND = "theory run dropout --timing-pairs 30"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("Dropout slows training down and makes it take longer:", "Q7.1"),
    ("each pass drops random activations, so that fewer neurons take part,", "Q7.2"),
    ("which makes training computationally more expensive.", "Q7.3"),
    ("It does not slow down inference,", "Q7.4"),
    ("where all neurons are used and the network runs as usual.", "Q7.5"),
    ("Monte Carlo dropout slows down training", "Q7.6"),
    ("and inference, as the network runs several times,", "Q7.7"),
    ("which gives a distribution over predictions.", "Q7.8"),
    ("It can be much slower than ordinary dropout, above all for large models,", "Q7.9"),
    ("but its estimate of the uncertainty is more robust and accurate.", "Q7.10"),
)

ANSWER = (
    "Dropout slows training down. Small networks take 1.3 to 1.8 times as many steps until the "
    "loss on fresh examples is lowest; the book says about twice as many. A single step costs "
    "hardly more: the matrix products are the same, and the masks add less than 1 % of "
    "arithmetic. Inference is untouched: in evaluation mode a dropout layer returns its input. "
    "Monte Carlo dropout trains exactly like dropout. Only prediction costs more: as many passes "
    "as samples, whatever the size of the network, and less if the layers before the first "
    "dropout are computed once. The average of the passes is never worse than a typical single "
    "pass. It beats the plain prediction where that is overconfident; a fitted temperature beats "
    "it by more, and needs one pass."
)

_TRAINED = "theory.dropout.trained_evidence:"
_EVIDENCE = "theory.dropout.evidence:"
_MONTE_CARLO = "theory.dropout.monte_carlo_evidence:"
_SRIVASTAVA = "Srivastava et al. 2014, Dropout"
_GAL = "Gal & Ghahramani 2016, Dropout as a Bayesian approximation"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q7.1",
        statement="Dropout slows training down: it takes longer until the network is trained.",
        verdict=Verdict.TRUE,
        correct=(
            "Right: the masks make the gradient noisy and the objective harder. Small networks "
            "take longer until the loss on fresh examples is lowest: 1.3 times as many steps with "
            "20 % in front of the output, 1.6 times with 10 % behind every layer and 1.8 times "
            "with 50 % in front of the output. The book says about twice as many, the authors of "
            "dropout two to three times."
        ),
        kind=Kind.STATISTICAL,
        experiment=_TRAINED + "training_takes_longer",
        control=Control(
            "dropout layers that are switched off while training",
            _TRAINED + "idle_dropout_takes_longer",
        ),
        references=(_SRIVASTAVA, "Wager et al. 2013, Dropout training as adaptive regularization"),
    ),
    Claim(
        id="Q7.2",
        statement="Each forward pass drops random activations, so fewer neurons take part in it.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. In training each activation is zero with the given probability, anew in "
            "every pass; the others are divided by the chance of being kept."
        ),
        kind=Kind.STATISTICAL,
        experiment=_EVIDENCE + "passes_drop_activations",
        control=Control("evaluation mode", _EVIDENCE + "evaluation_drops_activations"),
        references=(_SRIVASTAVA,),
    ),
    Claim(
        id="Q7.3",
        statement="That makes a training step computationally more expensive.",
        verdict=Verdict.FALSE,
        correct=(
            "The matrix products are computed in full and cost the same, and the masks add less "
            "than 1 % of arithmetic. They do add calls of small kernels, which can cost a small "
            "network time."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "step_costs_more",
        control=Control(
            "hidden layers widened to make up for the dropped units",
            _EVIDENCE + "step_of_wider_network_costs_more",
        ),
        references=("Goodfellow et al. 2016, Deep Learning, section 7.12",),
    ),
    Claim(
        id="Q7.4",
        statement="Dropout does not slow down inference.",
        verdict=Verdict.TRUE,
        correct="Right. In evaluation mode a dropout layer runs no operation at all.",
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "inference_costs_nothing",
        control=Control(
            "the network left in training mode", _EVIDENCE + "training_mode_costs_nothing"
        ),
    ),
    Claim(
        id="Q7.5",
        statement="At inference all neurons are used and the network runs as usual.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. In evaluation mode the network computes bit for bit what the same weights "
            "without dropout layers compute; the scaling was done during training."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "inference_uses_all_units",
        control=Control(
            "the network left in training mode", _EVIDENCE + "training_mode_uses_all_units"
        ),
        references=(_SRIVASTAVA,),
    ),
    Claim(
        id="Q7.6",
        statement="Monte Carlo dropout slows down training.",
        verdict=Verdict.FALSE,
        correct=(
            "It is trained as any network with dropout is, step for step and bit for bit. Only "
            "prediction differs."
        ),
        kind=Kind.EXACT,
        experiment=_MONTE_CARLO + "training_costs_more",
        control=Control(
            "ten passes averaged in every training step",
            _MONTE_CARLO + "averaged_training_costs_more",
        ),
        references=(_GAL,),
    ),
    Claim(
        id="Q7.7",
        statement="Monte Carlo dropout slows down inference, as the network runs several times.",
        verdict=Verdict.TRUE,
        correct="Right. Ten samples take ten passes and ten times the multiplications.",
        kind=Kind.EXACT,
        experiment=_MONTE_CARLO + "prediction_takes_several_passes",
        control=Control(
            "one pass, called ten samples", _MONTE_CARLO + "single_pass_takes_several_passes"
        ),
        references=(_GAL,),
    ),
    Claim(
        id="Q7.8",
        statement="Passes with dropout on give a distribution over predictions.",
        verdict=Verdict.TRUE,
        correct=(
            "Right. The passes differ, and each gives a set of probabilities. Every kind of "
            "dropout layer must be on: if alpha dropout is overlooked, all passes are equal."
        ),
        kind=Kind.STATISTICAL,
        experiment=_MONTE_CARLO + "predictions_spread",
        control=Control(
            "only nn.Dropout switched on, in a network of AlphaDropout",
            _MONTE_CARLO + "overlooked_alpha_dropout_spreads",
        ),
        references=(_GAL,),
    ),
    Claim(
        id="Q7.9",
        statement="It can be much slower than ordinary dropout, above all for large models.",
        verdict=Verdict.DEPENDS,
        correct=(
            "Run in full, ten samples cost ten times as much in a network of any size. If the "
            "layers before the first dropout are computed once, they cost 4.4 times as much with "
            "dropout everywhere, and 1.02 times with dropout in front of the output only."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_MONTE_CARLO + "much_slower",
        control=Control("one pass, called ten samples", _MONTE_CARLO + "single_pass_much_slower"),
        condition="where dropout stands and on whether the layers before it are computed once",
        references=(_GAL,),
    ),
    Claim(
        id="Q7.10",
        statement="Its estimate of the uncertainty is more robust and more accurate.",
        verdict=Verdict.DEPENDS,
        correct=(
            "The average of the passes never has a larger log loss than a typical single pass. It "
            "beats the plain prediction where that is overconfident, and on noisy inputs by more. "
            "A temperature fitted on further examples helps even more, and needs one pass only."
        ),
        kind=Kind.STATISTICAL,
        experiment=_TRAINED + "better_uncertainty",
        control=Control(
            "dropout rate 0, where every pass is the plain prediction",
            _TRAINED + "better_uncertainty_without_dropout",
        ),
        condition="what it is compared with",
        references=(_GAL, "Ovadia et al. 2019, Can you trust your model's uncertainty?"),
    ),
)
