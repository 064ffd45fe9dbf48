"""The wheel holds every file of the source tree, and the pinned serving install holds no torch."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ROOTS = ("vision", "datasets", "training", "serving")


def tracked_package_files() -> set[str]:
    """Files git tracks below the source roots, as they are named inside the wheel."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--", *(f"{root}/loadlens" for root in ROOTS)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name.split("/", 1)[1] for name in listing.split("\0") if name}


def built_console_files() -> set[str]:
    """What `make web` has built, which git does not track, as it is named inside the wheel."""
    root = PROJECT / "serving"
    files = (root / "loadlens/serving/console").rglob("*")
    return {str(file.relative_to(root)) for file in files if file.is_file()}


def test_the_wheel_holds_exactly_the_tree(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "uv",
            "build",
            "--wheel",
            "--no-build-isolation",
            "--python",
            sys.executable,
            "--offline",
            "--quiet",
            "--out-dir",
            str(tmp_path),
            str(PROJECT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
    tracked = tracked_package_files()
    assert tracked, "git tracks no package file"
    expected = tracked | built_console_files()
    assert expected - packed == set(), "in the tree, missing from the wheel"
    assert {name for name in packed - expected if "__pycache__" not in name} == set(), "in the wheel, not in the tree"


def test_the_serving_install_has_no_training_libraries() -> None:
    lock = (PROJECT / "requirements/serving.lock").read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE))
    assert "onnxruntime" in names
    assert names.isdisjoint({"torch", "torchvision", "onnx", "onnxscript", "scikit-learn", "triton"})
    assert not any(name.startswith("nvidia-") for name in names)


def test_the_serving_lock_agrees_with_the_developers_lock() -> None:
    """What a yard runs is what was tested."""
    pins = {}
    for lock in ("serving", "dev"):
        text = (PROJECT / f"requirements/{lock}.lock").read_text(encoding="utf-8")
        pins[lock] = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))
    assert {name: version for name, version in pins["serving"].items() if pins["dev"].get(name) != version} == {}
