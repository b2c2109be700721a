"""Who may import whom, read from the source; nothing here is imported."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("lightning_cifar", "theory", "benchmarks", "tests")

# Which rooms (folders of the training wing, and the modules beside them) each room may use. It is
# drawn in docs/architecture.md. Within a room modules may import one another, never in a circle.
MAY_USE = {
    "errors": (),
    "files": (),
    "seeds": (),
    "networks": (),
    "standardise": ("networks",),
    "native": ("files",),
    "optim": ("native",),
    "data": ("errors", "files", "seeds"),
    "runs": ("errors", "files", "native"),
    "backprop": ("data", "errors", "native", "optim", "standardise"),
    "classifiers": (
        *("backprop", "data", "errors", "networks", "optim", "runs", "seeds", "standardise"),
    ),
    "stack": ("backprop", "classifiers", "data", "errors", "optim", "runs"),
    "rate_search": (
        *("backprop", "classifiers", "data", "errors", "files", "optim", "runs", "stack"),
    ),
    "training": ("backprop", "classifiers", "data", "errors", "rate_search", "runs"),
    "uncertainty": ("backprop", "classifiers", "data", "errors", "files", "runs", "seeds"),
    "cli": (
        "backprop",
        "classifiers",
        "data",
        "errors",
        "rate_search",
        "runs",
        "training",
        "uncertainty",
    ),
    "study": (
        *("classifiers", "cli", "data", "errors", "files", "rate_search", "runs", "stack"),
        *("training", "uncertainty"),
    ),
    "__main__": ("cli", "errors", "native", "runs", "study", "training"),
}
# Imports inside functions, and why each is there: they keep the start of a command fast, or name
# what only some machines have.
LATE_IMPORTS = {
    "__init__": "the package imports nothing until a name is asked for",
    "__main__": "help and messages come before torch is loaded",
    "cli.commands": "a wrong run folder is refused before torch is loaded",
    "study.command": "a wrong plan is refused before torch is loaded",
    "cli.data_command": "a wrong option is refused before torch is loaded",
    "data.augmentation": "torchvision, only for those who augment",
    "data.form_parquet": "pyarrow is an extra",
    "files": "fcntl is not on every system",
    "rate_search.results": "matplotlib, only after a search",
    "runs.folders": "fcntl is not on every system",
    "training.confusion": "matplotlib, only after a test",
    "study.run_study": "Ray is an extra",
    "study.ray_engine": "Ray is an extra",
    "study.report.command": "a wrong option is refused before matplotlib is loaded",
}
# The one place where the wings meet (decision 12): reports of both take their look from here.
REPORT, PAGE_STYLE = "lightning_cifar.study.report", "theory.page_style"


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported_by(source):
    """Full names of what a module's source imports, anywhere in it.

    What stands under ``if TYPE_CHECKING`` is read by type checkers and imported by nobody.
    """
    names = set()
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if not is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide what is imported"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_for_type_checkers(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def sources(package, root=ROOT):
    """Name → source of every module of a package."""
    return {
        module_name(path, root): path.read_text(encoding="utf-8")
        for path in sorted((root / package).rglob("*.py"))
    }


def graph(modules):
    """Name → names of the modules among ``modules`` that it imports."""
    return {
        name: {target for each in imported_by(source) if (target := resolve(each, modules))}
        for name, source in modules.items()
    }


def resolve(imported, modules):
    """The module that an import names: ``a.b.c`` may be the module a.b.c or a name in a.b."""
    parent = imported.rpartition(".")[0]
    if imported in modules:
        return imported
    return parent if parent in modules else None


def room_of(name):
    return name.split(".")[1]


def assert_one_way(modules, may_use=MAY_USE):
    """Every import stays in its room or goes where the table allows; none goes in a circle."""
    edges = graph(modules)
    used = set()
    for name, targets in edges.items():
        if name.count(".") == 0:
            assert not targets, f"{name}/__init__.py imports {targets}"
            continue
        room = room_of(name)
        assert room in may_use, f"{name} is in no room of the table: give it one"
        for target in targets:
            if target.count(".") == 0:  # users' names; inside they would hide who needs whom
                assert name.endswith(".__main__"), f"{name} imports from the package {target}"
            elif room_of(target) != room:
                assert room_of(target) in may_use[room], f"{name} imports {target}"
                used.add((room, room_of(target)))
    allowed = {(room, target) for room, targets in may_use.items() for target in targets}
    assert used == allowed, f"the table allows what nobody needs: {sorted(allowed - used)}"
    assert_no_circle(edges)
    assert_no_circle({room: set(targets) for room, targets in may_use.items()})


def assert_no_circle(edges):
    left = {name: set(targets) for name, targets in edges.items()}
    while left:
        free = {name for name, targets in left.items() if not targets & left.keys()}
        assert free, f"imports in a circle: {sorted(left)}"
        for name in free:
            del left[name]


def assert_apart(package, modules):
    """Nothing of ours outside the package is imported, but for the look of a page by a report."""
    for name, source in modules.items():
        others = {each for each in imported_by(source) if each.split(".")[0] in OURS}
        foreign = {each for each in others if each.split(".")[0] != package}
        if f"{name}.".startswith(f"{REPORT}."):
            foreign = {each for each in foreign if not each.startswith(f"{PAGE_STYLE}.")}
        assert not foreign, f"{name} imports {foreign}"


def test_imports_of_the_training_wing_run_one_way():
    assert_one_way(sources("lightning_cifar"))


def table_drawn():
    """The table of imports as docs/architecture.md draws it."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = page.partition("<!-- table of imports -->")[2].partition("<!-- end of table -->")[0]
    cells = [row.split("|")[1:3] for row in rows.splitlines() if row.startswith("| `")]
    return {
        room.strip(" `"): tuple(filter(None, map(str.strip, used.split(","))))
        for room, used in cells
    }


