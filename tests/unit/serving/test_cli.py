"""The command line: exit codes, one plain line on stderr, nothing on stdout where something went wrong."""

import json
import subprocess
import sys
from importlib import resources

import pytest

from loadlens.serving.cli import main
from loadlens.serving.commands.grade import summary


@pytest.fixture
def run(capsys):
    """Run a command; returns its exit code, stdout and stderr."""

    def of(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return of


def test_standards_are_listed_and_shown(run):
    code, out, _ = run("standards", "list")
    assert code == 0
    assert "gbt-39733-2024" in out
    code, out, _ = run("standards", "show", "example-mill")
    assert code == 0
    for shown in (
        "重废1",
        "2800 CNY a tonne",
        "goes back above: 10 % (choice)",
        "lowered by 1: too many inclusions for the grade (impurity above 2 % (choice))",
        "a person looks by unknown_max: 15 % (choice)",
        "grades from best to least: 重废1, 重废2",
    ):
        assert shown in out


def test_a_standard_without_fault_passes_and_one_with_faults_is_refused_line_by_line(run, tmp_path):
    file = tmp_path / "mill.toml"
    file.write_text('schema = "loadlens.standard/1"\nid = 3\n', encoding="utf-8")
    code, out, err = run("standards", "check", file)
    assert code == 3
    assert "line 2: id" in out
    assert err.startswith(f"loadlens: {file}: ")


def test_the_example_that_a_mill_copies_has_no_fault(run, tmp_path):
    text = (resources.files("loadlens.grading") / "standards" / "example-mill.toml").read_text(encoding="utf-8")
    file = tmp_path / "our.toml"
    file.write_text(text, encoding="utf-8")
    assert run("standards", "check", file)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("nothing",), 2),
        (("grade",), 2),
        (("grade", "clip.mp4", "other.mp4"), 2),
        (("grade", "clip.mp4", "--gross", "3"), 2),
        (("grade", "clip.mp4", "--gross", "3", "--tare", "4"), 2),
        (("grade", "clip.mp4", "--gross", "three", "--tare", "1"), 2),
        (("grade", "clip.mp4", "--division", "20"), 2),
        (("grade", "clip.mp4", "--standard", "nobody"), 2),
        (("grade", "clip.mp4", "--standard", "nobody.toml"), 3),
        (("grade", "clip.mp4", "--bed", "1,2,3"), 2),
        (("standards", "show", "nobody"), 2),
        (("standards", "check", "nobody.toml"), 3),
        (("models", "verify", "nobody.onnx"), 3),
        (("classify", "nobody.jpg", "--model", "nobody.onnx"), 3),
        (("data", "card", "nobody"), 2),
        (("data", "verify", "soil", "nowhere"), 3),
        (("data", "render", "--out", "clip.avi"), 2),
        (("data", "render", "--out", "clip.mp4", "--size", "961x544"), 2),
    ],
)
def test_what_goes_wrong_is_one_plain_line_and_an_exit_code(run, arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, out, err = run(*arguments)
    assert (got, out) == (code, "")
    assert err.startswith("loadlens: ")
    assert len(err.splitlines()) == 1


def test_a_calibration_of_another_model_is_refused_before_anything_is_watched(run, tmp_path):
    taught = {
        "schema": "loadlens.calibration/1",
        "site": "north",
        "model": {"sha256": "0" * 64},
        "standard": {"layer_weight": "area_density"},
        "factor": {},
        "unseen": 0.0,
        "depth_trend": 0.0,
        "interval": {"level": 0.9, "unseen_sd": 0.01, "relative_sd": 0.5, "low_quantile": -1, "high_quantile": 1},
        "tickets": {"used": 50},
    }
    (tmp_path / "site.json").write_text(json.dumps(taught), encoding="utf-8")
    code, _, err = run("grade", tmp_path / "not-there.mp4", "--calibration", tmp_path / "site.json")
    assert code == 3
    assert "the calibration of north was fitted on what model 000000000000" in err


def test_what_a_train_weighs_is_told_to_the_last_kilogram():
    deduction = {"kg": 12340.5, "kg_low": 0.0, "kg_high": 1234560.0, "percent_of_net": 1.0}
    truck = {"hazards": [], "grade": "HRS", "deduction": deduction, "decision": "accept", "flags": []}
    told = summary({"truck": {**truck, "net_kg": 1234567.5, "settlement_kg": 1222227.0}}, None)
    assert "12340.5 kg (1.00 % of net, 0 kg to 1234560 kg)" in told
    assert "1222227 kg of 1234567.5 kg net" in told


def test_debug_shows_where_an_error_came_from_wherever_it_stands(run):
    for arguments in (("--debug", "standards", "show", "nobody"), ("standards", "show", "nobody", "--debug")):
        code, _, err = run(*arguments)
        assert code == 2
        assert "Traceback" in err
        assert err.splitlines()[-1].startswith("loadlens: no standard")


def test_a_folder_with_other_files_is_not_overwritten(run, tmp_path):
    (tmp_path / "thesis.txt").write_text("do not lose me", encoding="utf-8")
    code, _, err = run("grade", "clip.mp4", "--out", tmp_path)
    assert code == 2
    assert "no earlier report" in err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_training_without_torch_says_what_to_install():
    """In a process where torch cannot be imported, as on a yard's machine."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from loadlens.serving.cli import main; sys.exit(main(['train', 'starter', '--out', 'run']))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "loadlens: this needs the extra `training`: pip install 'loadlens[training]'\n"
