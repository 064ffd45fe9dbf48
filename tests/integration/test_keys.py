"""Keys of machines as a yard makes, changes and revokes them, against a running server."""

import hashlib
import re
import time

import pytest
from sqlalchemy import create_engine, insert, select

from loadlens.serving.access.caller import Role
from loadlens.serving.api.doors import NEW_LOAD, OF_NO_LANE, ROUTES
from loadlens.serving.store.access_tables import ApiKey

# What stands in a path where it may not be just anything.
PLACES = {"load_id": "nowhere", "kind": "gross", "camera": "yard", "lane": "7"}
# The supplier's page asks for its link and looks at no key.
ASKED_BY_KEY = [route for route in ROUTES if not route[1].startswith("/s/")]


def keys_command(server, *arguments):
    return server.command("keys", *arguments, "--data", server.data)


def expired_key(server):
    """No operator can make one, and nobody can change one: it is inserted."""
    token = f"llk_expired_{'a' * 43}"
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    row = {"id": "expired", "name": "old", "sha256": sha256, "role": "auditor", "created_by": "test"}
    engine = create_engine(server.database_url)
    with engine.begin() as connection:
        connection.execute(insert(ApiKey).values(**row, expires_at="2026-01-01T00:00:00.000+00:00"))
    engine.dispose()
    return token


def key_id(token):
    return token.split("_")[1]


@pytest.fixture(scope="module")
def keys(server):
    """A client for every kind of caller that there is."""
    clients = {role: server.http_as(role) for role in Role}
    clients["lane"] = server.http_as("camera", "--lane", "7")
    clients["other lane"] = server.http_as("inspector", "--lane", "8")
    clients["none"] = server.http_with(None)
    clients["expired"] = server.http_with(expired_key(server))
    revoked = server.add_key("admin")
    assert keys_command(server, "revoke", key_id(revoked)).returncode == 0
    clients["revoked"] = server.http_with(revoked)
    return clients


def status(client, method, path):
    """What the door answers; the body is not waited for, because that of /v1/events never ends."""
    place = re.sub(r"\{(\w+)\}", lambda part: PLACES.get(part[1], "1"), path)
    with client.stream(method, place) as answer:
        return answer.status_code


@pytest.mark.parametrize("new_place", ["box"], indirect=True)  # the table knows nothing of where records are
@pytest.mark.parametrize(("method", "path"), ASKED_BY_KEY)
def test_every_role_meets_every_route_as_the_table_says(keys, method, path):
    allowed = ROUTES[method, path]
    for role in Role:
        forbidden = allowed is not None and role not in allowed
        answered = status(keys[role], method, path)
        assert (answered == 403) == forbidden, (role, answered)
        assert answered != 401
    for nobody in ("none", "expired", "revoked"):
        assert (status(keys[nobody], method, path) == 401) == (allowed is not None)


@pytest.mark.parametrize("new_place", ["box"], indirect=True)  # the table knows nothing of where records are
@pytest.mark.parametrize(("method", "path"), ASKED_BY_KEY)
def test_a_key_of_another_lane_meets_every_route_as_the_table_says(keys, method, path):
    allowed, answered = ROUTES[method, path], status(keys["other lane"], method, path)
    if allowed is None or (Role.INSPECTOR in allowed and (path in OF_NO_LANE or (method, path) == NEW_LOAD)):
        assert answered not in (401, 403)
    elif Role.INSPECTOR in allowed and "{load_id}" in path:
        assert answered == 404
    else:
        assert answered == 403


def test_a_key_that_is_revoked_opens_nothing_from_then_on(server):
    old, new = server.add_key("auditor", "--name", "meter"), server.add_key("auditor", "--name", "meter")
    http, other = server.http_with(old), server.http_with(new)
    assert http.get("/v1/loads").status_code == other.get("/v1/loads").status_code == 200
    assert keys_command(server, "revoke", key_id(old)).returncode == 0
    refused = http.get("/v1/loads")
    assert refused.status_code == 401
    assert "was revoked" in refused.json()["detail"]
    assert other.get("/v1/loads").status_code == 200


