// Signal propagation through wide dense layers with zero biases, by quadrature.
//
// With g = weight variance × inputs, a mean square q becomes E phi(z)^2 and a gradient's mean square
// grows by g E phi'(z)^2, z normal with variance g q (Poole et al. 2016; Schoenholz et al. 2017).

(() => {
  const figure = document.getElementById("depth-figure");
  if (!figure) return;
  const input = (name) => document.getElementById(`depth-${name}`);
  const LAMBDA = 1.0507009873554805, ALPHA = 1.6732632423543772;
  const SIZES = { from: 1e-3, to: 100, log: true };

  const logistic = (z) => 1 / (1 + Math.exp(-z));
  const ACTIVATIONS = {
    SELU: [(z) => LAMBDA * (z > 0 ? z : ALPHA * Math.expm1(z)), (z) => LAMBDA * (z > 0 ? 1 : ALPHA * Math.exp(z))],
    ReLU: [(z) => Math.max(z, 0), (z) => (z > 0 ? 1 : 0)],
    "leaky ReLU": [(z) => (z > 0 ? z : 0.01 * z), (z) => (z > 0 ? 1 : 0.01)],
    ELU: [(z) => (z > 0 ? z : Math.expm1(z)), (z) => (z > 0 ? 1 : Math.exp(z))],
    SiLU: [(z) => z * logistic(z), (z) => logistic(z) * (1 + z * (1 - logistic(z)))],
    tanh: [Math.tanh, (z) => 1 - Math.tanh(z) ** 2],
    logistic: [logistic, (z) => logistic(z) * (1 - logistic(z))],
  };

  // Midpoints, so that the kink at 0 falls between two of them.
  const CELL = 0.02;
  const NODES = Array.from({ length: 800 }, (_, i) => -8 + (i + 0.5) * CELL);
  const WEIGHTS = NODES.map((z) => (CELL * Math.exp(-z * z / 2)) / Math.sqrt(2 * Math.PI));

  function meanSquare(phi, variance) {
    const scale = Math.sqrt(variance);
    return NODES.reduce((sum, z, i) => sum + WEIGHTS[i] * phi(scale * z) ** 2, 0);
  }

  function propagate(name, gain, start, layers) {
    const [phi, slope] = ACTIVATIONS[name];
    const squares = [start * start], factors = [];
    for (let layer = 0; layer < layers; layer += 1) {
      factors.push(gain * meanSquare(slope, gain * squares[layer]));
      squares.push(meanSquare(phi, gain * squares[layer]));
    }
    const gradient = [1]; // from the last layer back to the input
    [...factors].reverse().forEach((factor) => gradient.push(gradient.at(-1) * factor));
    return { sizes: squares.map(Math.sqrt), gradient: gradient.reverse().map(Math.sqrt), factors };
  }

  function drawMap(name, gain, sizes) {
    const panel = new Plot.Panel(input("map"), SIZES, SIZES, "size before the layer (rms)");
    const before = Array.from({ length: 81 }, (_, i) => 10 ** (-3 + i / 16));
    panel.curve([[SIZES.from, SIZES.from], [SIZES.to, SIZES.to]], "guide");
    panel.curve(before.map((size) => [size, Math.sqrt(meanSquare(ACTIVATIONS[name][0], gain * size * size))]), "curve");
    const stairs = sizes.slice(1).flatMap((size, i) => [[sizes[i], size], [size, size]]);
    panel.curve([[sizes[0], SIZES.from], ...stairs], "curve-2 thin");
    panel.axes(Plot.powers(SIZES), Plot.powers(SIZES));
    if (sizes[0] >= SIZES.from) panel.add("circle", { cx: panel.x(sizes[0]), cy: panel.y(sizes[1]), r: 5, class: "dot" });
  }

  function drawProfile(run, layers) {
    const all = [...run.sizes, ...run.gradient].filter((value) => value > 0);
    const low = Math.max(Math.min(...all, 0.1), 1e-30), high = Math.min(Math.max(...all, 10), 1e30);
    const scale = { from: low / 1.5, to: high * 1.5, log: true };
    const panel = new Plot.Panel(input("profile"), { from: 0, to: layers }, scale, "layer");
    panel.curve(run.sizes.map((size, layer) => [layer, size]), "curve");
    panel.curve(run.gradient.map((size, layer) => [layer, size]), "curve-2");
    const middle = Math.round(layers / 2);
    const ticks = layers > 3 ? [0, middle, layers] : [0, layers];
    panel.axes(ticks.map((layer) => [layer, String(layer)]), Plot.powers(scale));
  }

  function describe(run, layers) {
    const figure = (name, value) => `<b data-figure="${name}">${Plot.number(value)}</b>`;
    const rms = run.sizes.at(-1), gain = run.gradient[0], factor = run.factors.at(-1);
    const settles = Math.abs(Math.log(rms / run.sizes.at(-2))) < 2e-3;
    const forward = settles ? "has settled" : rms > run.sizes.at(-2) ? "is still growing" : "is still shrinking";
    const backward = gain > 1.5 ? "grows" : gain < 1 / 1.5 ? "fades" : "keeps its size";
    input("readout").innerHTML =
      `After ${layers} ${layers === 1 ? "layer" : "layers"} the signal has an rms of ${figure("rms", rms)} and ${forward}. ` +
      `On its way back to the input the gradient <b data-figure="backward">${backward}</b>: its norm is multiplied by ${figure("gradient", gain)}, ` +
      `its mean square by ${figure("factor", factor)} in the last layer.`;
  }

  function draw() {
    const name = input("activation").value;
    const gain = 2 ** Number(input("gain").value);
    const start = 10 ** Number(input("start").value);
    const layers = Number(input("layers").value);
    const known = { 1: " (LeCun)", 2: " (He)" }[gain] || "";
    input("gain-out").textContent = Number(gain.toPrecision(3)) + known;
    input("start-out").textContent = Number(start.toPrecision(3));
    input("layers-out").textContent = layers;
    const run = propagate(name, gain, start, layers);
    drawMap(name, gain, run.sizes);
    drawProfile(run, layers);
    describe(run, layers);
  }

  ["activation", "gain", "start", "layers"].forEach((name) => input(name).addEventListener("input", draw));
  figure.querySelectorAll("[data-set]").forEach((button) => {
    button.addEventListener("click", () => {
      const values = button.dataset.set.split(",");
      ["activation", "gain", "start", "layers"].forEach((name, i) => { input(name).value = values[i]; });
      draw();
    });
  });
  draw();
})();
