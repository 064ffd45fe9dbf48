"""From a graded load to its ticket: people decide, money moves only on both weights, and nothing is edited."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from loadlens.serving.sentences import told


@pytest.fixture
def load(server, shots):
    """A load that was seen, stopped for its hazard and not weighed yet."""
    place = server.open_load(standard="example-mill", supplier="Zhang & Sons", plate="京A·12345")
    for shot in shots[:24]:
        server.put(shot)
    server.close()
    return place


def post(server, place, body, status=201, **headers):
    answer = server.http.post(place, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def weigh(server, place, **kinds):
    for kind, kg in kinds.items():
        assert server.http.put(f"{place}/weights/{kind}", json={"kg": kg, "division": 20}).status_code == 201


def events(server, place):
    return [step["event"] for step in server.http.get(f"{place}/transitions").json()["transitions"]]


def test_a_flagged_load_is_settled_only_after_review_and_both_weights(server, load):
    refused = post(server, f"{load}/settle", {}, 409)
    assert "flagged" in refused["detail"]
    weigh(server, load, gross=48960, tare=16420)
    assert server.http.get(load).json()["status"] == "flagged"
    after = post(
        server, f"{load}/reviews", {"decision": "accept", "reason": "a fire extinguisher, empty and sawn open"}
    )
    assert after["status"] == "emptied"
    settled = post(server, f"{load}/settle", {"adjustments": [{"amount": "-12.50", "reason": "weighing fee"}]})
    assert settled["status"] == "settled"
    assert events(server, load) == ["arrive", "unload", "close", "flag", "review", "weigh_tare", "settle"]

    ticket = server.http.get(f"{load}/ticket.json").json()
    report = server.http.get(f"{load}/assessment").json()
    assert ticket["schema"] == "loadlens.ticket/1"
    assert ticket["load"]["supplier"] == "Zhang & Sons"
    assert (ticket["gross_kg"], ticket["tare_kg"], ticket["net_kg"]) == ("48960", "16420", "32540")
    assert Decimal(ticket["settlement_kg"]) == Decimal(ticket["net_kg"]) - Decimal(ticket["deduction"]["kg"])
    assert sum(Decimal(cause["kg"]) for cause in ticket["deduction"]["by_cause"]) == Decimal(ticket["deduction"]["kg"])
    assert float(ticket["settlement_kg"]) == report["truck"]["settlement_kg"]
    money = ticket["money"]
    paid = Decimal(ticket["settlement_kg"]) / 1000 * Decimal(money["price_per_tonne"]) - Decimal("12.50")
    assert Decimal(money["amount"]) == paid.quantize(Decimal("0.01"))
    assert ticket["reviews"][0]["reason"].startswith("a fire extinguisher")
    assert post(server, f"{load}/settle", {}, 409)
    assert server.http.put(f"{load}/weights/tare", json={"kg": 1}).status_code == 409
    assert server.http.put(f"{load}/weights/tare", json={"kg": 16420, "division": 20}).status_code == 200


def test_a_correction_makes_the_next_version_by_the_same_rules(server, load):
    weigh(server, load, gross=48960, tare=16420)
    before = server.http.get(f"{load}/assessment")
    correction = {
        "contaminants_kg": {"wood": 300},
        "items": [{"what": "gas cylinder", "kg": "12.5"}],
        "water_percent": 2,
        "oil_percent": "0.5",
    }
    body = {"decision": "correct", "reason": "weighed what was picked", "correction": correction}
    post(server, f"{load}/reviews", body)
    after = server.http.get(f"{load}/assessment")
    assert int(after.headers["Assessment-Version"]) == int(before.headers["Assessment-Version"]) + 1
    truck = after.json()["truck"]
    assert truck["contaminants"]["wood"]["kg"] == truck["contaminants"]["wood"]["kg_high"] == 300
    causes = {name: cause["kg"] for name, cause in truck["deduction"]["by_cause"].items()}
    assert causes["picked_items"] == 12.5
    assert causes["water"] == pytest.approx(0.02 * 32540)
    assert causes["oil"] == pytest.approx(0.005 * 32540)
    assert after.json()["layers"] == before.json()["layers"]
    assert "contaminants_judged" in {flag["code"] for flag in truck["flags"]}
    # A weight that comes later keeps the correction, and what a person has seen needs no second look.
    weigh(server, load, tare=16400)
    assert server.http.get(load).json()["status"] == "emptied"
    later = server.http.get(f"{load}/assessment").json()["truck"]
    assert later["deduction"]["by_cause"]["picked_items"]["kg"] == 12.5
    reviews = server.http.get(f"{load}/reviews").json()["reviews"]
    assert [review["decision"] for review in reviews] == ["correct"]
    assert reviews[0]["correction"]["items"] == [{"what": "gas cylinder", "kg": "12.5"}]


def test_a_preview_says_to_the_gram_what_the_review_then_records(server, load):
    correction = {"contaminants_kg": {"wood": "123.4"}, "residue_kg": 61, "water_percent": "1.25"}
    correct = {"decision": "correct", "reason": "weighed what was picked", "correction": correction}
    unweighed = post(server, f"{load}/reviews/preview", correct, 200)["after"]
    assert "no weights" in unweighed["no_money"]
    weigh(server, load, gross=48960, tare=16420)
    known, head = server.http.get(f"{load}/assessment"), server.http.get("/v1/journal/head").json()["seq"]

    shown = post(server, f"{load}/reviews/preview", correct, 200)
    assert shown["before"]["report"] == known.json()
    assert shown["before"]["version"] == int(known.headers["Assessment-Version"])
    assert shown["after"]["report"]["truck"] != known.json()["truck"]
    accepted = post(server, f"{load}/reviews/preview", {"decision": "accept", "reason": "seen"}, 200)
    assert accepted["after"] == accepted["before"] == shown["before"]
    stopped = post(server, f"{load}/reviews/preview", {"decision": "stop", "reason": "a cylinder"}, 200)
    assert (stopped["after"]["money"], stopped["after"]["report"]) == (None, known.json())
    assert server.http.get("/v1/journal/head").json()["seq"] == head  # nothing was recorded

    post(server, f"{load}/reviews", correct)
    after = server.http.get(f"{load}/assessment")
    assert shown["after"]["report"] == after.json()
    assert shown["after"]["version"] == int(after.headers["Assessment-Version"])
    post(server, f"{load}/settle", {})
    assert server.http.get(f"{load}/ticket.json").json()["money"] == shown["after"]["money"]
    assert post(server, f"{load}/reviews/preview", correct, 409)  # it is settled


def test_a_load_that_a_person_has_stopped_is_not_settled(server, load):
    weigh(server, load, gross=48960, tare=16420)
    post(server, f"{load}/reviews", {"decision": "stop", "reason": "a closed gas cylinder"})
    assert "was stopped by" in post(server, f"{load}/settle", {}, 409)["detail"]
    post(server, f"{load}/reviews", {"decision": "accept", "reason": "the cylinder was taken out"})
    assert post(server, f"{load}/settle", {})["status"] == "settled"


def test_a_settled_load_that_is_reopened_gets_a_second_ticket_and_keeps_the_first(server, load):
    weigh(server, load, gross=48960, tare=16420)
    accept = {"decision": "accept", "reason": "seen"}
    post(server, f"{load}/reviews", accept)
    post(server, f"{load}/settle", {})
    first = server.http.get(f"{load}/ticket.json").content
    assert post(server, f"{load}/reopen", {"reason": "the supplier objects"}, 200)["status"] == "unloading"
    server.http.post(f"{load}/close", params={"wait": "true"})
    assert server.http.get(load).json()["status"] == "flagged"
    weigh(server, load, tare=16500)
    post(server, f"{load}/reviews", accept)
    post(server, f"{load}/settle", {"priced": False})
    assert server.http.get(f"{load}/ticket.json", params={"number": 1}).content == first
    second = server.http.get(f"{load}/ticket.json").json()
    assert (second["number"], second["tare_kg"], second["money"]) == (2, "16500", None)
    assert server.http.get(f"{load}/ticket.json", params={"number": 3}).status_code == 404


def test_what_was_declared_is_corrected_until_the_load_is_settled_and_nothing_of_it_is_lost(server, load):
    weigh(server, load, gross=48960, tare=16420)
    post(server, f"{load}/reviews", {"decision": "accept", "reason": "seen"})
    seen = server.http.get(load)
    assert seen.json()["status"] == "emptied"

    def amend(status=200, etag="*", **body):
        answer = server.http.patch(load, json={"reason": "misheard at the gate", **body}, headers={"If-Match": etag})
        assert answer.status_code == status, answer.text
        return answer.json()

    after = amend(etag=seen.headers["ETag"], plate="沪B·99999", supplier=None)
    assert (after["plate"], after["supplier"], after["status"]) == ("沪B·99999", None, "emptied")
    amend(412, seen.headers["ETag"], plate="x")
    step = server.http.get(f"{load}/transitions").json()["transitions"][-1]
    assert (step["event"], step["source"], step["target"]) == ("amend", "emptied", "emptied")
    assert step["reason"].startswith("misheard at the gate (")
    assert "plate was '京A·12345' and is '沪B·99999'" in step["reason"]
    listed = [server.http.get("/v1/loads", params={"q": word}).json()["loads"] for word in ("沪B·99999", "zhang")]
    assert load.endswith(listed[0][0]["id"])
    assert load.rpartition("/")[2] not in {found["id"] for found in listed[1]}

    # Another declared grade decides about money, so the review that was is not enough.
    assert amend(declared="重废1")["status"] == "flagged"
    report = server.http.get(f"{load}/assessment").json()
    assert {flag["level"] for flag in report["truck"]["flags"] if flag["code"] == "declared_corrected"} == {"review"}
    assert "declared_differs" in {flag["code"] for flag in report["truck"]["flags"]}
    steps = events(server, load)
    amend(declared="重废1", plate="沪B·99999")
    assert events(server, load) == steps  # it was so already
    versions = server.http.get(f"{load}/assessments").json()
    amend(declared="重废1", plate="沪B·11111")
    amend(plate="沪B·99999")
    assert server.http.get(f"{load}/assessments").json() == versions  # a plate changes no assessment
    assert "name what is to be corrected" in amend(422)["detail"]
    amend(422, plate="")
    post(server, f"{load}/reviews", {"decision": "accept", "reason": "seen"})
    post(server, f"{load}/settle", {})
    amend(409, plate="京A·12345")
    assert server.http.get(f"{load}/ticket.json").json()["load"]["plate"] == "沪B·99999"
    server.run("verify")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"decision": "accept", "reason": ""}, "reason"),
        ({"decision": "correct", "reason": "x"}, "correction"),
        ({"decision": "accept", "reason": "x", "correction": {}}, "correction"),
        ({"decision": "maybe", "reason": "x"}, "decision"),
        ({"decision": "correct", "reason": "x", "correction": {"water_percent": 101}}, "water_percent"),
        ({"decision": "correct", "reason": "x", "correction": {"residue_kg": -1}}, "residue_kg"),
        ({"decision": "correct", "reason": "x", "correction": {"other_kg": 5}}, "without a reason"),
        ({"decision": "correct", "reason": "x", "correction": {"contaminants_kg": {"gold": 5}}}, "gold"),
    ],
)
def test_a_review_that_cannot_be_is_refused_and_changes_nothing(server, load, body, says):
    weigh(server, load, gross=48960, tare=16420)
    before = server.http.get(load).content
    assert says in post(server, f"{load}/reviews", body, 422)["detail"]
    assert says in post(server, f"{load}/reviews/preview", body, 422)["detail"]
    assert server.http.get(load).content == before


def test_a_load_is_not_reviewed_before_it_was_graded(server):
    place = server.open_load()
    assert post(server, f"{place}/reviews", {"decision": "accept", "reason": "x"}, 409)
    assert server.http.get(f"{place}/ticket.json").status_code == 404
    assert server.http.get("/v1/loads/nowhere/reviews").status_code == 404


def test_when_a_declared_grade_was_corrected_is_told_by_the_clock_of_the_yard(serve):
    server = serve(time_zone="Asia/Shanghai")
    place = server.open_load(declared="HRS101")
    server.close()
    corrected = server.http.patch(place, json={"reason": "misheard at the gate", "declared": "HRS102"}).json()
    (why,) = [flag["why"] for flag in corrected["flags"] if flag["code"] == "declared_corrected"]
    at = datetime.fromisoformat(why.rpartition(" at ")[2])
    assert at.utcoffset() == timedelta(hours=8)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)
    assert "将申报等级由 HRS101 改为 HRS102" in told("declared_corrected", why, "zh")