def test_no_frame_is_taken_for_a_camera_whose_key_was_revoked(server, shots):
    server.open_load()
    admin = server.http_as("admin")
    by_the_server, by_hand = (
        lambda key: admin.delete(f"/v1/keys/{key}"),
        lambda key: keys_command(server, "revoke", key),
    )
    for seq, (revoke, promised_s) in enumerate(((by_the_server, 0), (by_hand, 1))):
        key = server.add_key("camera")
        camera = server.http_with(key)
        place, said = f"/v1/loads/{server.load}/frames/yard/{seq}", {"Captured-At": shots[0].captured_at}
        assert camera.put(place, content=shots[0].jpeg, headers=said).status_code == 201
        revoke(key_id(key))
        time.sleep(promised_s)
        assert camera.put(place, content=shots[0].jpeg, headers=said).status_code == 401


def test_a_key_that_is_expired_opens_nothing(keys):
    refused = keys["expired"].get("/v1/loads")
    assert refused.status_code == 401
    assert "expired at 2026-01-01" in refused.json()["detail"]


def test_a_key_for_one_lane_opens_no_other_lane(keys, server):
    server.open_load()
    for path in ("/v1/loads/nowhere/frames/yard/0", f"/v1/loads/{server.load}/frames/yard/0"):
        answer = keys["lane"].put(path, headers={"Captured-At": "2026-03-01T08:00:00Z"})
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"there is no load {path.split('/')[3]!r}"
    for lane, expected in (("8", 403), ("7", 200)):
        assert server.http.put(f"/v1/lanes/{lane}", json={}).status_code == 200
        assert keys["lane"].get(f"/v1/lanes/{lane}/cameras/yard").status_code == expected
    assert keys["lane"].get("/readyz").status_code == 200


@pytest.mark.parametrize("wrong", ["", "Bearer", "Basic YTpi", "Bearer llk__", "Bearer x", "Bearer llk_0_a", "llk"])
def test_what_is_no_key_is_refused_without_a_hint(server, wrong):
    answer = server.http_with(None).get("/v1/loads", headers={"Authorization": wrong})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "expired" not in answer.text


def test_who_knows_only_the_public_part_of_a_key_learns_nothing_of_it(server):
    token = server.add_key("auditor")
    wrong = f"llk_{key_id(token)}_{'A' * 43}"
    unknown = f"llk_{'0' * 12}_{'A' * 43}"
    answers = [server.http_with(key).get("/v1/loads") for key in (wrong, unknown)]
    assert answers[0].status_code == answers[1].status_code == 401
    assert answers[0].content == answers[1].content


def test_the_database_holds_no_key(server):
    token = server.add_key("camera", "--lane", "2", "--name", "north mast")
    engine = create_engine(server.database_url)
    with engine.connect() as connection:
        rows = connection.execute(select(ApiKey)).all()
    engine.dispose()
    assert key_id(token) in {row.id for row in rows}
    assert token.split("_", 2)[2] not in str(rows)
    listed = keys_command(server, "list").stdout
    (line,) = [line for line in listed.splitlines() if line.startswith(key_id(token))]
    assert "camera" in line
    assert "north mast" in line
    assert token.split("_", 2)[2] not in listed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "--role", "boss"), "there is no role 'boss'"),
        (("add", "--role", "manager", "--lane", "1"), "leave the lane out"),
        (("revoke", "nothing"), "there is no key 'nothing'"),
    ],
)
def test_keys_that_make_no_sense_are_refused_in_one_line(server, arguments, said):
    done = keys_command(server, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_settings_of_a_server_tell_keys_and_links_where_it_is(server, tmp_path):
    file = tmp_path / "server.toml"
    file.write_text(f'data = "{server.data}"\npublic_url = "https://scale.example"\n', encoding="utf-8")
    made = server.command("keys", "add", "--role", "auditor", "--settings", file)
    assert server.http_with(made.stdout.strip()).get("/v1/users").status_code == 200
    invited = server.command("users", "invite", "bo", "--role", "auditor", "--settings", file)
    assert invited.stdout.startswith("https://scale.example/login#")
    assert key_id(made.stdout) in server.command("keys", "list", "--settings", file).stdout
