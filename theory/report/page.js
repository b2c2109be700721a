// The page's own behaviour: filter by verdict, unfold what a link points at, unfold all for print.

(() => {
  const claims = [...document.querySelectorAll("details.claim")];
  const squares = [...document.querySelectorAll(".square")];
  const status = document.querySelector(".filter-status");

  function show(verdict) {
    const shown = (node) => verdict === "all" || node.dataset.verdict === verdict;
    claims.forEach((claim) => { claim.hidden = !shown(claim); });
    squares.forEach((square) => square.classList.toggle("dimmed", !shown(square)));
    document.querySelectorAll(".question-section").forEach((section) => {
      const left = section.querySelector("details.claim:not([hidden])");
      section.querySelector(".none").hidden = left !== null;
    });
    status.textContent = `${claims.filter(shown).length} of ${claims.length} claims shown`;
  }

  function unfoldTarget() {
    const claim = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!claim || !claim.matches("details.claim")) return;
    if (claim.hidden) choose("all");
    claim.open = true;
    claim.scrollIntoView();
  }

  function choose(verdict) {
    document.querySelector(`.filter input[value="${verdict}"]`).checked = true;
    show(verdict);
  }

  document.querySelectorAll(".filter input").forEach((input) => {
    input.addEventListener("change", () => show(input.value));
  });
  window.addEventListener("hashchange", unfoldTarget);
  document.querySelectorAll('a[href^="#Q"], a[href^="#B"]').forEach((link) => {
    link.addEventListener("click", () => setTimeout(unfoldTarget)); // also on a second click
  });

  // A handout is one question on one page, its claims folded. Its classes matter in print only and
  // stay until the reader does something else: browsers differ in when and how often they say
  // afterprint.
  let folded = [];
  function hand(section) {
    document.querySelectorAll(".handed").forEach((each) => each.classList.remove("handed"));
    document.body.classList.toggle("handout", section !== null);
    if (section) section.classList.add("handed");
  }
  window.addEventListener("beforeprint", () => {
    if (document.body.classList.contains("handout")) return;
    folded = claims.filter((claim) => !claim.open);
    folded.forEach((claim) => { claim.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((claim) => { claim.open = false; });
    folded = [];
  });
  ["pointerdown", "keydown"].forEach((name) => window.addEventListener(name, () => hand(null), true));
  document.querySelectorAll(".handout-button").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      hand(button.closest("section"));
      window.print();
    });
  });

  const links = [...document.querySelectorAll(".links a")];
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      links.forEach((link) => {
        const current = link.getAttribute("href") === `#${target.id}`;
        link.toggleAttribute("aria-current", current);
        const row = link.parentElement; // scrolled by hand: scrollIntoView would move the page
        if (current) row.scrollLeft = link.offsetLeft - row.offsetLeft - row.clientWidth / 3;
      });
    });
  }, { rootMargin: "-20% 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach((section) => watcher.observe(section));

  choose(document.querySelector(".filter input:checked").value); // a reload keeps the choice
  unfoldTarget();
})();
