"""The review queue as inspectors use it side by side, over HTTP."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from loadlens.serving.api import figure_shapes

ACCEPT = {"decision": "accept", "reason": "seen"}


@pytest.fixture(scope="module")
def people(server):
    """Two inspectors, by their keys; the server's own client is a manager."""
    return server.http_as("inspector"), server.http_as("inspector")


@pytest.fixture
def load(server):
    """A load of which nothing was seen, so that a person has to look."""
    place = server.open_load(supplier="Zhang & Sons")
    assert server.close().status_code == 200
    return place


def test_of_two_who_claim_at_the_same_moment_one_has_the_load_and_the_other_learns_who(people, load):
    for _ in range(5):
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda http: http.post(f"{load}/claim"), people))
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (201, 409)
        assert lost.json()["holder"] == won.json()["claim"]["holder"]
        assert won.json()["claim"]["holder"] in lost.json()["detail"]
        winner = people[answers.index(won)]
        assert winner.post(f"{load}/claim").status_code == 200
        assert winner.delete(f"{load}/claim").status_code == winner.delete(f"{load}/claim").status_code == 204
        assert winner.get(f"{load}/claim").json() == {"claim": None}


def test_a_manager_takes_a_load_over_and_that_is_on_record(server, people, load):
    ann, bob = people
    holder = ann.post(f"{load}/claim").json()["claim"]["holder"]
    assert bob.post(f"{load}/reviews", json=ACCEPT).json()["holder"] == holder
    assert bob.post(f"{load}/claim", json={"take_over": True}).status_code == 403
    assert server.http.post(f"{load}/claim").status_code == 409
    assert bob.delete(f"{load}/claim").status_code == 409
    taken = server.http.post(f"{load}/claim", json={"take_over": True})
    assert taken.status_code == 201
    subject = f"load:{server.load}"
    kept = server.http.get("/v1/journal", params={"kind": "load.claimed", "subject": subject}).json()["records"]
    assert [record["body"]["taken_from"] for record in kept] == [None, holder]
    assert ann.post(f"{load}/reviews", json=ACCEPT).status_code == 409
    assert server.http.post(f"{load}/reviews", json=ACCEPT).status_code == 201
    assert ann.post(f"{load}/claim").status_code == 201  # the review has ended the claim


def test_whoever_sees_a_danger_stops_a_load_that_somebody_else_has_claimed(people, load):
    ann, bob = people
    assert ann.post(f"{load}/claim").status_code == 201
    seen = ann.get(load).headers["ETag"]
    assert bob.post(f"{load}/reviews", json={"decision": "stop", "reason": "a gas cylinder"}).status_code == 201
    late = ann.post(f"{load}/reviews", json=ACCEPT, headers={"If-Match": seen})
    assert late.status_code == 412  # she looked at the load before it was stopped


def test_the_queue_shows_who_has_what_and_why_it_waits(server, people, load):
    ann, bob = people
    mine = {"supplier": "Zhang & Sons", "claimed": "me", "flag": "no_layers"}
    assert ann.get("/v1/queue", params=mine).json() == {"loads": [], "total": 0, "next_cursor": None}
    claim = ann.post(f"{load}/claim").json()["claim"]
    (shown,) = ann.get("/v1/queue", params=mine).json()["loads"]
    assert shown["id"] == server.load
    assert shown["claim"] == claim
    assert "no_layers" in {flag["code"] for flag in shown["flags"]}
    assert {flag["level"] for flag in shown["flags"]} <= {"review", "stop"}
    assert shown["at_stake"]["in"] in ("unknown", "percent")
    assert server.load in {found["id"] for found in bob.get("/v1/queue?claimed=others").json()["loads"]}
    assert server.load not in {found["id"] for found in bob.get("/v1/queue?claimed=nobody").json()["loads"]}
    pages, cursor = [], ""
    while cursor is not None:
        page = bob.get("/v1/queue", params={"limit": 1, **({"cursor": cursor} if cursor else {})}).json()
        pages += [found["id"] for found in page["loads"]]
        cursor = page["next_cursor"]
    assert pages == [found["id"] for found in bob.get("/v1/queue").json()["loads"]]
    assert ann.post(f"{load}/reviews", json=ACCEPT).status_code == 201
    assert ann.get("/v1/queue", params=mine).json()["loads"] == []


def test_figures_come_as_json_and_as_a_table(server, load):
    for by in ("supplier", "grade", "inspector", "camera", "month"):
        answer = server.http.get("/v1/figures/deductions", params={"by": by})
        shown = figure_shapes.FiguresList.model_validate(answer.json())
        assert sum(group.loads for group in shown.groups)
    drift = {"reference_until": "2026-03-01", "since": "2026-03-02"}
    for of, shape, asked in (
        ("prices", figure_shapes.PricesList, {"by": "supplier"}),
        ("beside-people", figure_shapes.BesidePeople, {}),
        ("hazards", figure_shapes.DangerList, {}),
        ("drift", figure_shapes.DriftShown, drift),
    ):
        answer = server.http.get(f"/v1/figures/{of}", params=asked)
        shape.model_validate(answer.json())
        as_table = server.http.get(f"/v1/figures/{of}", params=asked, headers={"Accept": "text/csv"})
        assert as_table.headers["content-type"] == "text/csv; charset=utf-8"
    assert server.http.get("/v1/figures/drift", params={**drift, "since": "2026-03-01"}).status_code == 422
    table = server.http.get("/v1/figures/deductions?by=supplier", headers={"Accept": "text/csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    lines = table.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("key,loads,weighed,net_kg,")
    assert any(line.startswith("Zhang & Sons,") for line in lines[1:])
    figure_shapes.AgreementList.model_validate(server.http.get("/v1/figures/agreement").json())
    assert server.http.get("/v1/figures/agreement?since=2026-03-02&until=2026-03-01").status_code == 422
    assert server.http_as("inspector").get("/v1/figures/agreement").status_code == 403


@pytest.mark.parametrize("wrong", ["cursor=%ff", "cursor=x", "limit=0", "claimed=everybody", "flag=A"])
def test_a_queue_that_cannot_be_is_refused(server, wrong):
    assert server.http.get(f"/v1/queue?{wrong}").status_code == 422


def test_a_key_of_a_lane_sees_its_own_lane_in_the_queue(server):
    http = server.http_as("inspector", "--lane", "7")
    assert http.get("/v1/queue").status_code == http.get("/v1/queue?lane=8").status_code == 403
    assert http.get("/v1/queue?lane=7").json()["loads"] == []
