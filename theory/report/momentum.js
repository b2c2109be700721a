// Heavy ball on a parabola, in closed form: momentum and rate against what they lead to.
//
// With k = learning rate × curvature, x[t+2] = (1 + momentum - k) x[t+1] - momentum x[t], from
// x[0] = 1 and x[1] = 1 - k. Its two characteristic roots decide everything below (Polyak 1964).

(() => {
  const figure = document.getElementById("momentum-figure");
  if (!figure) return;
  const input = (name) => document.getElementById(`momentum-${name}`);
  const LAST = 5.05; // the end of the slider stands for a momentum of exactly 1
  const RATES = { from: 1e-4, to: 10, log: true };

  const momentumAt = (place) => (place >= LAST - 1e-9 ? 1 : 1 - 10 ** -place);

  // Position after t steps, the larger modulus of the roots, and the angle per step where they ring.
  function heavyBall(beta, k) {
    const trace = 1 + beta - k;
    const spread = trace * trace - 4 * beta;
    if (Math.abs(spread) < 1e-14) {
      const root = trace / 2;
      const slope = root === 0 ? 0 : (1 - k) / root - 1;
      return { at: (t) => (t === 0 ? 1 : root ** t * (1 + slope * t)), radius: Math.abs(root), angle: 0, swing: 1 };
    }
    if (spread > 0) {
      const first = (trace + Math.sign(trace || 1) * Math.sqrt(spread)) / 2;
      const second = beta / first; // no cancellation
      const share = (1 - k - second) / (first - second);
      return { at: (t) => share * first ** t + (1 - share) * second ** t, radius: Math.abs(first), angle: 0, swing: 1 };
    }
    const radius = Math.sqrt(beta);
    const angle = Math.acos(Math.min(Math.max(trace / (2 * radius), -1), 1));
    const sine = ((1 - k) / radius - Math.cos(angle)) / Math.sin(angle);
    const at = (t) => radius ** t * (Math.cos(angle * t) + sine * Math.sin(angle * t));
    return { at, radius, angle, swing: Math.hypot(1, sine) };
  }

  function regime(beta, k) {
    if (k >= 2 * (1 + beta)) return "It diverges";
    if (beta === 1) return "It never settles";
    if (k <= (1 - Math.sqrt(beta)) ** 2) return "It creeps in from one side";
    if (k >= (1 + Math.sqrt(beta)) ** 2) return "It changes sides at every step and settles";
    return "It rings: over the minimum and back, and settles";
  }

  function firstOvershoot(ball) {
    let lowest = 0;
    const last = ball.angle ? Math.ceil(1.2 * Math.PI / ball.angle) + 2 : 2;
    for (let t = 1; t <= last; t += 1) lowest = Math.min(lowest, ball.at(t));
    return -lowest;
  }

  function drawPath(ball, steps) {
    let farthest = 1;
    for (let t = 0; t <= Math.min(steps, 400); t += 1) farthest = Math.max(farthest, Math.abs(ball.at(t)));
    const reach = Math.min(1.2 * farthest, 8);
    const panel = new Plot.Panel(input("path"), { from: 0, to: steps }, { from: -reach, to: reach }, "step");
    const columns = Array.from({ length: 301 }, (_, i) => Math.round((i * steps) / 300));
    const hull = (t) => ball.swing * ball.radius ** t;
    if (ball.angle && ball.angle * steps > 100 * Math.PI) { // too many swings for single lines
      panel.area([...columns.map((t) => [t, hull(t)]), ...columns.reverse().map((t) => [t, -hull(t)])], "band");
    } else {
      if (ball.angle) [1, -1].forEach((side) => panel.curve(columns.map((t) => [t, side * hull(t)]), "guide"));
      const stride = Math.max(1, Math.floor(steps / 2000));
      const points = [];
      for (let t = 0; t <= steps; t += stride) points.push([t, ball.at(t)]);
      panel.curve(points, points.length > 300 ? "curve thin" : "curve");
    }
    const half = Number((reach / 2).toPrecision(1));
    const ticks = [0, Math.round(steps / 2), steps].map((t) => [t, Plot.number(t)]);
    panel.axes(ticks, [-half, 0, half].map((y) => [y, Plot.number(y)]));
  }

  function drawMap(place, k) {
    const panel = new Plot.Panel(input("map"), { from: 0, to: LAST }, RATES, "momentum (upwards: rate × curvature)");
    const places = Array.from({ length: 203 }, (_, i) => (i * LAST) / 202);
    const border = (height) => places.map((at) => [at, Math.max(height(momentumAt(at)), 1e-9)]);
    const creeps = border((beta) => (1 - Math.sqrt(beta)) ** 2);
    const flips = border((beta) => (1 + Math.sqrt(beta)) ** 2);
    const limit = border((beta) => 2 * (1 + beta));
    const floor = border(() => 1e-9), top = border(() => 99);
    const zone = (low, high, style) => panel.area([...low, ...high.slice().reverse()], style);
    zone(limit, top, "zone-4");
    zone(flips, limit, "zone-3");
    zone(creeps, flips, "zone-1");
    zone(floor, creeps, "zone-2");
    panel.curve(limit, "guide");
    panel.axes([[0, "0"], [1, "0.9"], [2, "0.99"], [3, "0.999"], [4, "0.9999"], [4.85, ""]], Plot.powers(RATES));
    panel.add("text", { x: 200, y: panel.y(0.03), "text-anchor": "middle", class: "strong" }, "rings");
    panel.add("text", { x: 54, y: panel.y(3e-4), class: "strong" }, "creeps");
    panel.add("text", { x: 200, y: panel.y(5.6), "text-anchor": "middle", class: "strong" }, "diverges");
    panel.add("circle", { cx: panel.x(place), cy: panel.y(k), r: 7, class: "dot" });
    return panel;
  }

  function describe(ball, beta, k, steps) {
    const figure = (name, value) => `<b data-figure="${name}">${value}</b>`;
    const parts = [`<b data-figure="regime">${regime(beta, k)}.</b>`];
    const perThousand = Math.log(1000) / -Math.log(ball.radius);
    if (k < 2 * (1 + beta) && beta < 1) {
      const shrinks = ball.radius === 0 ? "at once" : `in about ${figure("settle", Plot.number(Math.ceil(perThousand)))} steps`;
      parts.push(`The distance shrinks a thousandfold ${shrinks}.`);
    }
    if (k < 2 * (1 + beta)) parts.push(`The first swing overshoots by ${figure("overshoot", Plot.number(firstOvershoot(ball)))}.`);
    if (ball.angle) parts.push(`It crosses the minimum about ${figure("crossings", Plot.number(Math.round((steps * ball.angle) / Math.PI)))} times in the steps shown.`);
    parts.push(`Each step multiplies the distance by ${figure("radius", Number(ball.radius.toFixed(6)))} in the long run; steps stay stable while rate × curvature is below ${figure("limit", Plot.number(2 * (1 + beta)))}.`);
    input("readout").innerHTML = parts.join(" ");
  }

  let map;
  function draw() {
    const place = Number(input("beta").value);
    const beta = momentumAt(place);
    const k = 10 ** Number(input("rate").value);
    const steps = Math.round(10 ** Number(input("steps").value));
    input("beta-out").textContent = Number(beta.toPrecision(6));
    input("rate-out").textContent = Number(k.toPrecision(3));
    input("steps-out").textContent = Plot.number(steps);
    const ball = heavyBall(beta, k);
    drawPath(ball, steps);
    map = drawMap(place, k);
    describe(ball, beta, k, steps);
  }

  function take(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const [right, up] = map.values(event);
    input("beta").value = right * LAST;
    input("rate").value = Math.log10(RATES.from) + up * Math.log10(RATES.to / RATES.from);
    draw();
  }

  ["beta", "rate", "steps"].forEach((name) => input(name).addEventListener("input", draw));
  ["pointerdown", "pointermove"].forEach((name) => input("map").addEventListener(name, take));
  figure.querySelectorAll("[data-set]").forEach((button) => {
    button.addEventListener("click", () => {
      const values = button.dataset.set.split(",");
      ["beta", "rate", "steps"].forEach((name, i) => { input(name).value = values[i]; });
      draw();
    });
  });
  draw();
})();
