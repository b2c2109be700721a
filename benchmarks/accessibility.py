"""What axe-core finds on pages, in light and dark, at 1280 and 390 pixels, and in print.

    npm install axe-core
    python benchmarks/accessibility.py --axe node_modules/axe-core/axe.min.js page/index.html ...

Needs a Chromium. Beside axe's rules: no page may be wider than the window, weigh more than 1.5 MB
or have a link or button that the Tab key does not reach. Prints one line for each finding; exits 1
if one is serious or critical. ``--pictures FOLDER`` keeps a screenshot of every view.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent / "tests" / "helpers"))
from chromium import Tab, open_tab

VIEWS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
HEAVIEST = 1_500_000  # bytes
LONGEST = 12_000  # pixels of a screenshot
SERIOUS = ("serious", "critical")
# What the Tab key can reach, and is seen: its own order of zero or above.
UNREACHED = """
[...document.querySelectorAll('a[href], button, input, select, summary, [onclick]')]
  .filter(each => each.checkVisibility() && !each.disabled && each.tabIndex < 0)
  .map(each => each.outerHTML.slice(0, 120))
"""
AXE = """
axe.run(document, {resultTypes: ["violations"]}).then(found => JSON.stringify(found.violations))
"""


def findings(tab: Tab, page: Path, axe: str, pictures: Path | None) -> list[dict[str, Any]]:
    """Each finding with its impact, the view it was seen in, and the elements."""
    found = []
    for width, scheme in VIEWS:
        tab.look(width=width, scheme=scheme)
        tab.open(page)
        tab.run("localStorage.clear()")  # of a scheme that the page before has kept
        tab.open(page)
        tab.run(axe)
        view = f"{width} {scheme}"
        for each in json.loads(tab.run(AXE)):
            nodes = [node["html"][:120] for node in each["nodes"]]
            found.append(finding(each["impact"], view, f"{each['id']}: {each['help']}", nodes))
        wide = tab.run("document.documentElement.scrollWidth")
        if wide > width:
            found.append(finding("serious", view, f"{wide} pixels wide", []))
        if unreached := tab.run(UNREACHED):
            found.append(finding("serious", view, "not reached by the Tab key", unreached))
        if pictures is not None:
            height = min(tab.run("document.documentElement.scrollHeight"), LONGEST)
            name = f"{page.parent.name}-{page.stem}-{width}-{scheme}.png"
            tab.screenshot(pictures / name, x=0, y=0, width=width, height=height)
    tab.look(width=794, scheme="light", media="print")
    tab.open(page)
    if tab.run("document.documentElement.scrollWidth") > 794:
        found.append(finding("serious", "print", "wider than the paper", []))
    if (weight := page.stat().st_size) > HEAVIEST:
        found.append(finding("serious", "file", f"{weight:,} bytes", []))
    return found


def finding(impact: str, view: str, text: str, nodes: list[str]) -> dict[str, Any]:
    """One finding, as it is printed."""
    return {"impact": impact, "view": view, "text": text, "nodes": nodes}


def main() -> int:
    """Look at every page; 1 if one has a serious finding."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("pages", type=Path, nargs="+")
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js")
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    axe = options.axe.read_text(encoding="utf-8")
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    serious = 0
    with open_tab() as tab:
        for page in options.pages:
            found = findings(tab, page, axe, options.pictures)
            serious += sum(each["impact"] in SERIOUS for each in found)
            print(f"{page}: {len(found)} findings, {page.stat().st_size:,} bytes", flush=True)
            for each in found:
                nodes = "; ".join(each["nodes"][:3])
                print(f"  {each['impact']} ({each['view']}): {each['text']} {nodes}")
    return int(serious > 0)


if __name__ == "__main__":
    sys.exit(main())
