"""A transfer over HTTP: three parties, a gate, a receiver who weighs, and goods that come back."""

import csv
import io
from datetime import date

import pytest

from loadlens.waste.identity import SCHEMES, Identity

UNIT = "91130200699229617X"
AT = "2026-11-25T08:00:00+08:00"
PLATE = "冀A12345"


class Transfer:
    """Two drums in a room, and a manifest for them."""

    def __init__(self, server):
        self.http, self.numbers = server.http, server.numbers
        self.id = f"M{next(self.numbers)}"
        self.place = f"/v1/waste/manifests/{self.id}"
        self.room = f"room:{self.id}"
        self.drums = [self.drum(grams) for grams in (400_000, 100_000)]

    def drum(self, grams):
        number = next(self.numbers)
        identity = SCHEMES["hj1276-37"].compose(Identity(UNIT, "321-024-48", date(2026, 11, 25), number))
        about = {"identity": identity, "list": "hazardous-cn", "code": "321-024-48", "name": "铝灰渣", "litres": 1000}
        assert self.http.post("/v1/waste/containers", json=about).status_code == 201
        postings = [
            {"container": identity, "place": "production", "grams": -grams},
            {"container": identity, "place": self.room, "grams": grams},
        ]
        said = {"产生设施编码": "MF0001"}
        made = {"id": f"{self.id}-{number}", "stage": "produced", "at": AT, "postings": postings, "particulars": said}
        assert self.http.post("/v1/waste/entries", json={"entries": [made]}).json()["accepted"]
        return identity

    def enter(self, stage, drum, grams, leaving, arriving):
        postings = [
            {"container": drum, "place": leaving, "grams": -grams},
            {"container": drum, "place": arriving, "grams": grams},
        ]
        entry = {"id": f"{self.id}-e{next(self.numbers)}", "stage": stage, "at": AT, "postings": postings}
        assert self.http.post("/v1/waste/entries", json={"entries": [entry]}).json()["accepted"]

    def body(self, **changes):
        lines = [
            {"container": drum, "place": self.room, "grams": grams}
            for drum, grams in zip(self.drums, (400_000, 100_000), strict=True)
        ]
        parties = {"sender": "示例铝业", "carrier": "示例运输", "receiver": "示例公司", "permit": "冀危证 001"}
        about = {"id": self.id, **parties, "method": "R4", "plate": PLATE, "tolerance_kg": 2, "lines": lines}
        return about | changes

    def make(self, **changes):
        return self.http.post("/v1/waste/manifests", json=self.body(**changes))

    def step(self, kind, status=201, **said):
        more = {"id": f"{self.id}-s{next(self.numbers)}", "at": AT, "person": "li"}
        answer = self.http.post(f"{self.place}/steps", json={**more, "kind": kind, **said})
        assert answer.status_code == status, answer.text
        return answer.json()

    def to_the_gate(self, **changes):
        assert self.make(**changes).status_code == 201
        for kind in ("declare", "take_effect"):
            self.step(kind)
        for party in ("sender", "carrier"):
            self.step("sign", party=party)

    def where(self, drum):
        return self.http.get(f"/v1/waste/containers/{self.drums[drum]}").json()["grams"]


@pytest.fixture
def transfer(server):
    return Transfer(server)


def test_a_truck_leaves_only_with_all_that_it_needs(transfer):
    transfer.make()
    told = transfer.step("gate", plate="冀B99999", grams=400_000)
    assert told["state"] == "draft"
    faults = "; ".join(told["steps"][-1]["faults"])
    for says in ("not in force", "the truck is 冀B99999", "sender has not", "carrier has not", "-100 kg against"):
        assert says in faults
    transfer.step("receive", status=409, weighed={}, refused=[])
    for kind in ("declare", "take_effect"):
        transfer.step(kind)
    transfer.step("sign", party="sender")
    assert transfer.step("gate", plate="冀A 12345", grams=500_000)["steps"][-1]["faults"] == [
        "the carrier has not signed"
    ]
    assert transfer.where(0) == {transfer.room: 400_000}
    transfer.step("sign", party="carrier")
    assert transfer.step("gate", plate="冀a·12345", grams=501_900)["state"] == "transferred"
    assert transfer.where(0) == {"transit": 400_000}
    transfer.step("cancel", status=409, reason="too late")


