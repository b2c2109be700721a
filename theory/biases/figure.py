"""Question 2's figure: the gradient on its way back, by the start of biases and weights."""

from matplotlib.figure import Figure

from theory.biases.demo import BiasesResult


def draw(result: BiasesResult) -> Figure:
    """Draw the gradient's norm at each layer, on a logarithmic axis."""
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    lines = (
        ("biases 0", result.log10_gradient_zero_biases, "C0", "-"),
        ("one small constant", result.log10_gradient_constant_biases, "C2", "--"),
        ("drawn biases", result.log10_gradient_random_biases, "C1", ":"),
        ("biases 0, wrong weights", result.log10_gradient_wrong_weights, "C3", "-."),
    )
    for name, values, colour, style in lines:
        layers = range(1, len(values) + 1)
        norms = [10.0**value for value in values]
        axes.semilogy(layers, norms, color=colour, linestyle=style, label=name)
    axes.set_xlabel("hidden layer")
    axes.set_ylabel("gradient norm, relative to the last layer")
    axes.legend()
    return figure
