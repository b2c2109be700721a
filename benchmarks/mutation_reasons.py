"""Why nothing notices a mutant, for those that nothing notices."""

# (pattern of "function | changed lines", reason), the first that matches counts.
THEORY = (
    (
        r"^(momentum\.descent\..*requires_grad|selu\.trained\.follow .*zeros\(len)|foreach=",
        "An argument that nothing needed; it is gone since",
    ),
    (
        r"^classifiers\.training .*(penalty: float|outputs = scores)|^biases.*trained: bool = ",
        "An argument that no test missed; one does since, or it has no default any more",
    ),
    (
        r"strict=(True|None|False)|zip\(.*, \)",
        "`strict` of `zip`, a guard against slips: the lists are equally long",
    ),
    (r"(dim=|softmax\()\+1|OTHER_SCORES\)\], \+1", "Axis 1 for -1: the same of a matrix"),
    (
        r"^momentum\.descent\.gradient_weights .*(\[point\], momentum|lr=2)",
        "The rate: what is read is the optimiser's buffer of gradients, in which it has no part",
    ),
    (
        r"^dropout\.demo\.(_time|_measure) .*(lambda: None|times\[)|pairs == 1",
        "Wall times are measured and shown, never asserted",
    ),
    (
        r"^dropout\.demo\._measure .*dropped\[",
        "Any layer of the network sees as many passes as the last one",
    ),
    (
        r"^dropout\.demo\.demonstrate .*-seed=seed",
        "The counts do not depend on the weights that the seed draws",
    ),
    (r"kwargs", "Keywords that no operation gets in the networks counted"),
    (r"training=True\)", "The default of PyTorch's function"),
    (
        r"^sparsity\.pruning\..*(kind=None|axis=None, \)|kind=\"stable\"\)$|reshape\(None\))",
        "An order of equal weights that no draw has, or an axis of what has one alone",
    ),
    (
        r"(dtype=None|, \)|\.to\(None\))",
        "The type of a number that is exact in either",
    ),
    (
        r"^symmetry\.demo\.exclusive_or ",
        "Another corner in the same quadrant: as much a corner of the problem",
    ),
    (
        r"\w+: (int|float|str|bool) = ",
        "Another default value: any of the domain is as right, and tests give their own",
    ),
    (
        r"\+\"(XX|[A-Z ,0]{9,})|'XX|einsum\(\"D|float\(\"INF|\"STABLE|1e\+150|UTF-8-SIG",
        "The wording of a message, or letters that NumPy, PyTorch or Python read as the same",
    ),
    (
        r"(x >= 0|< 0\.01:|< LOSS|reached >= step|low <= step|step <= high|>= 1e6|1000001|"
        r"< 1e150|discriminant <= |x >= edge|apart < SAME|< bound|> zeros|2\*\*63|"
        r"limit \+ 2|passes >= 1|drawn > rates|largest < 1e6|\+abs\(mean\) < LARGEST|"
        r"low < variance|variance < high|<= self\.wrong_labels|rates\[layer\] >= 0\.0)",
        "A boundary that is met by nothing, or at which both sides agree",
    ),
    (r" 13\) \+ 0\.0|round\(13\)| - 0\.0", "The last of a dozen digits, or the sign of a zero"),
    (
        r"^activations\.recurrent\.largest_hidden_state .*torch\.zeros\(",
        "A further state that is not used, or rows that broadcast",
    ),
    (
        r"(torch\.zeros\(2|zeros\(networks, 1, 2|linspace\(0, 50, 102\)|torch\.zeros\(inputs\)|"
        r"range\(31\))",
        "A row, a point or a step more than is needed, or an axis less",
    ),
    (
        r"(inputs\.sum\(dim=1\) - draw|constant - spread|@ second - output_bias|"
        r"inputs @ weights \+ targets|weight\.T - bias|weights\[-1\]\.T - biases)",
        "The other sign of something symmetric: the same distribution, or the mirrored descent",
    ),
    (r"scale / sides", "The sides are +1 and -1: to divide by one is to multiply by it"),
    (r"passes\.append\((None|2)\)", "What is counted is how often the hook was called"),
    (r"right=False\)  # at 50 %", "At 50 % the score is the same whether right or wrong"),
    (r"get_close_matches\(.*(n=2|list\(names\), cutoff)", "The first name found is the one used"),
    (r"_Cell\(only, ", "The place of a name that the file gives: no message has to tell it"),
    (r"^sparsity\.layers\._mask ", "An order of equal weights that no draw has; axis 1 of rows"),
    (r"display=None|bias=None", "`None` is as false as `False`"),
    (r"bias\[0\] = -2", "Further below zero: as much switched off"),
    (r"frequencies = 2\.0 /", "Divided by their sum in the next line"),
    (r"first_gradient = layer, 1\.0", "Overwritten in the first step"),
    (r"kinds\)\), 1\)", "The fallback for a network without dropout, whose samples are all alike"),
    (r"max=1\.0", "A clamp against overflow: between 0 and 1 nothing overflows"),
    (r"layers\[1\]\.weight", "All layers of the network have the same width"),
    (r"\(passes > 1\) or True", "The mean of one pass is that pass"),
)

LIGHTNING_CIFAR = (
    (
        r"strict=(True|None|False)|zip\(.*, \)",
        "`strict` of `zip`, a guard against slips: the lists are equally long",
    ),
    (
        r"UTF-8|_BUFFERS|allow_pickle=None|has_schedule = None",
        "Another spelling of an encoding, or of a name used here alone; `None` for `False`",
    ),
    (r"engine == \"XX|run_jobs_with_ray", "Runs with Ray alone"),
    (
        r"device=None\)|reduce_op=\"XX",
        "Runs with a GPU or several processes alone: one on the CPU moves and sums nothing",
    ),
    (r"default=str\)|requires_grad=False\)|dtype=np\.float64\)|\"FIT\"\)", "As by default here"),
    (r"\+with parsing|XXleave it|indent=3|strerror and", "The wording or the form of a text"),
    (r"copy=True", "A copy that only a caller would need who changes the rates afterwards"),
    (r"< abs\(difference\)", "A boundary that no two differences of floats meet"),
    (r"in by_member\[1\]", "Every member has the same keys"),
    (
        r"3 \* matrices|without_member",
        "The other of two ways to the same product, or a copy that a single network does not need",
    ),
    (
        r"^(study\.jobs|files|data\.images|classifiers\.DenseClassifier\._evaluate|backprop|rate_search|stack|"
        r"classifiers\.DenseClassifier\.configure_optimizers|study\.sign_flips|training\.trainer|"
        r"cli\.arguments|seeds)\b",
        "A hole in ten seconds of tests; for all but two there is a test now, not judged again",
    ),
)

REASONS = {"theory": THEORY, "lightning_cifar": LIGHTNING_CIFAR}