def test_what_the_receiver_refuses_comes_back_and_what_he_weighs_is_compared(transfer, server):
    transfer.to_the_gate()
    transfer.step("gate", plate=PLATE, grams=500_000)
    first, second = transfer.drums
    assert "weigh" in transfer.step("receive", status=409, weighed={first: 1}, refused=[])["detail"]
    assert "not on manifest" in transfer.step("receive", status=409, weighed={"drum": 1}, refused=[first])["detail"]
    both = transfer.step("receive", status=409, weighed={first: 397_000, second: 1}, refused=[second])
    assert f"{second} is both weighed and refused" in both["detail"]
    batch = "HWWWLY20261125001"
    received = {"weighed": {first: 397_000}, "refused": [second], "why": "leaks", "batch": batch}
    told = transfer.step("receive", **received)
    assert told["state"] == "received"
    flags = {flag["code"]: flag["why"] for flag in told["flags"]}
    assert "-3 kg against the manifest" in flags["weights_differ"]
    assert second in flags["refused"]
    assert (transfer.where(0), transfer.where(1)) == ({}, {"transit": 100_000})
    transfer.step("return", status=409, place="the yard")
    assert transfer.step("return", place="floor")["state"] == "closed"
    assert transfer.where(1) == {"floor": 100_000}
    handed = transfer.http.get(f"/v1/waste/containers/{first}").json()["history"][-1]
    assert (handed["stage"], handed["batch"], handed["particulars"]["接收单位名称"]) == (
        "handed_over",
        batch,
        "示例公司",
    )
    subject = {"subject": f"manifest:{transfer.id}"}
    records = server.http.get("/v1/journal", params=subject).json()["records"]
    assert [one["body"]["kind"] for one in records[1:]] == [step["kind"] for step in told["steps"]] + ["return"]
    server.run("verify")


def test_the_regulator_sees_name_amount_origin_destination_and_method(transfer, server):
    transfer.to_the_gate()
    transfer.step("gate", plate=PLATE, grams=500_000)
    first, second = transfer.drums
    transfer.step("receive", weighed={first: 400_000}, refused=[second])
    period = {"from": "2026-11-01T00:00:00+08:00", "to": "2026-12-01T00:00:00+08:00"}
    with server.http_as("auditor") as auditor:
        rows = auditor.get("/v1/waste/report.json", params=period).json()["rows"]
        (gone,) = [row for row in rows if row["what"] == "handed_over" and row["to"] == "示例公司"][:1]
        assert (gone["unit"], gone["name"], gone["from"], gone["how"]) == (UNIT, "铝灰渣", "MF0001", "R4")
        assert gone["grams"] >= 400_000
        assert {row["to"] for row in rows if row["what"] == "stock"} >= {"transit"}
        came, went, stock = (
            sum(row["grams"] for row in rows if row["what"] == what) for what in ("produced", "handed_over", "stock")
        )
        assert came == went + stock
        held = auditor.get("/v1/waste/report.csv", params=period).content.decode("utf-8-sig")
        assert len(list(csv.reader(io.StringIO(held, newline="")))) == len(rows) + 1
        earlier = {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}
        assert {row["what"] for row in auditor.get("/v1/waste/report.json", params=earlier).json()["rows"]} == {"stock"}
        backwards = {"from": period["to"], "to": period["from"]}
        assert auditor.get("/v1/waste/report.json", params=backwards).status_code == 422
        assert auditor.post("/v1/waste/manifests", json=transfer.body()).status_code == 403
    with server.http_as("inspector") as inspector:
        assert inspector.get("/v1/waste/report.json", params=period).status_code == 403


def test_a_manifest_and_a_step_are_made_once(transfer):
    assert transfer.make().status_code == 201
    assert transfer.make().status_code == 200
    assert transfer.make(plate="冀B99999").status_code == 409
    step = {"id": f"{transfer.id}-once", "at": AT, "person": "li", "kind": "declare"}
    answers = [transfer.http.post(f"{transfer.place}/steps", json=step).status_code for _ in range(2)]
    assert answers == [201, 200]
    assert transfer.http.post(f"{transfer.place}/steps", json=step | {"person": "wang"}).status_code == 409
    other = step | {"kind": "take_effect", "number": "1"}
    assert transfer.http.post(f"{transfer.place}/steps", json=other).status_code == 409
    force = other | {"id": f"{transfer.id}-force"}
    assert [transfer.http.post(f"{transfer.place}/steps", json=force).status_code for _ in range(2)] == [201, 200]
    assert transfer.http.post(f"{transfer.place}/steps", json=force | {"number": "2"}).status_code == 409
    assert [one["kind"] for one in transfer.http.get(transfer.place).json()["steps"]] == ["declare", "take_effect"]
    assert transfer.id in [one["id"] for one in transfer.http.get("/v1/waste/manifests").json()["manifests"]]


