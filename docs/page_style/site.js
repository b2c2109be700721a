// What scrolls sideways can be scrolled with the keyboard.
document$.subscribe(() => requestAnimationFrame(() => {
  document.querySelectorAll(".md-typeset__scrollwrap, .md-typeset pre > code").forEach((each) => {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
  });
  document.querySelectorAll(".md-code__nav").forEach((each, index) => {
    each.setAttribute("aria-label", `Code ${index + 1}`);
  });
}));
