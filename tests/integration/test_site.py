"""Several servers over one PostgreSQL and one S3 store: the same answers as one server, whatever happens to some."""

import itertools
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import text

from loadlens.serving.store.database import open_database

LOADS = ("divided", "killed", "hung")

pytestmark = pytest.mark.timeout(1200)  # four servers are started for the first test


@pytest.fixture(scope="module")
def site(model_file, new_postgresql, object_server, tmp_path_factory, server_kind):
    """Three servers, and their database."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **object_server.environment,
        "LOADLENS_DATABASE": new_postgresql(),
        "LOADLENS_STORE": f"s3://yard/{uuid.uuid4().hex}",
        "LOADLENS_SIGNING_KEY": str(folder / "signing.key"),
        "LOADLENS_ANCHOR": str(folder / "journal.anchor"),
    }
    first = server_kind(folder / "first", model_file, environment)
    with ThreadPoolExecutor() as pool:
        start = partial(server_kind, model=model_file, environment=environment, key=first.key)
        servers = [first, *pool.map(start, (folder / "second", folder / "third"))]
    database = open_database(environment["LOADLENS_DATABASE"])
    yield servers, database
    database.dispose()
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def expected(model_file, tmp_path_factory, server_kind, shots):
    """What one server on one box says of each load."""
    one = server_kind(tmp_path_factory.mktemp("one") / "data", model_file)
    answers = {}
    for load in LOADS:
        assert one.http.post("/v1/loads", json={"id": load}).status_code == 201
        for shot in shots:
            assert put(one, load, shot) == 201
        assert one.http.post(f"/v1/loads/{load}/close").status_code == 202
        answers[load] = assessed(one, load), one.http.get(f"/v1/loads/{load}").json()
    one.stop()
    return answers


def put(server, load, shot):
    answer = server.http.put(
        f"/v1/loads/{load}/frames/yard/{shot.seq}", content=shot.jpeg, headers={"Captured-At": shot.captured_at}
    )
    return answer.status_code


def assessed(server, load):
    """The assessment, once it is there."""
    end = time.monotonic() + 200
    while (answer := server.http.get(f"/v1/loads/{load}/assessment")).status_code != 200:
        assert answer.status_code in (202, 409), answer.text
        assert time.monotonic() < end, answer.text
        time.sleep(0.1)
    return answer.content


def close(server, load):
    """Close the load. A server that was stopped amid its writing makes all others wait, who answer 503 until PostgreSQL
    ends its session after a minute."""
    end = time.monotonic() + 200
    while (answer := server.http.post(f"/v1/loads/{load}/close")).status_code != 202:
        assert answer.status_code == 503, answer.text
        assert time.monotonic() < end, answer.text
        time.sleep(0.1)


def holder(servers, database, load):
    """The server that watches the load, once one does."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        with database.connect() as connection:
            name = connection.execute(text("SELECT grader FROM leases WHERE load_id = :load"), {"load": load}).scalar()
        for server in servers:
            if name and f"-{server.process.pid}-" in name:
                return server
        time.sleep(0.05)
    raise AssertionError("nobody watches the load")


def was_graded_once(database, load):
    """Nothing of the load was recorded twice, and the chain of the journal has no hole."""
    with database.connect() as connection:

        def found(query):
            return connection.execute(text(query), {"load": load, "subject": f"load:{load}"}).scalar()

        assert found("SELECT count(*) FROM assessments WHERE load_id = :load") == 1
        assert found("SELECT count(*) FROM journal WHERE kind = 'assessment.recorded' AND subject = :subject") == 1
        hazards = found("SELECT count(*) FROM hazards WHERE load_id = :load")
        assert hazards == found("SELECT count(*) FROM alarms WHERE subject = :subject") > 0
        assert found("SELECT count(*) - count(DISTINCT layer) FROM pictures WHERE load_id = :load") == 0
        assert found("SELECT max(seq) - count(*) FROM journal") == 0


def test_three_servers_give_the_answers_of_one(site, expected, shots):
    servers, database = site
    turn = itertools.cycle(servers)
    place, times = "/v1/loads/divided", {"created_at", "closed_at"}
    assert next(turn).http.post("/v1/loads", json={"id": "divided"}).status_code == 201
    for shot in shots:
        assert put(next(turn), "divided", shot) == 201
        assert put(next(turn), "divided", shot) == 200
    for server in servers:  # each tells of a hazard that one of them has seen
        end = time.monotonic() + 200
        while not (known := server.http.get(place).json())["hazards"]:
            assert time.monotonic() < end, known
            time.sleep(0.1)
    assert next(turn).http.post(f"{place}/close").status_code == 202
    assessment, load = expected["divided"]
    for server in servers:
        assert assessed(server, "divided") == assessment
        told = server.http.get(place).json()
        assert {name: told[name] for name in told.keys() - times} == {name: load[name] for name in load.keys() - times}
        assert server.http.get(f"{place}/layers/1/overlay.jpg").content.startswith(b"\xff\xd8")
    was_graded_once(database, "divided")


def test_a_server_that_hung_and_comes_back_grades_nothing_twice(site, expected, shots):
    servers, database = site
    servers[0].http.post("/v1/loads", json={"id": "hung"})
    for shot in shots:
        assert put(servers[0], "hung", shot) == 201
    hung = holder(servers, database, "hung")
    hung.process.send_signal(signal.SIGSTOP)
    left = [server for server in servers if server is not hung]
    try:
        close(left[0], "hung")
        assert assessed(left[1], "hung") == expected["hung"][0]
    finally:
        hung.process.send_signal(signal.SIGCONT)
    # It works again, and knows how the load was graded.
    assert assessed(hung, "hung") == expected["hung"][0]
    assert hung.http.post("/v1/loads", json={"id": "after"}).status_code == 201
    assert hung.http.post("/v1/loads/after/close?wait=true").status_code == 200
    was_graded_once(database, "hung")


def test_a_server_that_is_killed_while_it_grades_is_stood_in_for(site, expected, shots):
    servers, database = site
    servers[0].http.post("/v1/loads", json={"id": "killed"})
    for shot, server in zip(shots, itertools.cycle(servers), strict=False):
        assert put(server, "killed", shot) == 201
    grading = holder(servers, database, "killed")
    grading.process.send_signal(signal.SIGSTOP)  # so that it cannot have finished when it is killed
    left = [server for server in servers if server is not grading]
    close(left[0], "killed")
    grading.kill_and_restart()
    for server in servers:
        assert assessed(server, "killed") == expected["killed"][0]
    was_graded_once(database, "killed")
