"""What the server logs: one id for a request and all it causes, and never what must stay secret."""

import json

import pytest


@pytest.fixture
def logging_server(serve):
    return serve(log_format="json", log_level="debug")


def test_a_request_has_one_id_in_its_answer_and_in_the_log(logging_server, shots):
    place = logging_server.open_load()
    answer = logging_server.put(shots[0])
    given = logging_server.http.get(place, headers={"X-Request-Id": "from-the-proxy.7"})
    logging_server.stop()
    lines = logging_server.logged()
    told = {line["request_id"]: line for line in lines if line["event"] == "request"}
    frame = told[answer.headers["X-Request-Id"]]
    assert (frame["method"], frame["status"], frame["level"]) == ("PUT", 201, "debug")
    assert frame["path"] == f"{place}/frames/yard/0"
    assert given.headers["X-Request-Id"] == "from-the-proxy.7"
    assert told["from-the-proxy.7"]["path"] == place


def test_an_id_that_could_forge_a_line_is_not_taken_over(logging_server):
    for forged in ("a b", "x" * 65, '{"level"', "é"):
        answer = logging_server.http.get("/healthz", headers=[(b"X-Request-Id", forged.encode("latin-1"))])
        assert answer.headers.get_list("X-Request-Id") != [forged]
        assert len(answer.headers.get_list("X-Request-Id")) == 1
    logging_server.http.get("/v1/loads/a%0A{}")
    logging_server.stop()
    logging_server.logged()


def test_neither_headers_nor_queries_nor_bodies_are_logged(logging_server, shots):
    logging_server.http.get("/v1/loads?q=query-secret", headers={"Authorization": "Bearer header-secret"})
    logging_server.http.post("/v1/loads", json={"id": "x y", "declared": "body-secret"})
    logging_server.http.post("/v1/loads", content=b'"body-secret')
    logging_server.open_load()
    logging_server.http.put(
        f"/v1/loads/{logging_server.load}/frames/yard/0",
        content=b"body-secret",
        headers={"Captured-At": shots[0].captured_at, "Cookie": "session=header-secret"},
    )
    logging_server.stop()
    lines = logging_server.logged()
    assert len([line for line in lines if line["event"] == "request"]) >= 5
    assert [line for line in lines if "secret" in json.dumps(line)] == []


def test_a_refused_frame_is_counted_by_its_reason(server, shots):
    server.open_load()
    server.put(shots[0])

    def refused(reason):
        series = f'loadlens_frames_refused_total{{reason="{reason}"}}'
        lines = server.http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(series))

    before = {reason: refused(reason) for reason in ("conflict", "not usable", "no such load or lane")}
    other = shots[1].jpeg
    place, when = f"/v1/loads/{server.load}/frames/yard", {"Captured-At": shots[0].captured_at}
    assert server.http.put(f"{place}/0", content=other, headers=when).status_code == 409
    assert server.http.put(f"{place}/1", content=b"no picture", headers=when).status_code == 422
    assert server.http.put(f"{place}/1", content=other).status_code == 400
    assert server.http.put("/v1/loads/nowhere/frames/yard/0", content=other, headers=when).status_code == 404
    grown = {reason: refused(reason) - count for reason, count in before.items()}
    assert grown == {"conflict": 1, "not usable": 2, "no such load or lane": 1}
