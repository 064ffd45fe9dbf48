"""What lies ready to run the service with is held against the service: variables, options, units, the table."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loadlens.serving.cli import main
from loadlens.serving.settings import PREFIX, read_settings

PROJECT = Path(__file__).resolve().parents[3]
UNITS = sorted((PROJECT / "deploy/systemd").glob("*.service"))


def without_choices(text: str) -> str:
    """Compose's ${NAME:?why} filled in."""
    return re.sub(r"\$\{(\w+):\?[^}]*\}", r"given-\1", text)


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(without_choices((PROJECT / "compose.yaml").read_text(encoding="utf-8")))


def test_every_variable_of_compose_is_a_setting(compose, monkeypatch):
    environment = compose["services"]["loadlens"]["environment"]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    ours = {name for name in environment if name.startswith(PREFIX)}
    assert ours
    for name in ours:
        assert settings.model_fields_set >= {name.removeprefix(PREFIX).lower()}
    assert settings.mqtt.host in compose["services"]
    assert settings.mqtt.password.get_secret_value() == "given-MQTT_PASSWORD"
    assert settings.database.split("@")[1].split("/")[0] in compose["services"]


def test_compose_gives_the_server_time_to_stop(compose):
    grace = int(compose["services"]["loadlens"]["stop_grace_period"].removesuffix("s"))
    assert grace > 2 * read_settings().stop_within_s


def test_compose_names_only_what_there_is(compose):
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (PROJECT / source).exists(), volume
        for secret in service.get("secrets", ()):
            assert secret in compose["secrets"]
    for secret in compose["secrets"].values():
        ignored = subprocess.run(["git", "check-ignore", "--quiet", secret["file"]], cwd=PROJECT, check=False)
        assert ignored.returncode == 0, f"{secret['file']} could be committed"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_what_systemd_understands(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    program = tmp_path / "loadlens"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit.name.replace("@", "@3")
    copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/loadlens/bin/loadlens", str(program)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in done.stderr.splitlines() if copy.name in line]
    assert complaints == [], done.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_runs_a_command_with_options_that_there_are(unit):
    (line,) = re.findall(r"^ExecStart=\S+ (.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    command = line.split()[0]
    told = subprocess.run(
        [sys.executable, "-m", "loadlens.serving.cli", command, "--help"], capture_output=True, text=True, check=True
    )
    for option in re.findall(r"--[\w-]+", line):
        assert option in told.stdout, option


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_sets_only_what_is_a_setting(unit, monkeypatch):
    for name, value in re.findall(r"^Environment=(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
        monkeypatch.setenv(name, value)
    read_settings()


def test_the_table_of_settings_is_that_of_the_program(capsys):
    assert main(["settings", "--table"]) == 0
    table = capsys.readouterr().out.strip()
    readme = (PROJECT / "serving/README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- settings -->\n(.*?)\n?<!-- end of settings -->", readme, re.DOTALL)
    assert shown == table, "put the output of `loadlens settings --table` into serving/README.md"


def test_the_figures_of_the_readme_are_counted():
    readme = (PROJECT / "serving/README.md").read_text(encoding="utf-8")
    source = (PROJECT / "serving/loadlens/serving/metrics.py").read_text(encoding="utf-8")
    named = set(re.findall(r"`(loadlens_\w+?)(?:_total)?(?:\{\S+\})?`", readme))
    assert len(named) >= 10
    assert {name for name in named if json.dumps(name) not in source} == set()
