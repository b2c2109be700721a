// The choice of a set-up, unfolding for print, and the current place in the navigation.

(() => {
  document.querySelectorAll(".chosen").forEach((group) => {
    const figures = [...group.querySelectorAll("figure")];
    const inputs = [...group.querySelectorAll("input")];
    const show = (choice) => figures.forEach((figure) => { figure.hidden = figure.dataset.choice !== choice; });
    inputs.forEach((input) => input.addEventListener("change", () => show(input.value)));
    group.querySelector("fieldset").hidden = false;
    show(inputs.find((input) => input.checked).value);
  });

  // A table that is wider than its column can be scrolled with the keyboard.
  document.querySelectorAll(".table-frame").forEach((frame) => {
    if (frame.scrollWidth <= frame.clientWidth) return;
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", frame.querySelector("caption").textContent);
  });

  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((entry) => { entry.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((entry) => { entry.open = false; }));

  const links = [...document.querySelectorAll(".links a")];
  const watcher = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => {
      links.forEach((link) => {
        const current = link.getAttribute("href") === `#${target.id}`;
        link.toggleAttribute("aria-current", current);
        const row = link.parentElement;
        if (current) row.scrollLeft = link.offsetLeft - row.offsetLeft - row.clientWidth / 3;
      });
    });
  }, { rootMargin: "-20% 0px -75% 0px" });
  document.querySelectorAll("main > section").forEach((section) => watcher.observe(section));
})();
