"""Labels over HTTP: a container and its label come into being together, are scanned, moved, reprinted and voided."""

import io
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import zxingcpp
from PIL import Image

from loadlens.serving.api import waste_balance_shapes, waste_label_shapes, waste_shapes

UNIT = "91130200699229617X"
PLANT = {"unit": UNIT, "name": "示例铝业有限公司", "contact": "张三", "phone": "0310-0000000"}


@pytest.fixture(scope="module")
def new_place():
    """Labels stand in the journal, whose tests run on every back end."""
    return dict


@pytest.fixture(scope="module")
def plant(make_server, model_file, tmp_path_factory):
    plants = json.dumps([PLANT | {"holds_permit": True}])
    settings = {"LOADLENS_PUBLIC_URL": "https://yard.example", "LOADLENS_PRODUCERS": plants}
    running = make_server(tmp_path_factory.mktemp("labels") / "data", model_file, settings)
    assert running.http.put("/v1/rooms/r1", json={"name": "铝灰库", "zones": {"A": {}}}).status_code == 200
    yield running
    running.stop()


def label(**changes):
    return {
        "unit": UNIT,
        "list": "hazardous-cn",
        "code": "321-024-48",
        "name": "铝灰渣",
        "grams": 412_500,
        "litres": 200,
        "place": "floor",
        "at": datetime.now(UTC).isoformat(),
        "produced_on": "2026-11-25",
        "state": "solid",
        "main_components": "氧化铝、金属铝",
        "harmful_components": "氮化铝",
        "hazards": ["R", "T"],
        "precautions": "防潮",
    } | changes


