"""The ten claims of question 5, momentum close to 1, as text; pointers name the experiments."""

from theory.claim import Claim, Control, Kind, Verdict

QUESTION = "What can happen when SGD runs with a momentum very close to 1, such as 0.99999?"

COMMAND = "theory run momentum --momentum 0.99999"

SHEET_ANSWER: tuple[tuple[str, str | None], ...] = (
    ("With momentum near 1 the optimiser has trouble finding the optimum,", "Q5.1"),
    ("since each update relies mainly on earlier directions.", "Q5.2"),
    ("It overshoots the optimum", "Q5.3"),
    ("and may oscillate.", "Q5.4"),
    ("At exactly 1 it just keeps going the same way whatever the gradient says,", "Q5.5"),
    ("and can get stuck in a bad region.", "Q5.6"),
    ("So keep the momentum between 0.5 and 0.9:", "Q5.7"),
    ("too close to 1 means slow convergence", "Q5.8"),
    ("or even divergence,", "Q5.9"),
    ("too close to 0 means slow convergence as well.", "Q5.10"),
)

ANSWER = (
    "The optimiser picks up enormous speed, shoots past the minimum, turns round, shoots past it "
    "again, and keeps swinging. At 0.99999 the swing shrinks by a factor e every 200,000 steps, "
    "whatever the learning rate; at 0.9 it does so every 19 steps. On a quadratic this is not "
    "divergence: the weights diverge only if learning rate times curvature exceeds 2(1 + "
    "momentum), a limit that momentum raises. On other losses the speed gathered on a gentle "
    "slope can still throw the weights out of a valley in which 0.9 settles. At exactly 1 nothing "
    "is damped. The gradient still steers, and the weights swing for ever: over all valleys if "
    "they start above the barriers between them, within one if they start below. Which momentum "
    "is best depends on the condition number of the problem: 0 for a round bowl, 0.67 for a "
    "condition number of 100, 0.96 for 10,000."
)

