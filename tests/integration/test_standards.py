"""A manager's own standard: checked, compared with the past, activated from a moment on, and never dated back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from loadlens.grading.standard import read_standard
from loadlens.serving.jpeg import encode_jpeg


def own(name, version, **prices):
    """The example's file as a site's own; prices by grade."""
    text = read_standard("example-mill").decode().replace('id = "example-mill"', f'id = "{name}"')
    text = text.replace('version = "1"', f'version = "{version}"', 1)
    for grade, price in prices.items():
        head, mark, tail = text.partition(f'code = "{grade}"')
        before, key, after = tail.partition("price_per_tonne = ")
        text = head + mark + before + key + str(price) + after[after.index("\n") :]
    return text


@pytest.fixture
def name(server):
    return f"mill-{next(server.numbers)}"


def save(http, text):
    answer = http.post("/v1/standards", json={"text": text})
    assert answer.status_code == 201, answer.text
    return answer.json()


def activate(http, **asked):
    return http.post("/v1/standards/activations", json={"reason": "contract of the year"} | asked)


def with_a_board(shot):
    """The same shot, with something green on the load: wood, to the model that sees by colour."""
    picture = cv2.imdecode(np.frombuffer(shot.jpeg, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    cv2.rectangle(picture, (width // 2, height // 2), (width // 2 + 64, height // 2 + 64), (0, 250, 0), -1)
    return replace(shot, jpeg=encode_jpeg(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), 90))


def graded(server, shots, **particulars):
    """A load that is weighed and graded; its id."""
    place = server.open_load(**particulars)
    for shot in shots[:6]:
        server.put(shot)
    for kind, kg in (("gross", 48960), ("tare", 16420)):
        assert server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20}).status_code in (200, 201)
    assert server.close().status_code == 200
    return server.load


def test_faults_are_told_by_line_and_a_file_without_one_says_what_it_holds(server, name):
    text = own(name, "1")
    broken = text.replace('tolerance = "excess_only"', 'tolerance = "some"')
    [fault] = server.http.post("/v1/standards/check", json={"text": broken}).json()["faults"]
    assert "tolerance" in broken.splitlines()[fault["line"] - 1]
    assert server.http.post("/v1/standards", json={"text": broken}).status_code == 422
    said = server.http.post("/v1/standards/check", json={"text": text}).json()
    assert said["faults"] == []
    assert (said["file"]["id"], said["file"]["currency"]) == (name, "CNY")
    priced = {"text": text, "version": "2", "prices": {"重废1": "2999.5"}}
    changed = server.http.post("/v1/standards/prices", json=priced).json()["text"]
    prices = server.http.post("/v1/standards/check", json={"text": changed}).json()["file"]["prices"]
    assert {one["code"]: one["price_per_tonne"] for one in prices}["重废1"] == "2999.5"


def test_an_old_load_keeps_its_standard_and_a_new_one_takes_the_new(server, shots, name):
    first = save(server.http, own(name, "1"))
    assert server.http.post("/v1/loads", json={"standard": name}).status_code == 422  # nobody has activated it
    assert activate(server.http, standard=name, sha256=first["sha256"]).status_code == 201
    dirty = [with_a_board(shot) for shot in shots[:6]]
    old = graded(server, dirty, standard=name)
    limit = "inclusion_limit_percent = { value = 0.5"
    stricter = own(name, "2").replace('layer_weight = "area_density"', 'layer_weight = "area"')
    assert limit in stricter
    stricter = stricter.replace('tolerance = "excess_only"', 'tolerance = "deduct_all"')

    # What it would change is what it does change.
    asked = {"text": stricter, "instead_of": name}
    said = server.http.post("/v1/standards/comparison", json=asked).json()
    assert said["compared"] == 1
    [change] = said["changed"]
    assert change["load"] == old
    second = save(server.http, stricter)
    assert activate(server.http, standard=name, sha256=second["sha256"]).status_code == 201
    new = graded(server, dirty, standard=name)

    def truck(load):
        report = server.http.get(f"/v1/loads/{load}/assessment").json()
        return report["truck"]["deduction"], report["versions"]["standard"]

    assert truck(new)[0]["percent_of_net"] == change["after"]["deduction_percent"]
    assert truck(new)[1]["sha256"] == second["sha256"]
    server.http.put(f"/v1/loads/{old}/weights/tare", json={"kg": 16400, "division": 20})
    deduction, standard = truck(old)
    assert (standard["version"], standard["sha256"]) == ("1", first["sha256"])
    assert deduction["percent_of_net"] == pytest.approx(change["before"]["deduction_percent"])

    records = server.http_as("auditor").get("/v1/journal", params={"subject": f"standard:{name}"}).json()["records"]
    assert [one["kind"] for one in records] == 2 * ["standard.saved", "standard.activated"]
    assert "as it was recorded" in server.run("verify")


def test_an_activation_waits_for_its_moment_and_is_never_dated_back(server, name):
    edition = save(server.http, own(name, "1"))
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    asked = {"standard": name, "sha256": edition["sha256"]}
    refused = activate(server.http, **asked, since=past)
    assert refused.status_code == 422
    assert "old loads keep their standard" in refused.json()["detail"]
    assert activate(server.http, **asked, since="9999-12-31T23:59:59-12:00").status_code == 422
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert activate(server.http, **asked, since=future).status_code == 201
    listed = server.http.get("/v1/standards").json()
    assert name not in {one["id"] for one in listed["standards"]}

    before = listed["default"]
    assert activate(server.http, **asked, is_default=True).status_code == 201
    assert server.http.get("/v1/standards").json()["default"] == name
    opened = server.http.post("/v1/loads", json={}).json()
    assert opened["standard"] == name
    assert activate(server.http, standard=before, is_default=True).status_code == 201
    assert server.http.get("/v1/standards").json()["default"] == before


def test_names_and_versions_stay_what_they_are(server, name):
    save(server.http, own(name, "1"))
    assert save(server.http, own(name, "1"))["standard"] == name  # the same file again
    other = server.http.post("/v1/standards", json={"text": own(name, "1", 重废1=1)})
    assert other.status_code == 409
    assert "raise the version" in other.json()["detail"]
    shipped = read_standard("example-mill").decode().replace("2800", "2801")
    assert server.http.post("/v1/standards", json={"text": shipped}).status_code == 409
    assert activate(server.http, standard="no such", reason="x").status_code == 404


def test_a_key_follows_another_and_a_lane_is_on_the_record(server):
    admin = server.http_as("admin")
    old = admin.post("/v1/keys", json={"name": "mast", "role": "camera", "lane": None}).json()
    new = admin.post("/v1/keys", json={"name": "mast", "role": "camera", "replaces": old["id"]})
    assert new.status_code == 201
    assert admin.post("/v1/keys", json={"name": "m", "role": "camera", "replaces": "none"}).status_code == 422
    lane = f"lane-{next(server.numbers)}"
    for _ in range(2):
        assert admin.put(f"/v1/lanes/{lane}", json={"gross_above_kg": 20000}).status_code == 200

    def recorded(subject):
        answer = server.http_as("auditor").get("/v1/journal", params={"subject": subject})
        return [(one["kind"], one["body"]) for one in answer.json()["records"]]

    assert [kind for kind, _ in recorded(f"lane:{lane}")] == ["lane.set"]
    [(_, made)] = recorded(f"key:{new.json()['id']}")
    assert made["replaces"] == old["id"]


def test_a_load_whose_standard_is_gone_can_still_be_stopped(serve, shots, tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(own("ours", "1"), encoding="utf-8")
    server = serve(standard=file)
    load = graded(server, [with_a_board(shot) for shot in shots[:6]], standard="ours")
    server.stop()
    del server.environment["LOADLENS_STANDARD"]
    server.start()
    place = f"/v1/loads/{load}/reviews"
    soiled = {"decision": "correct", "reason": "soil", "correction": {"contaminants_kg": {"soil": "10"}}}
    refused = server.http.post(place, json=soiled)
    assert (refused.status_code, "no longer has the standard" in refused.json()["detail"]) == (409, True)
    stopped = server.http.post(place, json={"decision": "stop", "reason": "a cylinder lies in it"})
    assert stopped.status_code == 201, stopped.text
    assert [one["decision"] for one in server.http.get(place).json()["reviews"]] == ["stop"]
