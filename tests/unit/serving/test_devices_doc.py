"""docs/devices.md says what is so: its examples are accepted, and it names every protocol and every kind."""

import re
import tomllib
from pathlib import Path

import pytest

from loadlens.serving.alarms.settings import MqttSettings
from loadlens.serving.ingest.weighbridge.indication import Reject
from loadlens.serving.ingest.weighbridge.protocols import PROTOCOLS
from loadlens.serving.ingest.weighbridge.register_map import RegisterMap
from loadlens.serving.ingest.weighbridge.topics import KINDS, read_payload

DOC = (Path(__file__).resolve().parents[3] / "docs/devices.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^`yard/3/[\w-]+/(\w+)`.*?```json\n(.*?)\n```", DOC, re.MULTILINE | re.DOTALL)


def test_every_kind_has_an_example():
    assert {kind for kind, _ in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize(("kind", "payload"), EXAMPLES)
def test_an_example_is_accepted(kind, payload):
    assert not isinstance(read_payload(kind, payload.encode()), Reject)


def test_the_table_of_protocols_is_right():
    rows = re.findall(r"^\| `([\w-]+)` \| (yes|no).*?\| (\d+) \|$", DOC, re.MULTILINE)
    assert rows == [
        (name, "yes" if protocol.tells_unit else "no", str(protocol.repeats)) for name, protocol in PROTOCOLS.items()
    ]


def test_the_register_map_is_accepted():
    (text,) = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
    assert RegisterMap.model_validate(tomllib.loads(text)).span == (10, 4)


def test_the_broker_of_the_settings_is_accepted():
    (text,) = re.findall(r"`(mqtt = \{.*?\})`", DOC)
    assert MqttSettings.model_validate(tomllib.loads(text)["mqtt"]).node == "gate"
