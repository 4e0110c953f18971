"""The floors of the package: a file imports its own floor or lower ones, and only the top does I/O."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mockllm

ROOT = Path(mockllm.__file__).parent
FLOORS = (
    "timeline",
    "faults",
    "matchers",
    "cassettes",
    "scripts",
    "wires",
    "shapes",
    "profile",
    "engine",
    "server",
    "record",
    "proxy",
    "drill",
)
"""From ground to top; what stands in no folder is the roof."""
IMPURE = {
    "aiohttp",
    "asyncio",
    "concurrent",
    "multiprocessing",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "uvloop",
}
"""What nothing below the server imports."""

PROGRAMS = ROOT / "drill" / "clients"
"""Programs that run in other environments: they import nothing of the package, nor it them."""
FILES = sorted(file for file in ROOT.rglob("*.py") if file.parent != PROGRAMS)
NAMES = [".".join(("mockllm", *file.relative_to(ROOT).with_suffix("").parts)) for file in FILES]
MODULES = [name.removesuffix(".__init__") for name in NAMES]


def floor_of(module: str) -> int:
    """The floor of a module; the roof is above all floors."""
    parts = module.split(".")
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else len(FLOORS)


def imports(file: Path) -> Iterator[tuple[str, str]]:
    """Everything that a file imports, wherever in it: module and name."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_every_folder_is_a_floor() -> None:
    """A folder with code has its place among the floors."""
    folders = {file.relative_to(ROOT).parts[0] for file in FILES if file.parent != ROOT}
    assert folders <= set(FLOORS)


@pytest.mark.parametrize("file", FILES, ids=MODULES)
def test_imports_go_down(file: Path) -> None:
    """A file imports its own floor or lower ones, also for type checkers alone."""
    own = floor_of(".".join(("mockllm", *file.relative_to(ROOT).parts)))
    upward = [
        f"{module}.{name}"
        for module, name in imports(file)
        if module.split(".")[0] == "mockllm"
        and (module, name) != ("mockllm", "__version__")
        # `from mockllm import faults` names the floor in what is imported
        and floor_of(f"{module}.{name}") > own
    ]
    assert upward == []


BELOW = [
    (name, file) for name, file in zip(MODULES, FILES, strict=True) if floor_of(name) < FLOORS.index("server")
]  # fmt: skip


@pytest.mark.parametrize("file", [file for _, file in BELOW], ids=[name for name, _ in BELOW])
def test_nothing_below_the_server_touches_the_world(file: Path) -> None:
    """Below the server there is no loop, socket, clock, thread or dice that all share."""
    found = [
        f"{module} {name}".rstrip()
        for module, name in imports(file)
        if module.split(".")[0] in IMPURE
        or (module == "random" and name != "Random")
        or (module == "datetime")
    ]
    assert found == []


def test_the_programs_stand_alone() -> None:
    """What runs where mockllm is not installed needs nothing of it."""
    files = sorted(PROGRAMS.glob("*.py"))
    assert files
    found = [module for file in files for module, _ in imports(file)]
    assert [module for module in found if module.split(".")[0] == "mockllm"] == []


def at_import(file: Path) -> Iterator[tuple[str, str]]:
    """What a file imports when it is imported: not in functions, nor for type checkers alone."""
    todo: list[ast.AST] = [ast.parse(file.read_text("utf-8"))]
    while todo:
        node = todo.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
                todo += orelse
                continue
            case ast.Import(names=names):
                yield from ((alias.name, "") for alias in names)
            case ast.ImportFrom(module=module, names=names):
                yield from ((module or "", alias.name) for alias in names)
        todo += ast.iter_child_nodes(node)


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Each module can be the first that is imported: no cycle hides behind an order."""
    known = set(MODULES)
    graph = {
        module: {
            name
            for base, part in at_import(file)
            for name in (f"{base}.{part}", base)
            if name in known and name not in (module, "mockllm")
        }
        for module, file in zip(MODULES, FILES, strict=True)
    }
    assert any(graph.values())
    TopologicalSorter(graph).prepare()  # raises CycleError with the cycle


@pytest.mark.parametrize("module", ["mockllm", "mockllm.entry", "mockllm.remote"])
def test_a_quick_start_imports_no_server(module: str) -> None:
    """What runs every few seconds in a container, or in every test run, does not pay for aiohttp."""
    code = f"import sys, {module}; print([m for m in ('aiohttp', 'pydantic', 'faker') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
