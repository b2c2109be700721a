"""One colour for each variant in every picture: Okabe and Ito's, apart for the colour-blind too."""

COLOURS = {
    "elu": "#0072B2",
    "batch_norm": "#D55E00",
    "selu": "#009E73",
    "alpha_dropout": "#CC79A7",
}
