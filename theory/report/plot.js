// A small plotting helper for the interactive figures: axes, curves and numbers as SVG.

const Plot = (() => {
  const WIDTH = 330, HEIGHT = 260;
  const MARGIN = { left: 46, right: 10, top: 10, bottom: 38 };

  function node(name, attributes, words = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.textContent = words;
    return made;
  }

  // A scale maps a value to a place: {from, to, log}.
  function place(scale, value, start, end) {
    const turn = scale.log ? Math.log : (number) => number;
    const share = (turn(value) - turn(scale.from)) / (turn(scale.to) - turn(scale.from));
    return start + share * (end - start);
  }

  class Panel {
    constructor(svg, x, y, labels) {
      Object.assign(this, { svg, xScale: x, yScale: y });
      svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
      svg.replaceChildren();
      this.labels = labels;
    }

    x(value) { return place(this.xScale, value, MARGIN.left, WIDTH - MARGIN.right); }
    y(value) {
      const at = place(this.yScale, value, HEIGHT - MARGIN.bottom, MARGIN.top);
      return Math.min(Math.max(at, -HEIGHT), 2 * HEIGHT); // far outside is outside
    }

    add(name, attributes, words) {
      const made = node(name, attributes, words);
      this.svg.append(made);
      return made;
    }

    area(points, style) {
      this.add("path", { d: this.line(points) + "Z", class: style, "clip-path": this.clip() });
    }

    curve(points, style) {
      return this.add("path", { d: this.line(points), class: style, "clip-path": this.clip() });
    }

    line(points) {
      const finite = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
      return finite.map(([x, y], i) => `${i ? "L" : "M"}${this.x(x).toFixed(2)} ${this.y(y).toFixed(2)}`).join("") || "M0 0";
    }

    clip() {
      const id = `${this.svg.id}-clip`;
      if (!this.svg.querySelector(`#${id}`)) {
        const path = node("clipPath", { id });
        path.append(node("rect", this.inside()));
        this.svg.append(path);
      }
      return `url(#${id})`;
    }

    inside() {
      return {
        x: MARGIN.left, y: MARGIN.top,
        width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom,
      };
    }

    axes(xTicks, yTicks) {
      const bottom = HEIGHT - MARGIN.bottom;
      this.add("rect", { ...this.inside(), class: "frame" });
      xTicks.forEach(([value, words]) => {
        const x = this.x(value);
        this.add("line", { x1: x, x2: x, y1: bottom, y2: bottom + 4, stroke: "currentColor" });
        const end = x > WIDTH - 30; // a centred number would leave the picture
        const at = end ? { x: WIDTH - 1, "text-anchor": "end" } : { x, "text-anchor": "middle" };
        this.add("text", { ...at, y: bottom + 17 }, words);
      });
      yTicks.forEach(([value, words]) => {
        const y = this.y(value);
        this.add("line", { x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y, y2: y, class: "grid" });
        this.add("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, words);
      });
      this.add("text", { x: (MARGIN.left + WIDTH) / 2, y: HEIGHT - 5, "text-anchor": "middle", class: "strong" }, this.labels);
    }

    // The values under a pointer, for figures that can be dragged.
    values(event) {
      const box = this.svg.getBoundingClientRect();
      const inside = this.inside();
      const share = (at, start, length) => Math.min(Math.max((at - start) / length, 0), 1);
      const right = share(((event.clientX - box.left) * WIDTH) / box.width, inside.x, inside.width);
      const down = share(((event.clientY - box.top) * HEIGHT) / box.height, inside.y, inside.height);
      return [right, 1 - down];
    }
  }

  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

  function power(exponent) {
    const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[digit]).join("");
    return `10${exponent < 0 ? "⁻" : ""}${digits}`;
  }

  function number(value) {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-3 && size < 1e5) {
      return String(Number(value.toPrecision(4))).replace("-", "−");
    }
    const [mantissa, exponent] = value.toExponential(2).split("e");
    const short = String(Number(mantissa)).replace("-", "−");
    return `${short === "1" ? "" : `${short} × `}${power(Number(exponent))}`;
  }

  // Ticks at whole powers of ten, at most about six of them.
  function powers(scale) {
    const first = Math.ceil(Math.log10(scale.from) - 1e-9);
    const last = Math.floor(Math.log10(scale.to) + 1e-9);
    const step = Math.max(1, Math.ceil((last - first) / 5));
    const ticks = [];
    for (let exponent = first; exponent <= last; exponent += step) {
      ticks.push([10 ** exponent, exponent === 0 ? "1" : power(exponent)]);
    }
    return ticks;
  }

  return { Panel, number, powers };
})();
