"""The rooms of the house: which module may import which, and how big a room may be."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from layers import LAYERS

SOURCE = Path(__file__).parents[2] / "src" / "glan"
TESTS = Path(__file__).parents[1]


def modules() -> Iterator[Path]:
    yield from sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "glan" else [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "glan" and len(parts) > 1 and not parts[1].startswith("__"):
                yield parts[1], node.lineno


def place_of(room: str) -> tuple[int, int]:
    for depth, layer in enumerate(LAYERS):
        for i, rooms in enumerate(layer):
            if room in rooms:
                return depth, i
    pytest.fail(f"The room {room!r} is in no layer; say where it belongs.")


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    """A module imports only from layers below its own, or from its own room."""
    room = room_of(path)
    if room == "__init__":
        return
    depth, aside = place_of(room)
    for other, line in imported_rooms(path):
        if other == room:
            continue
        other_depth, other_aside = place_of(other)
        assert other_depth > depth or (other_depth, other_aside) == (depth, aside), f"{path}:{line} imports {other}"


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_stay_small(path: Path) -> None:
    """No module has more than 400 lines, and no function more than 50."""
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, f"{path}:{node.lineno} {node.name}"


def test_no_two_files_of_tests_share_a_name() -> None:
    """Files of tests are imported by their bare names, and of two with one name one could not be."""
    names = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, files in names.items() if files > 1] == []


def test_no_import_cycles_between_rooms() -> None:
    """No room imports, directly or through others, a room that imports it."""
    edges: dict[str, set[str]] = {}
    for path in modules():
        if room_of(path) != "__init__":
            edges.setdefault(room_of(path), set()).update(room for room, _ in imported_rooms(path))
    done: set[str] = set()

    def visit(room: str, way: tuple[str, ...]) -> None:
        assert room not in way, f"a cycle: {' -> '.join((*way, room))}"
        if room not in done:
            for other in sorted(edges.get(room, set()) - {room}):
                visit(other, (*way, room))
            done.add(room)

    for room in sorted(edges):
        visit(room, ())