def made(plant, **changes):
    answer = plant.http.post("/v1/waste/labels", json=label(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


def scanned(plant, code):
    return plant.http.post("/v1/waste/scan", json={"code": code})


def moved(plant, code, place, at=None, id_=None):
    body = {"id": id_ or uuid.uuid4().hex, "code": code, "place": place, "at": (at or datetime.now(UTC)).isoformat()}
    return plant.http.post("/v1/waste/moves", json=body)


def read(png):
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("RGB"), formats=zxingcpp.BarcodeFormat.QRCode)
    return found.text


def test_a_container_comes_with_its_label_and_only_a_true_label_is_taken(plant):
    twice = [
        plant.http.post("/v1/waste/labels", json=label(at="2026-11-25T08:00:00Z"), headers={"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in twice] == [201, 201]
    assert twice[0].json() == twice[1].json()
    first, second = twice[0].json()["identity"], made(plant)["identity"]
    assert (first[-3:], second[-3:]) == ("001", "002")
    waste_label_shapes.LabelShown.model_validate(twice[0].json())

    code = read(plant.http.get(f"/v1/waste/containers/{first}/label.png").content)
    assert code.startswith(f"https://yard.example/w/{first}?")
    told = scanned(plant, code).json()
    waste_label_shapes.ScannedShown.model_validate(told)
    assert (told["signed"], told["labelled_grams"], told["grams"]) == (True, 412_500, {"floor": 412_500})
    wide = first.translate({ord(one): ord(one) + 0xFEE0 for one in first})
    for typed in (first, first.lower(), wide):
        assert (scanned(plant, typed).json()["identity"], scanned(plant, typed).json()["signed"]) == (first, False)
    for forged in (code.replace("m=412500", "m=1"), code.replace(first, second), code[:-4] + "AAAA"):
        refused = scanned(plant, forged)
        assert refused.status_code == 422
        assert "forged or was altered" in refused.json()["detail"]
    assert "check character" in scanned(plant, first.replace(UNIT, UNIT[:-1] + "1")).json()["detail"]

    # A label outlives the key that signed it.
    plant.run("rotate-key")
    assert scanned(plant, code).json()["signed"] is True
    opened = plant.http_with(None).get(code.removeprefix("https://yard.example"), follow_redirects=False)
    assert opened.headers["location"].startswith("/console/waste/scan?code=%2Fw%2F")


def test_what_was_scanned_without_a_network_is_entered_once_and_never_behind_what_came_later(plant):
    other, identity = (made(plant)["identity"] for _ in range(2))
    while_away, id_ = datetime.now(UTC), uuid.uuid4().hex
    for status in ("accepted", "known"):
        done = moved(plant, identity, "room:r1/A", id_=id_)
        assert done.json()[status] == [id_], done.text
    for container, place in ((other, "room:r1/A"), (identity, "room:r1")):
        taken = moved(plant, container, place, id_=id_)
        assert taken.status_code == 409, taken.text
        assert "known with other contents" in taken.json()["detail"]
    assert "already" in moved(plant, identity, "room:r1/A").json()["detail"]
    late = moved(plant, identity, "room:r1", at=while_away - timedelta(seconds=1))
    assert late.status_code == 409
    assert "after this" in late.json()["detail"]
    assert "no zone" in moved(plant, identity, "room:r1/B").json()["detail"]
    history = plant.http.get(f"/v1/waste/containers/{identity}").json()
    waste_shapes.ContainerShown.model_validate(history)
    assert [entry["stage"] for entry in history["history"]] == ["produced", "stored"]
    newest = plant.http.get("/v1/waste/entries", params={"order": "newest", "limit": 1}).json()
    assert [entry["id"] for entry in newest["entries"]] == [id_]
    before = plant.http.get("/v1/waste/entries", params={"order": "newest", "limit": 1, "after": newest["next"]}).json()
    assert before["entries"][0]["stage"] == "produced"
    page = plant.http.get("/v1/waste/standing", params={"place": "room:r1"}).json()
    waste_shapes.StandingPage.model_validate(page)
    assert [row["container"] for row in page["standing"]] == [identity]


def test_a_part_of_a_container_gets_a_label_of_its_own(plant):
    drum = made(plant, grams=400_000)["identity"]
    part = {"grams": 150_000, "filled_from": {drum: 150_000}}
    bag = made(plant, **part)["identity"]
    holds = {one: plant.http.get(f"/v1/waste/containers/{one}").json() for one in (drum, bag)}
    assert [told["grams"] for told in holds.values()] == [{"floor": 250_000}, {"floor": 150_000}]
    assert holds[bag]["history"] == holds[drum]["history"][1:]
    assert scanned(plant, read(plant.http.get(f"/v1/waste/containers/{bag}/label.png").content)).json()["signed"]
    for wrong, status, says in (
        (part | {"grams": 150_001}, 422, "adds up to 150000 g"),
        (part | {"place": "room:r1"}, 409, "holds 0 g at room:r1"),
        ({"grams": 250_001, "filled_from": {drum: 250_001}}, 409, "holds 250000 g"),
    ):
        refused = plant.http.post("/v1/waste/labels", json=label(**wrong))
        assert (refused.status_code, says in refused.text) == (status, True), refused.text
    assert plant.http.get("/v1/waste/entries").json()["waiting"] == []


def test_every_day_counts_its_own_labels(plant):
    lining = {"code": "321-023-48", "name": "大修渣", "hazards": ["T"]}
    days = ("2026-10-20", "2026-10-20", "2026-10-21", "2026-10-19", "2026-10-21", "2026-10-01")
    serials = [made(plant, **lining, produced_on=day)["identity"][-3:] for day in days]
    assert serials == ["001", "002", "001", "001", "002", "001"]


def test_reprints_have_their_reason_and_a_void_label_is_refused(plant):
    identity = made(plant)["identity"]
    place = f"/v1/waste/containers/{identity}/label"
    pdf = plant.http.post(f"{place}/prints", json={"kind": "pdf"})
    assert pdf.content.startswith(b"%PDF")
    assert plant.http.post(f"{place}/prints", json={"kind": "zpl"}).status_code == 422
    assert plant.http.post(f"{place}/prints", json={"kind": "zpl", "reason": "torn"}).content.startswith(b"^XA")
    assert plant.http.post(f"{place}/void", json={"reason": "wrong waste"}).status_code == 200
    shown = plant.http.get(place).json()
    waste_label_shapes.LabelShown.model_validate(shown)
    assert [(one["kind"], one["reason"]) for one in shown["prints"]] == [("pdf", ""), ("zpl", "torn")]
    assert "wrong waste" in scanned(plant, identity).json()["detail"]
    assert plant.http.post(f"{place}/prints", json={"kind": "pdf", "reason": "again"}).status_code == 409


def test_a_label_of_a_plant_that_the_settings_no_longer_name_is_shown_and_can_be_declared_void(
    make_server, model_file, tmp_path
):
    settings = {"LOADLENS_PUBLIC_URL": "https://yard.example", "LOADLENS_PRODUCERS": json.dumps([PLANT])}
    running = make_server(tmp_path / "data", model_file, settings)
    identity = made(running)["identity"]
    running.stop()
    del running.environment["LOADLENS_PRODUCERS"]
    running.start()
    try:
        place = f"/v1/waste/containers/{identity}/label"
        assert running.http.get(place).json()["text"]["name"] == "铝灰渣"
        refused = running.http.post(f"{place}/prints", json={"kind": "pdf"})
        assert (refused.status_code, UNIT in refused.json()["detail"]) == (422, True)
        assert running.http.post(f"{place}/void", json={"reason": "sold"}).json()["void"]["reason"] == "sold"
    finally:
        running.stop()


def test_a_label_that_would_say_something_wrong_leaves_nothing_behind(plant):
    before = plant.http.get("/v1/waste/entries").json()
    waste_shapes.EntryPage.model_validate(before)
    for change, why in (
        ({"hazards": ["In"]}, "is listed with"),
        ({"state": None}, "state is missing"),
        ({"unit": "911302006992296171"}, "check character"),
        ({"unit": "91110000100000000A"}, "91110000100000000A"),
        ({"place": "room:nowhere"}, "nowhere"),
        ({"name": "铝灰渣" * 60}, "does not fit"),
        ({"remark": "🛢 drum"}, "🛢 (U+1F6E2)"),
    ):
        refused = plant.http.post("/v1/waste/labels", json=label(**change))
        assert refused.status_code in (404, 422)
        assert why in refused.json()["detail"]
    assert plant.http.get("/v1/waste/entries").json() == before


def test_waste_that_is_not_hazardous_has_a_plain_label_and_the_next_one_knows_what_the_last_one_said(plant):
    plain = {"list": "eu-low", "code": "15 01 01", "name": "Cardboard", "state": None, "hazards": []}
    shown = made(plant, **plain, remark="dry")
    code = read(plant.http.get(f"/v1/waste/containers/{shown['identity']}/label.png").content)
    assert scanned(plant, code).json()["signed"] is True
    query = {"list": "eu-low", "code": "15 01 01"}
    newest = plant.http.get("/v1/waste/labels/newest", params=query).json()
    waste_label_shapes.NewestLabel.model_validate(newest)
    assert newest["text"]["remark"] == "dry"
    wrong = made(plant, **plain, remark="typed wrong")["identity"]
    assert plant.http.get("/v1/waste/labels/newest", params=query).json()["text"]["remark"] == "typed wrong"
    plant.http.post(f"/v1/waste/containers/{wrong}/label/void", json={"reason": "typed wrong"})
    assert plant.http.get("/v1/waste/labels/newest", params=query).json() == newest
    assert plant.http.get("/v1/waste/labels/newest", params=query | {"code": "20 01 01"}).json() == {"text": None}


def test_a_plant_that_holds_a_permit_by_the_settings_reports_every_month(plant):
    made(plant)
    (calendar,) = plant.http.get("/v1/waste/calendar", params={"year": 2026, "offset": "+08:00"}).json()["plants"]
    waste_balance_shapes.PlantCalendar.model_validate(calendar)
    assert calendar["holds_permit"]
    assert calendar["produced_grams"]["2026"] < 100_000_000  # which of itself makes nobody a key producer
    assert (calendar["class"], len(calendar["due"])) == ("key", 14)


def test_the_other_answers_are_what_their_shapes_say(plant):
    made(plant, place="room:r1")
    whole = plant.http.get("/v1/waste/codes", params={"q": "15 01 10*", "list": "eu-low"}).json()["codes"]
    assert [one["code"] for one in whole] == ["15 01 10*"]
    for path, shape in {
        "/v1/waste/codes?q=铝灰": waste_shapes.CodesFound,
        "/v1/waste/stock": waste_shapes.StockShown,
        "/v1/waste/producers": waste_label_shapes.ProducerList,
        "/v1/waste/classes": waste_label_shapes.WasteClassList,
        "/v1/rooms": waste_shapes.RoomList,
        "/v1/rooms/r1": waste_shapes.RoomShown,
        "/v1/waste/manifests": waste_shapes.ManifestList,
    }.items():
        answer = plant.http.get(path)
        assert answer.status_code == 200, answer.text
        shape.model_validate(answer.json())
