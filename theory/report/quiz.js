// The quiz: claims of the page in an order, a verdict and a confidence, the evidence, a score.
// Nothing is kept outside this function, so closing the page forgets it.

(() => {
  const at = (name) => document.getElementById(`quiz-${name}`);
  if (!at("setup")) return;
  const verdicts = new Set([...document.querySelectorAll("#quiz-form [name=answer]")].map((each) => each.value));
  const claims = [...document.querySelectorAll("details.claim")].filter((each) => verdicts.has(each.dataset.verdict));
  let order = [], place = 0, judged = [];

  // The same as theory/classroom/order.py, so that a number gives the same order in both.
  function shuffled(items, seed) {
    const places = [...items];
    let state = seed;
    for (let i = places.length - 1 + 16; i > 0; i -= 1) {
      state = (Math.imul(1664525, state) + 1013904223) >>> 0;
      if (i >= places.length) continue;
      const j = Math.floor((state * (i + 1)) / 2 ** 32);
      [places[i], places[j]] = [places[j], places[i]];
    }
    return places;
  }

  function reveal(name, focused) {
    ["setup", "form", "outcome", "score"].forEach((part) => { at(part).hidden = !name.includes(part); });
    if (focused) at(focused).focus();
  }

  function ask() {
    const claim = order[place];
    at("place").textContent = `${place + 1} of ${order.length}, ${claim.id}`;
    at("statement").innerHTML = claim.querySelector(".claim-statement").innerHTML;
    at("form").reset();
    lock(false);
    showPercent();
    reveal(["form"], "statement");
  }

  function showPercent() {
    at("percent").textContent = `${at("confidence").value} %`;
  }

  function answer(event) {
    event.preventDefault();
    const claim = order[place];
    const chosen = at("form").elements.answer.value;
    const right = chosen === claim.dataset.verdict;
    const confidence = Number(at("confidence").value) / 100;
    judged.push({ right, confidence });
    const chip = claim.querySelector(".chip").cloneNode(true);
    const scores = `Brier score ${number(brier(judged.at(-1)))}, log score ${number(log(judged.at(-1)))}.`;
    at("result").replaceChildren(`${right ? "Right" : "Wrong"}: it is `, chip, ` ${scores}`);
    at("evidence").replaceChildren(claim.querySelector(".claim-body").cloneNode(true));
    at("next").textContent = place + 1 < order.length ? "Next claim" : "To the score";
    lock(true);
    reveal(["form", "outcome"], "result");
  }

  function lock(locked) { // an answer that is judged stays, and the quiz can still be stopped
    at("form").querySelectorAll("input, [type=submit]").forEach((each) => { each.disabled = locked; });
  }

  function next() {
    place += 1;
    if (place < order.length) ask();
    else finish();
  }

  const brier = ({ right, confidence }) => (confidence - Number(right)) ** 2;
  const log = ({ right, confidence }) => -Math.log(right ? confidence : 1 - confidence);
  const mean = (rule) => judged.reduce((sum, each) => sum + rule(each), 0) / judged.length;
  const number = (value) => (Number.isFinite(value) ? value.toFixed(3) : "infinite");

  function finish() {
    const rights = judged.filter((each) => each.right).length;
    const sure = judged.length ? `; you were ${(100 * mean((each) => each.confidence)).toFixed(0)} % sure on average` : "";
    at("right").textContent = `${rights} of ${judged.length} right${sure}.`;
    at("brier").textContent = judged.length ? number(mean(brier)) : "none";
    at("log").textContent = judged.length ? number(mean(log)) : "none";
    reveal(["setup", "score"], "score");
  }

  at("setup").addEventListener("submit", (event) => {
    event.preventDefault();
    const section = at("question").value;
    const asked = claims.filter((each) => !section || each.closest(".question-section").id === section);
    order = shuffled(asked, Number(at("seed").value));
    [place, judged] = [0, []];
    if (order.length) ask();
  });
  at("form").addEventListener("submit", answer);
  at("confidence").addEventListener("input", showPercent);
  at("stop").addEventListener("click", finish);
  at("next").addEventListener("click", next);
  reveal(["setup"]);
})();
