"""What happens to waste reaches another system by a webhook, signed, and an import in one message."""

import json
from datetime import date

import pytest

from loadlens.serving.alarms.settings import secret_bytes
from loadlens.serving.alarms.webhook import signature
from loadlens.waste.identity import SCHEMES, Identity

SECRET = "whsec_" + "bG9hZGxlbnMgdGVzdCBzZWNyZXQgb2YgMzIgYnl0ZXM="
pytestmark = pytest.mark.parametrize("new_place", ["box"], indirect=True, scope="module")


def entry(drum, name, stage, leaving, arriving):
    postings = [
        {"container": drum, "place": leaving, "grams": -500},
        {"container": drum, "place": arriving, "grams": 500},
    ]
    return {"id": name, "stage": stage, "at": "2026-11-25T08:00:00+08:00", "postings": postings}


def test_another_system_hears_of_labels_entries_and_withdrawals(serve, receiver, wait_until):
    about = {"url": receiver.url, "secret": SECRET, "allow_private": True}
    hooks = [{"name": "erp", "events": ["waste"], **about}, {"name": "siren", **about}]
    server = serve(webhooks=json.dumps(hooks))
    drum = SCHEMES["plain"].compose(Identity("91130200699229617X", "321-024-48", date(2026, 11, 25), 1))
    container = {"identity": drum, "list": "hazardous-cn", "code": "321-024-48", "name": "铝灰渣", "litres": 200}
    for _ in range(2):
        server.http.post("/v1/waste/containers", json=container)
    sent = [entry(drum, "late", "stored", "floor", "room:1"), entry(drum, "wrong", "stored", "floor", "room:1")]
    for one in (*sent, entry(drum, "first", "produced", "production", "floor")):
        server.http.post("/v1/waste/entries", json={"entries": [one]})
    server.http.post("/v1/waste/entries/wrong/withdrawal", json={"reason": "typed twice"})
    wait_until(lambda: len(receiver.posts) >= 4, "four messages")

    told = {}
    for headers, body in receiver.posts:
        moment = headers["webhook-timestamp"]
        right = signature(secret_bytes(SECRET), headers["webhook-id"], moment, body)
        assert headers["webhook-signature"] == right
        message = json.loads(body)
        assert (message["message"], message["schema"]) == (headers["webhook-id"], "loadlens.waste-event/1")
        told[message["message"]] = (message["type"], message["about"])
    kinds = sorted(kind for kind, _ in told.values())
    assert kinds == ["waste.entered", "waste.entered", "waste.labelled", "waste.withdrawn"]
    entered = sorted((about["number"], about["id"]) for kind, about in told.values() if kind == "waste.entered")
    assert entered == [(1, "first"), (2, "late")]
    assert ("waste.withdrawn", {"id": "wrong", "reason": "typed twice"}) in told.values()
    described = server.http.get("/openapi.json").json()["webhooks"]
    assert set(described) == {"alarm", "waste"}