def test_the_page_draws_the_table():
    assert table_drawn() == {room: tuple(sorted(used)) for room, used in MAY_USE.items()}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("networks", "from lightning_cifar.classifiers import EluClassifier"),
        ("networks", "import lightning_cifar.cli.command"),
        ("classifiers", "from lightning_cifar.training import best_weights"),
        ("runs.records", "from lightning_cifar.classifiers import EluClassifier"),
        ("optim.schedules", "from lightning_cifar.errors import InputError"),
        ("data.split", "def f():\n    from lightning_cifar.data.datamodule import stock"),
        ("data.images", "from lightning_cifar.data.copies import count_copies"),
        ("cli", "from lightning_cifar import SeluClassifier"),
        ("", "from lightning_cifar.networks import elu_network"),
        ("new_room", ""),
    ],
)
def test_control_a_stray_import_is_rejected(name, line):
    modules = sources("lightning_cifar")
    name = f"lightning_cifar.{name}".rstrip(".")
    modules[name] = modules.get(name, "from lightning_cifar.errors import InputError") + "\n" + line
    with pytest.raises(AssertionError):
        assert_one_way(modules)


def late_imports(modules):
    """Modules in which a function imports something."""
    found = set()
    for name, source in modules.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and imported_by(ast.unparse(node)):
                found.add(name.partition(".")[2] or "__init__")
    return found


def test_imports_inside_functions_stand_in_the_list():
    assert late_imports(sources("lightning_cifar")) == set(LATE_IMPORTS)


def test_control_a_late_import_is_noticed():
    assert late_imports({"a.b": "def f():\n    if x:\n        import torch"}) == {"b"}
    assert late_imports({"a.b": "import torch\n\ndef f():\n    pass"}) == set()


def rooms_at_the_top():
    return [path.name for path in (ROOT / "lightning_cifar").glob("*.py")]


def test_at_most_eight_modules_stand_beside_the_rooms():
    assert len(rooms_at_the_top()) <= 8, rooms_at_the_top()


def test_control_a_relative_import_is_rejected():
    with pytest.raises(AssertionError, match="relative"):
        imported_by("from . import classifiers")


@pytest.mark.parametrize("package", ["lightning_cifar", "theory"])
def test_wings_import_neither_each_other_nor_benchmarks_nor_tests(package):
    assert_apart(package, sources(package))


