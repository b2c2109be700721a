"""Mutated sources with the mutants to be judged alone, in place of all that mutmut made.

A file with every mutant of its functions is many times as long as the program's, and what reads
sources (the command line does, to find options) takes as much longer. The original of every
function stays, behind its trampoline: so what calls it can be traced whatever is judged.
"""

import json
import re
import shutil
from collections import defaultdict
from collections.abc import Container, Iterable
from pathlib import Path

# A line such as mutants_x_f__mutmut['x_f__mutmut_3'] = x_f__mutmut_3
ENTRY = re.compile(r"mutants_\w+\['(\w+__mutmut_\d+)'\] = ")


def write_chosen(everything: Path, chosen: Iterable[str], folder: Path) -> None:
    """Copy the tree ``everything`` to ``folder``, with no mutants but ``chosen`` in its sources."""
    shutil.rmtree(folder, ignore_errors=True)
    leave = shutil.ignore_patterns(folder.name, "*.spans", "*.meta", "__pycache__")
    shutil.copytree(everything, folder, ignore=leave)
    names: dict[str, set[str]] = defaultdict(set)
    for module, _, name in (each.rpartition(".") for each in chosen):
        names[module].add(name)
    for spans in everything.rglob("*.py.spans"):
        source = spans.with_suffix("").relative_to(everything)
        module = ".".join(source.with_suffix("").parts)
        places = json.loads(spans.read_text(encoding="utf-8"))["spans"]
        text = (everything / source).read_text(encoding="utf-8")
        (folder / source).write_text(without_others(text, places, names[module]), encoding="utf-8")


def without_others(text: str, places: dict[str, list[int]], chosen: Container[str]) -> str:
    """``text`` without the mutants that are not ``chosen``.

    Args:
        text: a source as mutmut writes it.
        places: function -> its first and last line, from 1.
        chosen: the mutants to keep; the originals stay too.
    """
    dropped: set[int] = set()
    for name, (first, last) in places.items():
        if not name.endswith("__mutmut_orig") and name not in chosen:
            dropped.update(range(first, last + 1))
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = ENTRY.match(line)
        if number not in dropped and (entry is None or entry[1] in chosen):
            kept.append(line)
    return "\n".join(kept)
