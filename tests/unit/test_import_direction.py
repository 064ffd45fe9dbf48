"""Imports point one way: grading <- vision <- datasets <- training, and serving never sees training or torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOTS = {
    "grading": PROJECT / "vision/loadlens/grading",
    "vision": PROJECT / "vision/loadlens/vision",
    "datasets": PROJECT / "datasets/loadlens/datasets",
    "training": PROJECT / "training/loadlens/training",
    "waste": PROJECT / "serving/loadlens/waste",
    "serving": PROJECT / "serving/loadlens/serving",
}
MAY_IMPORT = {
    "grading": {"grading"},
    "vision": {"vision", "grading"},
    "datasets": {"datasets", "vision", "grading"},
    "training": {"training", "datasets", "vision", "grading"},
    "waste": {"waste", "datasets", "vision", "grading"},
    "serving": {"serving", "waste", "datasets", "vision", "grading"},
}
HEAVY = {"torch", "torchvision", "onnx", "onnxscript", "sklearn"}
WEB_OR_DATABASE = {"fastapi", "starlette", "uvicorn", "httpx2", "sqlalchemy", "alembic", "typer"}


def imported_modules(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by full name"
            assert node.module is not None
            names.add(node.module)
            if node.module == "loadlens":
                names.update(f"loadlens.{alias.name}" for alias in node.names)
    return names


def imports_of(room: str) -> list[tuple[Path, str]]:
    files = sorted(ROOTS[room].rglob("*.py"))
    assert files, f"{ROOTS[room]} holds no module"
    return [(path, name) for path in files for name in imported_modules(path)]


@pytest.mark.parametrize("room", ROOTS)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    wrong = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path, name in imports_of(room)
        if name.startswith("loadlens.") and name.split(".")[1] not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_grading_needs_the_standard_library_alone() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path, name in imports_of("grading")
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("loadlens.grading")
    ]
    assert wrong == []


@pytest.mark.parametrize("room", ["vision", "datasets", "waste", "serving"])
def test_only_training_knows_the_heavy_libraries(room: str) -> None:
    assert [(path.name, name) for path, name in imports_of(room) if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize("room", ["vision", "datasets", "training", "waste"])
def test_only_serving_knows_the_web_and_the_database(room: str) -> None:
    assert [(path.name, name) for path, name in imports_of(room) if name.split(".")[0] in WEB_OR_DATABASE] == []


def test_no_room_answers_to_its_bare_name() -> None:
    """`import datasets` or `import vision` must never find ours; another distribution owns such a name."""
    code = "import importlib.util as u, sys; sys.exit(any(u.find_spec(n) for n in ('datasets','vision','serving')))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=PROJECT, check=False)
    assert done.returncode == 0


def test_the_command_line_starts_without_torch_or_a_model_runtime() -> None:
    code = (
        "import sys, loadlens.serving.cli; "
        "print([m for m in ('torch', 'onnxruntime', 'cv2', 'sqlalchemy', 'loadlens.training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    sizes = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for root in ROOTS.values()
        for path in root.rglob("*.py")
    }
    assert {str(path.relative_to(PROJECT)): lines for path, lines in sizes.items() if lines > 400} == {}
