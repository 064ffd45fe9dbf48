"""A crane scale weighs every grab, and a standard weighs the layers by it."""

import math
import uuid
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest


class Lane:
    """A lane with a camera and a crane scale, and the load "on-NAME" on it, seen to its end."""

    def __init__(self, server, name, shots, clock_off_s=0):
        self.http, self.name, self.load = server.http, name, f"on-{name}"
        assert self.http.put(f"/v1/lanes/{name}", json={}).status_code == 200
        assert self.http.post("/v1/loads", json={"id": self.load, "lane": name}).status_code == 201
        self.began = datetime.now(UTC) - timedelta(seconds=40)
        for shot in shots:
            since = datetime.fromisoformat(shot.captured_at) - datetime.fromisoformat(shots[0].captured_at)
            off = timedelta(seconds=clock_off_s)
            headers = {"Captured-At": str(self.began + since + off), "Sent-At": str(datetime.now(UTC) + off)}
            place = f"/v1/lanes/{name}/frames/north/{shot.seq}"
            assert self.http.put(place, content=shot.jpeg, headers=headers).json()["load"] == self.load

    def grab(self, kg, at_s, **more):
        at = (self.began + timedelta(seconds=at_s)).isoformat()
        reading = {"id": str(uuid.uuid4()), "device": "crane", "kind": "grab_mass", "at": at, "kg": kg, "raw": ""}
        assert self.http.post(f"/v1/lanes/{self.name}/readings", json=reading | more).status_code == 201

    def closed(self):
        return self.http.post(f"/v1/loads/{self.load}/close", params={"wait": "true"}).json()

    def report(self):
        return self.http.get(f"/v1/loads/{self.load}/assessment").json()


@pytest.fixture
def server(serve, tmp_path):
    """A server whose standard weighs layers by the masses of grabs."""
    shipped = (resources.files("loadlens.grading") / "standards" / "example-mill.toml").read_text(encoding="utf-8")
    mill = shipped.replace('id = "example-mill"', 'id = "crane-mill"').replace('"area_density"', '"grab_mass"')
    (tmp_path / "crane-mill.toml").write_text(mill, encoding="utf-8")
    return serve(standard=tmp_path / "crane-mill.toml")


def flags(report):
    return {flag["code"]: flag["why"] for flag in report["truck"]["flags"]}


def weights(report):
    return [layer["weight"] for layer in report["layers"]]


def test_layers_are_weighed_by_their_grabs_whenever_their_masses_become_known(server, shots):
    late = Lane(server, "1", shots)
    report = late.closed()
    by_area, ends = weights(report), [layer["end_s"] for layer in report["layers"]]
    number, masses = len(ends), [1000 * (index + 1) for index in range(len(ends))]
    by_mass = pytest.approx([kg / math.fsum(masses) for kg in masses], abs=1e-5)
    assert number > 1
    assert f"{number} of {number} layers have no grab mass" in flags(report)["grab_mass_missing"]

    for end_s, kg in list(zip(ends, masses, strict=True))[1:]:
        late.grab(kg, end_s + 0.2)
    late.grab(77, ends[0] + 0.2, stable=False)  # it still swung
    assert weights(late.report()) == by_area
    assert f"1 of {number} layers have no grab mass" in flags(late.report())["grab_mass_missing"]
    late.grab(masses[0], ends[0] + 0.2)
    assert weights(late.report()) == by_mass
    assert f"{sum(masses)} kg in all" in flags(late.report())["weighed_by_grabs"]
    assert not flags(late.report()).keys() & {"grab_mass_missing", "grab_mass_unplaced"}

    early = Lane(server, "2", shots)
    for end_s, kg in zip(ends, masses, strict=True):
        early.grab(kg, end_s + 0.2)
    early.grab(55, ends[0] / 2)
    report = early.closed()
    assert weights(report) == by_mass
    assert "1 of 3 masses of grabs (55 kg) count for no layer" in flags(report)["grab_mass_unplaced"]
    # What a correction would lead to is shown with these masses, to the last figure.
    correct = {"decision": "correct", "reason": "weighed", "correction": {"water_percent": 1}}
    place = f"/v1/loads/{early.load}/reviews"
    shown = server.http.post(f"{place}/preview", json=correct).json()["after"]["report"]
    assert weights(shown) == by_mass
    assert server.http.post(place, json=correct).status_code == 201
    assert early.report() == shown
    # What becomes known once it is settled changes no ticket, and a person is told.
    load = f"/v1/loads/{early.load}"
    for kind, kg in (("gross", 49000), ("tare", 16000)):
        assert server.http.put(f"{load}/weights/{kind}", json={"kg": kg}).status_code == 201
    assert server.http.post(place, json={"decision": "accept", "reason": "weighed"}).status_code == 201
    settled = server.http.post(f"{load}/settle", json={"priced": False})
    assert settled.status_code == 201, settled.text
    ticket = server.http.get(f"{load}/ticket.json").text
    early.grab(33, ends[0] + 0.3, stable=False)
    early.grab(66, ends[0] + 0.3)
    late_ones = [flag for flag in server.http.get(load).json()["flags"] if flag["code"] == "grab_after_settlement"]
    assert [flag["why"].split(" became")[0] for flag in late_ones] == ["a grab of 66 kg"]
    assert server.http.get(f"{load}/ticket.json").text == ticket
    # Whose clock is wrong cannot say which surface lay open when a grab was weighed.
    off = Lane(server, "3", shots, clock_off_s=3600)
    off.grab(1000, 40)
    report = off.closed()
    assert "1 of 1 masses of grabs (1000 kg) count for no layer: the clock" in flags(report)["grab_mass_unplaced"]
    assert f"{number} of {number} layers have no grab mass" in flags(report)["grab_mass_missing"]
    server.run("verify")  # computes every one of these assessments again
