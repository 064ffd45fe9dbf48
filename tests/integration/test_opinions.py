"""Loads that are graded blind, and second opinions: nobody sees what others think before saying what they think."""

import json

import pytest

from loadlens.serving.api import queue_shapes

ACCEPT = {"decision": "accept", "reason": "a fire extinguisher, sawn open"}


@pytest.fixture(scope="module")
def people(server):
    """Two inspectors, by their keys."""
    return server.http_as("inspector"), server.http_as("inspector")


@pytest.fixture
def load(server, shots):
    """A load that was seen and stopped for its hazard."""
    place = server.open_load(standard="example-mill")
    for shot in shots[:24]:
        server.put(shot)
    server.close()
    return place


def said(http, place):
    """All that an inspector is told of a load, as one text."""
    places = ("/facts", "/opinions", "/transitions", "/assessments", "/disputes", "")
    answers = [http.get(f"{place}{part}") for part in places] + [http.get("/v1/queue")]
    assert {answer.status_code for answer in answers} == {200}
    return "\n".join(answer.text for answer in answers)


def events(http, load):
    """What the stream of events tells of a load up to its being claimed."""
    told = []
    with http.stream("GET", "/v1/events?after=0") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:") and f'"load:{load}"' in line:
                told.append(json.loads(line.partition(":")[2]))
                if "taken_from" in told[-1]:
                    return told
    return told


def refused(http, place):
    """What cannot be asked for while opinions are withheld."""
    correct = {"decision": "correct", "reason": "x", "correction": {}}
    return [
        *(http.get(f"{place}/{what}") for what in ("assessment", "assessments/1", "reviews", "ticket.pdf")),
        http.get(f"{place}/layers/0/overlay.jpg"),
        http.get(f"{place}/report.html"),
        http.get(f"{place}/ticket.json"),
        http.post(f"{place}/reviews/preview", json=correct),
        http.post(f"{place}/reviews", json=ACCEPT),
    ]


def test_who_grades_blind_sees_the_facts_and_no_opinion_until_she_has_said_hers(server, people, load):
    ann, bob = people
    grade = ann.get(f"{load}/assessment").json()["truck"]["grade"]
    assert ann.post(f"{load}/claim", json={"blind": True}).json()["claim"]["blind"]
    seen = ann.get(f"{load}/facts").json()
    queue_shapes.Facts.model_validate(seen)
    assert seen["truck"].keys() == {"net_kg", "hazards", "flags"}
    assert seen["truck"]["hazards"]  # nobody is kept from seeing a cylinder
    assert {flag["level"] for flag in seen["truck"]["flags"]} == {"stop"}
    assert {ann.get(f"{load}/layers/{layer['index']}/frame").status_code for layer in seen["layers"]} == {200}
    assert grade not in said(ann, load)
    (waiting,) = [found for found in ann.get("/v1/queue").json()["loads"] if found["id"] == server.load]
    assert {*waiting["deduction"].values(), waiting["at_stake"]["amount"], waiting["grade"]} == {None}
    assert waiting["hazard"]
    queue_shapes.QueueLoad.model_validate(waiting)
    assert {answer.status_code for answer in refused(ann, load)} == {409}
    told = events(ann, server.load)
    assert [one for one in told if one.get("withheld")]
    assert "decision" not in {name for one in told for name in one}
    assert ann.post(f"{load}/claim").json()["claim"]["blind"]  # renewing opens nothing

    for http in (bob, server.http_as("auditor")):
        assert grade in http.get(f"{load}/assessment").text
        assert http.get(f"{load}/layers/0/overlay.jpg").status_code == 200
    assert bob.post(f"{load}/opinions", json={"grade": grade}).status_code == 409  # it is claimed
    wrong = ann.post(f"{load}/opinions", json={"grade": "gold"})
    assert wrong.status_code == 422
    assert grade in wrong.json()["detail"]
    given = ann.post(f"{load}/opinions", json={"grade": grade, "deduction_percent": "1.5", "note": "clean"})
    assert given.status_code == 201
    assert (given.json()["blind"], given.json()["machine"]["grade"]) == (True, grade)
    assert ann.get(f"{load}/assessment").json()["truck"]["grade"] == grade
    again = ann.post(f"{load}/opinions", json={"grade": None}).json()
    assert not again["blind"]
    assert ann.post(f"{load}/reviews", json=ACCEPT).status_code == 201
    assert ann.post(f"{load}/claim", json={"blind": True}).status_code == 409  # she has seen it
    server.run("verify")


def test_a_second_opinion_is_somebody_elses_who_does_not_know_the_first(server, people, load):
    ann, bob = people
    grade = ann.get(f"{load}/assessment").json()["truck"]["grade"]
    ann.post(f"{load}/claim")
    ann.post(f"{load}/opinions", json={"grade": grade, "note": "rather rusty"})
    assert bob.post(f"{load}/second-opinion", json={"reason": "x"}).status_code == 409  # it is claimed
    asked = ann.post(f"{load}/second-opinion", json={"reason": "is that rust or soil?"})
    assert asked.status_code == 201
    assert ann.get(f"{load}/claim").json() == {"claim": None}
    assert bob.post(f"{load}/second-opinion", json={"reason": "x"}).status_code == 409  # it is asked already
    for answer in (ann.post(f"{load}/claim"), ann.post(f"{load}/reviews", json=ACCEPT)):
        assert answer.status_code == 409
        assert "somebody else decides" in answer.json()["detail"]
    (waiting,) = [found for found in bob.get("/v1/queue").json()["loads"] if found["id"] == server.load]
    assert waiting["second_opinion"]["asked_by"] == asked.json()["second_opinion"]["asked_by"]

    told = said(bob, load)
    assert grade not in told
    assert "rust" not in told
    assert {answer.status_code for answer in refused(bob, load)} == {409}
    assert "rather rusty" in said(ann, load)
    bob.post(f"{load}/claim")
    assert bob.post(f"{load}/opinions", json={"grade": None, "deduction_percent": 3}).json()["blind"]
    opened = said(bob, load)
    queue_shapes.OpinionList.model_validate(bob.get(f"{load}/opinions").json())
    assert bob.get(f"{load}/assessment").json()["truck"]["grade"] == grade
    assert "rather rusty" in opened
    assert "is that rust or soil?" in opened
    assert bob.post(f"{load}/reviews", json=ACCEPT).status_code == 201
    assert server.load not in {found["id"] for found in ann.get("/v1/queue").json()["loads"]}
    assert ann.get(f"{load}/opinions").json()["second_opinion"] is None
    # It may be asked for again of a load that somebody has reviewed: then it waits once more.
    assert bob.post(f"{load}/second-opinion", json={"reason": "on second thoughts"}).status_code == 201
    assert server.http.get(load).json()["status"] == "flagged"
    server.run("verify")
