"""What every route of the API promises: pages, tags, keys, and a description of every answer."""

import itertools
import threading

import pytest


def listed(server, **query):
    """Every load of a list, page by page."""
    found, cursor = [], None
    for _ in itertools.count():
        page = server.http.get(
            "/v1/loads", params={**query, "limit": 3} | ({"cursor": cursor} if cursor else {})
        ).json()
        assert len(page["loads"]) <= 3
        found += page["loads"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
    raise AssertionError


@pytest.fixture
def fleet(server):
    """Seven loads of one supplier, every second with the same plate; their ids, newest first."""
    mark = f"fleet{next(server.numbers)}"
    ids = []
    for number in range(7):
        plate = f"{mark}-0{number % 2}"
        body = {"id": f"{mark}.{number}", "supplier": f"{mark} Metals", "plate": plate, "note": "wet"}
        assert server.http.post("/v1/loads", json=body).status_code == 201
        ids.insert(0, body["id"])
    return mark, ids


def test_pages_hold_every_load_once_newest_first(server, fleet):
    mark, ids = fleet
    assert [load["id"] for load in listed(server, supplier=f"{mark} Metals")] == ids
    assert [load["id"] for load in listed(server, plate=f"{mark}-01")] == [ids[1], ids[3], ids[5]]
    assert [load["id"] for load in listed(server, q=f"{mark.upper()}")] == ids
    assert [load["id"] for load in listed(server, q=f"{mark.upper()}-01")] == [ids[1], ids[3], ids[5]]
    assert [load["id"] for load in listed(server, q="metals", supplier=f"{mark} Metals")] == ids
    assert listed(server, supplier=f"{mark} Metals", status="settled") == []
    everything = [load["id"] for load in listed(server)]
    assert len(everything) == len(set(everything))
    assert [load_id for load_id in everything if load_id in ids] == ids


def test_a_page_does_not_move_when_newer_loads_arrive(server, fleet):
    mark, ids = fleet
    first = server.http.get("/v1/loads", params={"supplier": f"{mark} Metals", "limit": 2}).json()
    server.http.post("/v1/loads", json={"supplier": f"{mark} Metals"})
    query = {"supplier": f"{mark} Metals", "limit": 2, "cursor": first["next_cursor"]}
    assert [load["id"] for load in server.http.get("/v1/loads", params=query).json()["loads"]] == ids[2:4]


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "WzEsMl0=", "e30=", "' OR 1=1 --"])
def test_a_cursor_of_nobody_is_refused(server, cursor):
    assert server.http.get("/v1/loads", params={"cursor": cursor}).status_code == 422


def test_a_thing_that_has_not_changed_is_not_sent_again(server):
    place = server.open_load()
    server.close()
    for where in (place, f"{place}/assessment", "/v1/loads/" + server.load):
        first = server.http.get(where)
        tag = first.headers["ETag"]
        assert tag.startswith('"')
        again = server.http.get(where, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert server.http.get(where, headers={"If-None-Match": '"other"'}).content == first.content


def test_a_change_is_refused_where_the_thing_has_changed_since_it_was_seen(server):
    place = server.open_load()
    seen = server.http.get(place).headers["ETag"]
    weighed = server.http.put(f"{place}/weights/gross", json={"kg": 48960}, headers={"If-Match": seen})
    assert weighed.status_code == 201
    for tag, status in ((seen, 412), ('"x"', 412), (weighed.headers["ETag"], 200), ("*", 200)):
        again = server.http.put(f"{place}/weights/gross", json={"kg": 48960}, headers={"If-Match": tag})
        assert again.status_code == status, tag
    late = server.http.post(f"{place}/cancel", json={"reason": "x"}, headers={"If-Match": seen})
    assert late.status_code == 412
    assert late.headers["content-type"] == "application/problem+json"
    assert server.http.get(place).headers["ETag"] == weighed.headers["ETag"]


def test_a_post_with_the_same_key_is_made_once(server):
    key = {"Idempotency-Key": f"key-{next(server.numbers)}"}
    answers = []

    def post():
        answers.append(server.http.post("/v1/loads", json={"plate": "once"}, headers=key))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = server.http.post("/v1/loads", json={"plate": "twice"}, headers=key)
    assert (other.status_code, "used for another request" in other.json()["detail"]) == (422, True)


def test_a_key_keeps_its_answer_over_a_kill(serve):
    server = serve()
    place = server.open_load()
    key = {"Idempotency-Key": "cancel-1"}
    first = server.http.post(f"{place}/cancel", json={"reason": "wrong yard"}, headers=key)
    server.kill_and_restart()
    again = server.http.post(f"{place}/cancel", json={"reason": "wrong yard"}, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (200, first.content)
    assert server.http.post(f"{place}/cancel", json={"reason": "wrong yard"}).status_code == 409


def test_a_load_is_closed_once_under_its_key_and_only_as_it_was_seen(server):
    place = server.open_load()
    seen = server.http.get(place).headers["ETag"]
    server.http.put(f"{place}/weights/gross", json={"kg": 48960})
    key = {"Idempotency-Key": f"close-{server.load}"}
    stale = server.http.post(f"{place}/close", headers={"If-Match": seen, "Idempotency-Key": "stale"})
    assert stale.status_code == 412
    first = server.http.post(f"{place}/close", headers=key)
    assert (first.status_code, first.headers["Location"]) == (202, f"{place}/assessment")
    again = server.http.post(f"{place}/close", headers=key)
    assert (again.status_code, again.content, again.headers["Location"]) == (202, first.content, f"{place}/assessment")
    assert server.http.post(f"{place}/close", json={"last_seq": {"yard": 1}}, headers=key).status_code == 422
    assert server.http.post(f"{place}/close", params={"wait": "true"}, headers=key).status_code == 200
    events = [step["event"] for step in server.http.get(f"{place}/transitions").json()["transitions"]]
    assert events.count("close") == 1


def test_every_route_describes_its_answers(server):
    paths = server.http.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, about in methods.items():
            if not path.startswith("/v1/"):
                continue
            answers = about["responses"]
            assert {"401", "403", "422", "429", "503"} <= answers.keys(), (method, path)
            if "{load_id}" in path:
                assert "404" in answers, (method, path)
            for status, answer in answers.items():
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