_EVIDENCE = "theory.momentum.evidence:"
_PACE = "theory.momentum.pace_evidence:"
_POLYAK = "Polyak 1964, Some methods of speeding up the convergence of iteration methods"
_SUTSKEVER = "Sutskever et al. 2013, On the importance of initialization and momentum"
_SGD = "PyTorch documentation, torch.optim.SGD"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="Q5.1",
        statement="With a momentum very close to 1 the optimiser has trouble finding the optimum.",
        verdict=Verdict.TRUE,
        correct=(
            "After 10,000 steps at 0.99999 the weights still swing over almost the whole distance "
            "from which they started, at every learning rate tried. At 0.9 they have arrived."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "stays_far_from_the_minimum",
        control=Control("momentum 0.9 instead", _EVIDENCE + "stays_far_at_ordinary_momentum"),
        references=(_POLYAK,),
    ),
    Claim(
        id="Q5.2",
        statement="Each update then relies mainly on the directions of earlier updates.",
        verdict=Verdict.TRUE,
        correct=(
            "An update is the sum of all gradients so far, each weighted by momentum to the "
            "power of its age. At 0.99999 the newest of 1,000 gradients has about a thousandth "
            "of the total weight."
        ),
        kind=Kind.EXACT,
        experiment=_EVIDENCE + "relies_on_the_past",
        control=Control("momentum 0.3 instead", _EVIDENCE + "relies_on_the_past_at_low_momentum"),
        references=(_SGD,),
    ),
    Claim(
        id="Q5.3",
        statement="It overshoots the optimum.",
        verdict=Verdict.TRUE,
        correct=(
            "From rest it passes the minimum and climbs the other side nearly as high as it "
            "started. Only a learning rate below 2.5e-11 divided by the curvature would avoid it."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "overshoots",
        control=Control(
            "momentum 0.5, which creeps up to the minimum at these learning rates",
            _EVIDENCE + "overshoots_at_low_momentum",
        ),
        references=(_POLYAK,),
    ),
    Claim(
        id="Q5.4",
        statement="It may oscillate.",
        verdict=Verdict.TRUE,
        correct=(
            "It swings to and fro around one minimum, with a period of about 2π/√(learning "
            "rate · curvature) steps, and the swing hardly shrinks."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "oscillates",
        control=Control(
            "Nesterov momentum, which damps a direction as curved as this one",
            _EVIDENCE + "oscillates_with_nesterov",
        ),
        references=(_POLYAK,),
    ),
    Claim(
        id="Q5.5",
        statement="At exactly 1 it keeps moving in the same direction whatever the gradient says.",
        verdict=Verdict.FALSE,
        correct=(
            "At 1 every gradient counts in full, old and new, and the weights swing about the "
            "minimum without friction. Only a dampening of 1 would shut new gradients out."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "keeps_its_direction",
        control=Control("dampening = 1", _EVIDENCE + "keeps_its_direction_with_dampening"),
        references=(_SGD,),
    ),
    Claim(
        id="Q5.6",
        statement="At exactly 1 it can thereby get stuck in a poor region.",
        verdict=Verdict.DEPENDS,
        correct=(
            "At 1 the weights never come to rest, because no energy is lost. If they start "
            "above the barrier between two valleys, they cross it again and again. If they "
            "start below it, they swing in the worse valley for ever."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_EVIDENCE + "gets_stuck",
        control=Control(
            "momentum 0.5, which stays in the worse valley from every start",
            _EVIDENCE + "gets_stuck_at_low_momentum",
        ),
        condition="whether the start lies above the barrier",
    ),
    Claim(
        id="Q5.7",
        statement="The momentum should be kept between 0.5 and 0.9.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On a quadratic with condition number κ the best momentum is ((√κ - 1)/(√κ + 1))². "
            "The range suits κ from about 34 to 1,440. Rounder bowls need less momentum, longer "
            "valleys more."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_PACE + "best_between_half_and_nine_tenths",
        control=Control(
            "every problem taken for one of condition number 100",
            _PACE + "best_momentum_without_conditioning",
        ),
        condition="the condition number of the problem",
        references=(_POLYAK, _SUTSKEVER),
    ),
    Claim(
        id="Q5.8",
        statement="Too close to 1 means slow convergence.",
        verdict=Verdict.TRUE,
        correct=(
            "At best the distance shrinks by a factor √momentum per step, and no learning rate "
            "helps. To shrink it by a factor of 1,000 takes about 1.4 million steps at 0.99999 "
            "and about 130 at 0.9."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_PACE + "converges_slowly",
        control=Control("momentum 0.95 instead", _PACE + "converges_slowly_at_095"),
        references=(_POLYAK,),
    ),
    Claim(
        id="Q5.9",
        statement="Too close to 1 can even mean divergence.",
        verdict=Verdict.DEPENDS,
        correct=(
            "On a quadratic it never diverges while learning rate times curvature is below 2(1 + "
            "momentum), and always diverges above. On other losses the speed can throw the "
            "weights out, although 0.9 settles at the same learning rate."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_PACE + "diverges",
        control=Control("momentum 1.5, which always diverges", _PACE + "diverges_above_one"),
        condition="learning rate times curvature and on whether the loss is quadratic",
        references=(_POLYAK, _SUTSKEVER),
    ),
    Claim(
        id="Q5.10",
        statement="Too close to 0 means slow convergence for want of momentum.",
        verdict=Verdict.DEPENDS,
        correct=(
            "In a long valley momentum divides the number of steps by about √κ. In a round bowl "
            "plain gradient descent arrives in one step. Where gradient noise sets the pace, "
            "momentum hardly matters."
        ),
        kind=Kind.DETERMINISTIC,
        experiment=_PACE + "slow_without_momentum",
        control=Control(
            "every problem taken for a round bowl",
            _PACE + "slow_without_momentum_in_a_round_bowl",
        ),
        condition="the condition number and on whether gradient noise dominates",
        references=(
            "Kidambi et al. 2018, On the insufficiency of existing momentum schemes",
            "Wang et al. 2023, The marginal value of momentum for small learning rate SGD",
        ),
    ),
)