def test_a_truck_does_not_leave_with_what_is_not_there(transfer):
    transfer.to_the_gate()
    transfer.enter("moved", transfer.drums[0], 1, transfer.room, "floor")
    refused = transfer.step("gate", status=409, plate=PLATE, grams=500_000)
    assert "holds 399999 g" in refused["detail"]
    assert transfer.http.get(transfer.place).json()["state"] == "effective"
    waiting = transfer.http.get("/v1/waste/entries").json()["waiting"]
    assert not [one for one in waiting if one["id"].startswith(transfer.id)]


def test_a_truck_does_not_leave_with_what_is_said_to_be_on_its_way_and_is_not(transfer):
    first = transfer.drums[0]
    transfer.to_the_gate(lines=[{"container": first, "place": "transit", "grams": 400_000}])
    refused = transfer.step("gate", status=409, plate=PLATE, grams=400_000)
    assert "holds 0 g at transit" in refused["detail"]
    assert transfer.http.get(transfer.place).json()["state"] == "effective"
    transfer.enter("retrieved", first, 400_000, transfer.room, "transit")
    assert transfer.step("gate", plate=PLATE, grams=400_000)["state"] == "transferred"


def test_what_one_manifest_has_in_transit_no_other_takes(transfer, server):
    """Of 400 kg in transit 300 are on one manifest: another may name the 100 that are left, and no more."""
    first = transfer.drums[0]
    transfer.enter("retrieved", first, 400_000, transfer.room, "transit")
    transfer.to_the_gate(lines=[{"container": first, "place": "transit", "grams": 300_000}])
    other = Transfer(server)
    too_much = [{"container": first, "place": "transit", "grams": 100_001}]
    told = other.make(lines=too_much)
    assert told.status_code == 409
    assert f"manifest {transfer.id} " in told.json()["detail"]
    assert "300000 g" in told.json()["detail"]
    assert other.http.get(other.place).status_code == 404
    other.to_the_gate(lines=[{"container": first, "place": "transit", "grams": 100_000}])
    transfer.step("gate", plate=PLATE, grams=300_000)
    assert other.step("gate", plate=PLATE, grams=100_000)["state"] == "transferred"
    late = Transfer(server)
    assert late.make(lines=[{"container": first, "place": "transit", "grams": 1}]).status_code == 409
    transfer.step("receive", weighed={}, refused=[first])
    transfer.step("return", place="floor")
    other.step("receive", weighed={first: 100_000}, refused=[])
    assert transfer.where(0) == {"floor": 300_000}


def test_a_truck_does_not_leave_with_what_is_on_another_one(transfer, server):
    """Both manifests may be drawn up before the waste is taken out of store; the first truck has it then."""
    first = transfer.drums[0]
    other = Transfer(server)
    other.to_the_gate(lines=[{"container": first, "place": "transit", "grams": 400_000}])
    transfer.to_the_gate(lines=transfer.body()["lines"][:1])
    transfer.step("gate", plate=PLATE, grams=400_000)
    refused = other.step("gate", status=409, plate=PLATE, grams=400_000)
    assert f"manifest {transfer.id} " in refused["detail"]
    assert other.http.get(other.place).json()["state"] == "effective"
    transfer.step("receive", weighed={first: 400_000}, refused=[])
    assert transfer.where(0) == {}


def test_a_manifest_that_was_given_up_has_nothing_in_transit(transfer, server):
    first = transfer.drums[0]
    transfer.enter("retrieved", first, 400_000, transfer.room, "transit")
    line = [{"container": first, "place": "transit", "grams": 400_000}]
    assert transfer.make(lines=line).status_code == 201
    other = Transfer(server)
    assert other.make(lines=line).status_code == 409
    transfer.step("cancel", reason="another carrier")
    assert other.make(lines=line).status_code == 201
    assert other.make(lines=line).status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"lines": []}, 422),
        ({"lines": [{"container": "drum", "place": "floor", "grams": 5}]}, 404),
        ({"tolerance_kg": -1}, 422),
        ({"plate": ""}, 422),
        ({"id": "a b"}, 422),
        ({"note": "x"}, 422),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(transfer, change, status):
    assert transfer.make(**change).status_code == status
    twice = transfer.body()["lines"][:1] * 2
    assert transfer.make(lines=twice).status_code == 422
    assert transfer.http.get(transfer.place).status_code == 404
