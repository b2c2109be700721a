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
    (r"shuffle=None|dynamo=None", "`None` is as false as `False`, or the default"),
    (
        r"steps_at_once\(self\.trainer, None\)|done - len\(piece\)",
        "Runs with a GPU alone: on the CPU one step is one step, and nothing is moved",
    ),
    (
        r"flush=|unit=None|round\(seconds, \)",
        "When a line is written, what a bar counts, the decimals of a time",
    ),
    (r"UTF-8-SIG|XX_buffersXX", "Another spelling of an encoding, or of a name used here alone"),
    (r"max_epochs or 1\)", "A fit without a number of epochs never gets there"),
    (r"^study\.report\.rates\.rates .*rpartition", "A name with one slash, parted at either end"),
    (r"new_zeros\(len\(weights\), .*\+ 2", "A group more, which is empty"),
    (r"^study\.jobs\.jobs_of .*number -= 1", "Shares are dealt out in the other order: as evenly"),
    (
        r"^backprop\.normalisation\.batch_norm .*members >= 1",
        "A copy that a single network does not need",
    ),
    (
        r"^backprop\.normalisation\.batch_norm .*repeated\(tape, \)",
        "Only a layer behind batch normalisation without a layer before it gets there",
    ),
    (
        r"simplefilter\(\"error\", None\)",
        "A picture that is too large ends in another error, which is told in the same way",
    ),
    (
        r"\"XX or XX\"|\\+None,|\+\"XX|, 'XX|XX, XX|\+\"[A-Z ]{9,}|\+None\b",
        "The wording of a message",
    ),
    (r"^study\.measures\.tested ", "Called while a module is loaded, before a mutant is on"),
    (r"dtype=None, device", "Counts as floats: whole numbers are exact in them"),
    (
        r"^(cli\.command\.CIFARCommand\._compare|__main__\.run) ",
        "A hole of the quick tests: a whole fit or test at the command line, which slow tests run",
    ),
    (
        r"^(rate_search|study\.rates|study\.folder|training\.run_record|backprop\.module|"
        r"classifiers|stack\.fit|cli\.commands)\b",
        "A hole of the quick tests: what a whole search, study, export or fit does with it",
    ),
)

REASONS = {"theory": THEORY, "lightning_cifar": LIGHTNING_CIFAR}
