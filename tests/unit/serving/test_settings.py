"""Settings come from options, the environment and a file, in that order; what is no setting is refused."""

import json
import re

import pytest

from loadlens.serving.cli import main
from loadlens.serving.errors import RefusedError, WrongUseError
from loadlens.serving.settings import Settings, read_settings


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A settings file with port, host and log level; the environment and an option know better of two of them."""
    file = tmp_path / "site.toml"
    file.write_text('port = 1001\nhost = "10.0.0.1"\nlog_level = "error"\n')
    monkeypatch.setenv("LOADLENS_HOST", "10.0.0.2")
    monkeypatch.setenv("LOADLENS_LOG_LEVEL", "debug")
    return file


def test_an_option_wins_over_the_environment_and_that_over_the_file(site):
    settings = read_settings(site, log_level="warning", data=None)
    assert (settings.port, settings.host, settings.log_level) == (1001, "10.0.0.2", "warning")
    assert settings.data == Settings.model_fields["data"].default


def test_the_file_may_be_named_by_the_environment(site, monkeypatch):
    monkeypatch.setenv("LOADLENS_SETTINGS", str(site))
    assert read_settings().port == 1001


def test_every_setting_is_shown_with_its_origin(site, capsys):
    assert main(["settings", "--settings", str(site)]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(shown) == set(Settings.model_fields)
    assert shown["port"].split() == ["1001", str(site)]
    assert shown["host"].split() == ["10.0.0.2", "LOADLENS_HOST"]
    assert shown["max_body_bytes"].split() == ["16777216", "default"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1\n", "no setting prot; did you mean port?"),
        ("[server]\nport = 1\n", "no setting server"),
        ("port = 70000\n", "less than or equal to 65535"),
        ('port = "many"\n', "valid integer"),
        ('time_zone = "Asia/Nowhere"\n', "invalid timezone"),
        ("unclosed_after_h = 1e9\n", "less than or equal to 876000"),
        ("dispute_answer_days = inf\n", "less than or equal to 36500"),
        ("session_hours = 1000000000\n", "less than or equal to 876000"),
        ("port =\n", "cannot be read as TOML"),
        ("\x00", "cannot be read as TOML"),
    ],
)
def test_a_faulty_file_is_refused_with_its_name(tmp_path, text, told):
    file = tmp_path / "site.toml"
    file.write_text(text)
    with pytest.raises(RefusedError) as refused:
        read_settings(file)
    assert str(file) in str(refused.value)
    assert told in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="no such settings file"):
        read_settings(tmp_path / "none.toml")


def test_a_misspelt_variable_is_refused_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("LOADLENS_MIN_FREE_BITES", "1")
    with pytest.raises(WrongUseError, match="LOADLENS_MIN_FREE_BITES; did you mean LOADLENS_MIN_FREE_BYTES"):
        read_settings()


def test_what_is_secret_in_an_address_is_not_shown(monkeypatch, capsys):
    """Many receivers of webhooks know their senders by the path or the query alone."""
    secret = "whsec_" + "c2VjcmV0" * 6
    hooks = [
        {"name": name, "secret": secret, "url": url}
        for name, url in (
            ("chat", "https://chat.example:8443/services/path-secret/B2"),
            ("bot", "https://bot.example/?token=query-secret"),
            ("erp", "https://ann:word-secret@erp.example"),
            ("plain", "https://plain.example/"),
        )
    ]
    monkeypatch.setenv("LOADLENS_WEBHOOKS", json.dumps(hooks))
    monkeypatch.setenv("LOADLENS_MQTT", json.dumps({"host": "gate", "username": "ann", "password": "broker-secret"}))
    monkeypatch.setenv("LOADLENS_DATABASE", "postgresql://ann:p@ss-secret@db/x?sslpassword=key-secret&sslmode=require")
    assert main(["settings"]) == 0
    shown = capsys.readouterr().out
    assert re.findall(r"\w+-secret|c2VjcmV0", shown) == []
    for part in ("https://chat.example:8443/********", "https://bot.example/********", "https://********@erp.example/"):
        assert part in shown
    assert "'https://plain.example/'" in shown
    assert "postgresql://ann:********@db/x?sslpassword=********&sslmode=require" in shown


def test_an_impossible_value_names_the_variable(monkeypatch, capsys):
    monkeypatch.setenv("LOADLENS_PORT", "-1")
    assert main(["settings"]) == 2
    assert "LOADLENS_PORT" in capsys.readouterr().err


def test_the_key_of_a_machine_is_no_setting_of_the_server(monkeypatch):
    monkeypatch.setenv("LOADLENS_KEY", "secret")
    read_settings()


def test_every_setting_explains_itself():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
