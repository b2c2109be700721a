// One weight under an L1 penalty, (w - best)^2 / 2 + penalty |w|: subgradient against proximal step.
//
// The minimum is the soft threshold of the best weight; the proximal step reaches it and its exact
// zeros (Beck and Teboulle 2009).

(() => {
  const figure = document.getElementById("penalty-figure");
  if (!figure) return;
  const input = (name) => document.getElementById(`penalty-${name}`);
  const START = Math.sqrt(3); // on no lattice, so that no jump lands on zero by chance
  const STEPS = 200, SHOWN = 60;
  const BEST = Array.from({ length: 81 }, (_, i) => -2 + (4 * (i + 0.37)) / 81);

  const shrunk = (w, amount) => Math.sign(w) * Math.max(Math.abs(w) - amount, 0);
  const WAYS = {
    gradient: (w, best, penalty, rate) => w - rate * (w - best + penalty * Math.sign(w)),
    proximal: (w, best, penalty, rate) => shrunk(w - rate * (w - best), rate * penalty),
  };

  function descend(way, best, penalty, rate) {
    const path = [START];
    for (let step = 0; step < STEPS; step += 1) path.push(WAYS[way](path[step], best, penalty, rate));
    return path;
  }

  function drawPath(paths, minimum) {
    const shown = Object.values(paths).flatMap((path) => path.slice(0, SHOWN + 1));
    const lowest = Math.min(-0.5, ...shown) - 0.1;
    const panel = new Plot.Panel(input("path"), { from: 0, to: SHOWN }, { from: lowest, to: 1.9 }, "step");
    const points = (path) => path.slice(0, SHOWN + 1).map((w, step) => [step, w]);
    panel.curve([[0, minimum], [SHOWN, minimum]], "guide");
    panel.curve(points(paths.gradient), "curve-2 solid");
    panel.curve(points(paths.proximal), "curve");
    const heights = [-2, -1, 0, 1].filter((w) => w > lowest);
    panel.axes([0, 20, 40, 60].map((step) => [step, String(step)]), heights.map((w) => [w, Plot.number(w)]));
  }

  function drawEnds(ends, best, minimum) {
    const scale = { from: -2, to: 2 };
    const panel = new Plot.Panel(input("ends"), scale, { from: -2.2, to: 2.2 }, "best weight");
    panel.curve([[-2, -2], [2, 2]], "guide");
    panel.curve(BEST.map((b, i) => [b, ends.proximal[i]]), "curve");
    BEST.forEach((b, i) => {
      panel.add("circle", { cx: panel.x(b), cy: panel.y(ends.gradient[i]), r: 1.8, class: "end" });
    });
    panel.axes([-2, -1, 0, 1, 2].map((b) => [b, Plot.number(b)]), [-2, -1, 0, 1, 2].map((w) => [w, Plot.number(w)]));
    panel.add("circle", { cx: panel.x(best), cy: panel.y(minimum), r: 6, class: "dot" });
  }

  function describe(paths, ends, minimum) {
    const figure = (name, value) => `<b data-figure="${name}">${value}</b>`;
    const last = paths.gradient.slice(-20);
    const swing = Math.max(...last) - Math.min(...last);
    const zeros = (way) => ends[way].filter((w) => w === 0).length;
    const state = swing > 1e-9 ? `still swings over a range of ${figure("swing", Plot.number(swing))}` : `rests (range ${figure("swing", "0")})`;
    input("readout").innerHTML =
      `The lowest point of the sum lies at ${figure("minimum", Plot.number(Number(minimum.toFixed(4))))}. After ${STEPS} steps the proximal way stands at ` +
      `${figure("proximal", Plot.number(Number(paths.proximal.at(-1).toFixed(4))))}; the gradient way ${state}. ` +
      `Of ${BEST.length} best weights spread over the axis, the proximal way makes ${figure("zeros-proximal", zeros("proximal"))} exactly zero and the gradient way ${figure("zeros-gradient", zeros("gradient"))}.`;
  }

  function draw() {
    const penalty = Number(input("strength").value);
    const best = Number(input("best").value);
    const rate = 10 ** Number(input("rate").value);
    input("strength-out").textContent = penalty;
    input("best-out").textContent = Plot.number(best);
    input("rate-out").textContent = Number(rate.toPrecision(2));
    const ways = Object.keys(WAYS);
    const each = (make) => Object.fromEntries(ways.map((way) => [way, make(way)]));
    const paths = each((way) => descend(way, best, penalty, rate));
    const ends = each((way) => BEST.map((b) => descend(way, b, penalty, rate).at(-1)));
    const minimum = shrunk(best, penalty);
    drawPath(paths, minimum);
    drawEnds(ends, best, minimum);
    describe(paths, ends, minimum);
  }

  ["strength", "best", "rate"].forEach((name) => input(name).addEventListener("input", draw));
  draw();
})();