@pytest.mark.parametrize("package", ["lightning_cifar", "theory"])
@pytest.mark.parametrize("other", OURS)
def test_control_an_import_across_wings_is_rejected(package, other):
    if other == package:
        assert_apart(package, {"module": f"import {other}.claim"})
        return
    for line in (f"import {other}", f"from {other}.claim import Claim", f"from {other} import x"):
        with pytest.raises(AssertionError):
            assert_apart(package, sources(package) | {"stray": line})


def test_page_style_imports_nothing_else_of_ours():
    modules = sources("theory")
    assert_style_is_neutral(modules)
    stray = modules[f"{PAGE_STYLE}.markup"] + "\nfrom theory.claim import Claim"
    with pytest.raises(AssertionError):
        assert_style_is_neutral(modules | {f"{PAGE_STYLE}.markup": stray})


def assert_style_is_neutral(modules):
    style = {name: source for name, source in modules.items() if name.startswith(PAGE_STYLE)}
    assert len(style) > 1
    for name, source in style.items():
        ours = {each for each in imported_by(source) if each.split(".")[0] in OURS}
        assert all(each.startswith(f"{PAGE_STYLE}.") for each in ours), f"{name} imports {ours}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (f"{REPORT}.page", "from theory.ledger import CLAIMS"),
        (f"{REPORT}.page", "from theory.report.page import render_page"),
        (f"{REPORT}.page", "from theory.page_styles import x"),
        (f"{REPORT}s", "from theory.page_style.markup import text"),
        ("lightning_cifar.study.records", "from theory.page_style.markup import text"),
        ("lightning_cifar.networks", "from theory.page_style.markup import text"),
    ],
)
def test_control_only_the_report_may_take_the_style_and_nothing_else(name, line):
    assert_apart("lightning_cifar", {f"{REPORT}.page": f"from {PAGE_STYLE}.markup import text"})
    with pytest.raises(AssertionError):
        assert_apart("lightning_cifar", {name: line})


@pytest.mark.parametrize("package", ["lightning_cifar", "theory"])
def test_packages_import_nothing_by_themselves(package):
    """At most the standard library's own; tests/test_public_names.py shows it on a process."""
    for path in (ROOT / package).rglob("__init__.py"):
        names = imported_by(path.read_text(encoding="utf-8"))
        assert {name.split(".")[0] for name in names} <= {"typing", "importlib"}, path


def test_control_a_package_that_imports_is_noticed():
    for line in ("import torch", "if True:\n    import torch", "def f():\n    import torch"):
        assert imported_by(line) == {"torch"}
    assert imported_by("if TYPE_CHECKING:\n    import torch") == set()


def test_networks_need_no_lightning():
    """A student reads them first: torch and the standard library are enough."""
    names = imported_by((ROOT / "lightning_cifar" / "networks.py").read_text(encoding="utf-8"))
    assert {name.split(".")[0] for name in names} <= {"collections", "itertools", "math", "torch"}


def test_report_of_a_study_loads_no_torch():
    """It is rebuilt from files; seconds of loading would buy nothing."""
    modules = sources("lightning_cifar")
    assert heavy_reached("lightning_cifar.study.report.command", modules) == set()
    assert heavy_reached("lightning_cifar.uncertainty.evaluation", modules) >= {"torch"}


def heavy_reached(name, modules):
    """What is slow to load among all that a module imports, however far away."""
    edges, waiting, seen = graph(modules), [name], set()
    while waiting:
        seen.add(current := waiting.pop())
        waiting += edges[current] - seen
    names = {each.split(".")[0] for one in seen for each in imported_by(modules[one])}
    return names & {"torch", "torchvision", "torchmetrics", "lightning"}


def test_command_can_report_a_library_that_does_not_load():
    """Nothing above ``main`` needs torch or Lightning; what does is imported where it is caught."""
    tree = ast.parse((ROOT / "lightning_cifar" / "__main__.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name for node in top for name in imported_by(ast.unparse(node))}
    ours = {f"lightning_cifar.errors.{name}" for name in ("InputError", "Interrupted", "failure")}
    assert names == {"contextlib.suppress", "gc", "os", "sys", *ours}
