"""What somebody tries who wants in, wants more than is theirs, or wants the server down. None of it succeeds."""

import base64
import json
import socket
import struct
import zlib
from contextlib import contextmanager

import httpx2
import pytest

PASSWORD = "four wet lorries at dawn"
NOW = {"Captured-At": "2026-03-01T08:00:00Z"}


@contextmanager
def browser(server, **headers):
    with httpx2.Client(base_url=server.address, timeout=60, trust_env=False, headers=headers) as http:
        yield http


@pytest.fixture(scope="module")
def person(server):
    """An admin with a password; gives a browser that is logged in, and what it shows with every change."""
    link = server.run("users", "invite", "ada")
    with browser(server) as http:
        answer = http.post("/v1/welcome", json={"token": link.partition("#")[2], "password": PASSWORD})
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield http


@pytest.fixture(scope="module")
def lane_key(server):
    """An inspector of lane 7, and a load on lane 8."""
    for lane in ("7", "8"):
        assert server.http.put(f"/v1/lanes/{lane}", json={}).status_code == 200
    assert server.http.post("/v1/loads", json={"id": "on-8", "lane": "8"}).status_code == 201
    return server.http_as("inspector", "--lane", "7")


@pytest.fixture(autouse=True)
def alive(server):
    """After every attack the server answers as before."""
    yield
    assert server.http.get("/healthz").status_code == 200


def raw(server, data, *, answers=1):
    """Send bytes as they are; returns what comes back until the server closes or has answered."""
    host, port = server.address.removeprefix("http://").split(":")
    got = b""
    with socket.create_connection((host, int(port)), timeout=60) as line:
        try:
            line.sendall(data)
            while got.count(b"HTTP/1.1 ") < answers or b"\r\n\r\n" not in got:
                more = line.recv(65536)
                if not more:
                    break
                got += more
        except (ConnectionResetError, BrokenPipeError):
            pass
    return got


def bearer(server):
    return f"Authorization: Bearer {server.key}\r\n".encode()


# Paths.


@pytest.mark.parametrize(
    "path",
    [
        "/v1/loads/../../../etc/passwd",
        "/v1/loads/..%2f..%2f..%2fetc%2fpasswd",
        "/v1/loads/%2e%2e/%2e%2e/etc/passwd",
        "/v1/loads/..%5c..%5cwindows",
        "/v1/loads/%252e%252e%252fetc",
        "/v1/loads/x%00.html",
        "/v1/loads/x%0d%0aSet-Cookie:%20a=b",
        "//evil.example/v1/loads",
        "/v1//loads",
        "/v1/loads/x/./report.html",
    ],
)
def test_an_odd_path_leads_nowhere(server, path):
    answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode() + bearer(server) + b"\r\n")
    assert answer.split()[1] in (b"400", b"404")
    assert b"root:" not in answer
    assert b"\nset-cookie:" not in answer.lower()
    assert b"\nlocation:" not in answer.lower()


def test_a_name_of_a_camera_or_load_cannot_be_a_path(server):
    assert server.http.post("/v1/loads", json={"id": "../../x"}).status_code == 422
    assert server.http.put("/v1/lanes/..%2fx/frames/yard/0", headers=NOW).status_code == 400
    server.open_load()
    assert server.http.put(f"/v1/loads/{server.load}/frames/.hidden/0", headers=NOW).status_code == 422


# Pictures and bodies.


def png(width, height, data=b""):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "body",
    [
        png(60000, 60000),
        png(20000, 20000, bytes(3 * 10**7)),
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        b"<html><script>alert(1)</script></html>",
        b"GIF89a" + b"\xff" * 100,
        b"",
    ],
    ids=["pixels", "bomb", "svg", "html", "gif", "nothing"],
)
def test_a_bomb_or_a_disguise_is_no_frame(server, body):
    server.open_load()
    answer = server.http.put(f"/v1/loads/{server.load}/frames/yard/0", content=body, headers=NOW)
    assert answer.status_code == 422
    assert server.http.get(f"/v1/loads/{server.load}").json()["frames"]["stored"] == 0


def test_a_packed_body_is_not_unpacked(server):
    packed = zlib.compress(b'{"id": "packed"}' + b" " * 10**7)
    answer = server.http.post(
        "/v1/loads", content=packed, headers={"Content-Encoding": "deflate", "Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 415, 422)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 500_000,
        '{"a":' * 100_000,
        '{"kg": 1' + "0" * 10_000 + "}",
        '{"kg": 1e999999999}',
        '{"kg": "1e-999999999"}',
    ],
    ids=["lists", "objects", "digits", "exponent", "tiny"],
)
def test_a_json_bomb_is_refused(server, body):
    server.open_load()
    place = f"/v1/loads/{server.load}/weights/gross"
    answer = server.http.put(place, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413, 422)


def test_a_body_of_json_is_read_no_further_than_it_may_be_long(server):
    answer = server.http.post("/v1/loads", json={"note": "x" * 2**21})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "send less" in answer.json()["detail"]


def test_of_two_equal_names_in_json_one_counts_everywhere(server):
    body = b'{"id": "twice-a", "id": "twice-b"}'
    answer = server.http.post("/v1/loads", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["id"]) == (201, "twice-b")
    assert server.http.get("/v1/loads/twice-a").status_code == 404


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_that_a_form_could_send_is_not_json(server, kind):
    answer = server.http.post("/v1/loads", content=b'{"id": "form"}', headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert server.http.get("/v1/loads/form").status_code == 404


# HTTP itself.


def test_headers_beyond_measure_are_refused(server):
    answer = raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 2**20 + b"\r\n\r\n")
    assert b" 200 " not in answer


def test_headers_that_never_end_hold_nobody_up(server):
    host, port = server.address.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), timeout=60) for _ in range(100)]
    try:
        for line in lines:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert server.http.get("/v1/loads").status_code == 200
    finally:
        for line in lines:
            line.close()


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Content-Length: -1\r\n",
    ],
)
def test_a_smuggled_request_is_never_answered(server, head):
    smuggled = b"0\r\n\r\nGET /v1/loads HTTP/1.1\r\nHost: x\r\n" + bearer(server) + b"\r\n"
    answer = raw(server, b"POST /v1/session HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + smuggled, answers=2)
    assert b'"loads"' not in answer


def test_a_name_of_a_host_that_is_not_ours_comes_back_nowhere(server):
    for path in ("/v1/loads", "/v1/loads/", "/login", "/v1/oidc/login", "/nothing"):
        answer = server.http.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
        assert "evil.example" not in answer.text + str(answer.headers)


def test_a_method_in_a_header_or_query_is_not_obeyed(server):
    reader = server.http_as("auditor")
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert "loads" in reader.get("/v1/loads?_method=POST", headers={name: "POST"}).json()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "POSTT"])
def test_no_other_method_opens_a_door(server, method):
    answer = raw(server, f"{method} /v1/loads HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.split()[1] in (b"401", b"400", b"403", b"405")


def test_a_websocket_is_no_way_in(server):
    upgrade = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
    answer = raw(server, b"GET /v1/loads HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n")
    assert answer.split()[1] in (b"401", b"400", b"403")


def test_every_answer_ties_the_browsers_hands(server):
    for answer in (server.http.get("/v1/loads"), server.http.get("/v1/nothing"), server.http_with(None).get("/login")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers  # plain http: a browser would be locked out


def test_a_page_of_another_site_may_read_nothing(server):
    answer = server.http.get("/v1/loads", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


# Keys.


@pytest.mark.parametrize(
    "change", ["shorter", "longer", "case", "other id", "only id", "spaces", "query", "cookie", "basic"]
)
def test_nothing_that_is_like_a_key_is_one(server, change):
    key, (_, key_id, secret) = server.key, server.key.split("_", 2)
    given = {
        "shorter": key[:-1],
        "longer": key + "A",
        "case": key.swapcase(),
        "other id": f"llk_{'0' * 12}_{secret}",
        "only id": f"llk_{key_id}_",
        "spaces": f"{key[:30]} {key[30:]}",
    }
    with browser(server) as http:
        if change == "query":
            answer = http.get(f"/v1/loads?key={key}&access_token={key}")
        elif change == "cookie":
            answer = http.get("/v1/loads", headers={"Cookie": f"loadlens_session={key}"})
        elif change == "basic":
            plain = base64.b64encode(f"{key_id}:{key}".encode()).decode()
            answer = http.get("/v1/loads", headers={"Authorization": f"Basic {plain}"})
        else:
            answer = http.get("/v1/loads", headers={"Authorization": f"Bearer {given[change]}"})
    assert answer.status_code == 401


def test_two_keys_in_one_request_are_none(server):
    keys = b"Authorization: Bearer wrong\r\n" + bearer(server)
    for both in (keys, bearer(server) + b"Authorization: Bearer wrong\r\n"):
        answer = raw(server, b"GET /v1/loads HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + both + b"\r\n")
        assert answer.split()[1] == b"401"


def test_a_key_of_a_lane_cannot_find_out_which_loads_other_lanes_have(lane_key):
    there, nowhere = lane_key.get("/v1/loads/on-8"), lane_key.get("/v1/loads/no-8")
    assert there.status_code == nowhere.status_code == 404
    assert there.text.replace("on-8", "no-8") == nowhere.text
    for query in ("", "?lane=8", "?lane=7&lane=8", "?lane=8&lane=7", "?lane="):
        assert lane_key.get(f"/v1/loads{query}").status_code == 403
    assert lane_key.get("/v1/loads?lane=7").json()["loads"] == []


def test_a_key_of_a_lane_opens_no_load_elsewhere(lane_key):
    for lane in ("8", None):
        assert lane_key.post("/v1/loads", json={"id": "elsewhere", "lane": lane}).status_code == 403
    assert lane_key.post("/v1/loads/on-8/close").status_code == 404
    assert lane_key.put("/v1/loads/on-8/weights/gross", json={"kg": 1}).status_code == 404


# People.


def test_a_foreign_page_cannot_use_the_session_of_a_person(server, person):
    cookie = {"Cookie": f"loadlens_session={person.cookies['loadlens_session']}"}
    wanted = {"name": "eve", "role": "admin"}
    with browser(server, **cookie) as foreign:
        assert foreign.get("/v1/session").status_code == 200
        assert foreign.post("/v1/users", json=wanted).status_code == 403
        assert foreign.post("/v1/users", json=wanted, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    for tell in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert person.post("/v1/users", json=wanted, headers=tell).status_code == 403
    assert "eve" not in person.get("/v1/users").text


def test_a_foreign_page_cannot_log_a_person_in_as_somebody_else(server, person):
    login = {"name": "ada", "password": PASSWORD}
    with browser(server) as http:
        assert http.post("/v1/session", json=login, headers={"Origin": "https://evil.example"}).status_code == 403
        assert http.post("/v1/session", data=login).status_code == 422
        assert not http.cookies


def test_a_session_that_somebody_planted_is_not_the_one_that_login_opens(server, person):
    planted = "A" * 43
    with browser(server) as http:
        http.cookies.set("loadlens_session", planted, domain="127.0.0.1")
        answer = http.post("/v1/session", json={"name": "ada", "password": PASSWORD})
        assert answer.status_code == 200
        assert planted not in answer.headers["set-cookie"]
    with browser(server, Cookie=f"loadlens_session={planted}") as attacker:
        assert attacker.get("/v1/session").status_code == 401


def test_a_session_of_before_the_login_ends_with_it(server, person):
    with browser(server) as http:
        http.post("/v1/session", json={"name": "ada", "password": PASSWORD})
        before = http.cookies["loadlens_session"]
        http.post("/v1/session", json={"name": "ada", "password": PASSWORD})
        assert http.cookies["loadlens_session"] != before
    with browser(server, Cookie=f"loadlens_session={before}") as old:
        assert old.get("/v1/session").status_code == 401


def test_whether_a_name_exists_is_told_to_nobody(server, person):
    with browser(server) as http:
        known, unknown = (
            http.post("/v1/session", json={"name": name, "password": "not the password"}) for name in ("ada", "nobody")
        )
    assert known.status_code == unknown.status_code == 401
    assert known.content == unknown.content


def test_another_address_in_a_header_does_not_start_the_count_anew(server):
    answers = []
    with browser(server) as http:
        for n in range(12):
            forged = {
                "X-Forwarded-For": f"203.0.113.{n}",
                "X-Real-IP": f"203.0.113.{n}",
                "Forwarded": f"for=203.0.113.{n}",
            }
            body = {"name": "guessed", "password": f"guess number {n}"}
            answers.append(http.post("/v1/session", json=body, headers=forged).status_code)
    assert answers[-1] == 429


def test_nobody_takes_more_than_was_given(server):
    link = server.run("users", "invite", "ned", "--role", "inspector")
    body = {"token": link.partition("#")[2], "password": PASSWORD}
    with browser(server) as http:
        assert http.post("/v1/welcome", json=body | {"role": "admin"}).status_code == 422
        answer = http.post("/v1/welcome", json=body | {"name": "ada"})
        assert answer.json()["name"] == "user:ned"  # the invitation says who, not its holder
        http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        assert http.patch("/v1/users/ned", json={"role": "admin"}).status_code == 403
        assert http.post("/v1/keys", json={"name": "mine", "role": "admin"}).status_code == 403
        assert http.post("/v1/users/ada/invitation").status_code == 403


# What is stored and shown.

SQL = "x' OR '1'='1' --"


def test_sql_in_a_value_is_only_a_value(server):
    server.http.post("/v1/loads", json={"id": "sql", "plate": SQL, "supplier": "'; DROP TABLE loads; --"})
    assert server.http.get("/v1/loads/sql").json()["plate"] == SQL
    assert [load["id"] for load in server.http.get("/v1/loads", params={"plate": SQL}).json()["loads"]] == ["sql"]
    for name in ("supplier", "lane", "q"):
        assert server.http.get("/v1/loads", params={name: "nothing' OR 1=1 --"}).json()["loads"] == []
    assert server.http.get("/v1/loads", params={"status": SQL}).status_code == 422


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "' OR 1=1 --",
        "%00",
        base64.urlsafe_b64encode(json.dumps(["9999", "x"]).encode()).decode(),
        base64.urlsafe_b64encode(b'["2026", {"$gt": ""}]').decode(),
        base64.urlsafe_b64encode(b"\x80\x04cos\nsystem\n(S'id'\ntR.").decode(),
    ],
)
def test_a_cursor_that_was_made_up_shows_nothing_that_a_list_would_not(server, cursor):
    answer = server.http.get("/v1/loads", params={"cursor": cursor})
    assert answer.status_code in (200, 400, 422)


def test_a_line_break_in_a_value_makes_no_header(server):
    evil = "x\r\nSet-Cookie: stolen=1"
    assert server.http.post("/v1/loads", json={"id": evil}).status_code == 422
    answer = server.http.post("/v1/loads", json={"id": "crlf", "plate": evil})
    assert "set-cookie" not in answer.headers
    assert "\n" not in answer.headers["x-request-id"]
    given = raw(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: a%0d%0ab\r\n\r\n")
    assert b"a%0d%0ab" not in given


def test_html_in_what_a_driver_says_is_text_in_the_report(server):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    place = "/v1/loads/html"
    body = {"id": "html", "plate": "<b>京A</b>", "supplier": evil, "declared": evil[:60], "note": evil}
    assert server.http.post("/v1/loads", json=body).status_code == 201
    assert server.http.post(f"{place}/close?wait=true").status_code == 200
    page = server.http.get(f"{place}/report.html")
    assert "<script>" not in page.text
    assert "<img src=x" not in page.text
    assert "<b>京A" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_answer_to_one_caller_is_not_given_to_another(server):
    once = {"Idempotency-Key": "the-same-for-both"}
    first = server.http.post("/v1/loads", json={"supplier": "mine alone"}, headers=once)
    other = server.http_as("inspector").post("/v1/loads", json={"supplier": "mine alone"}, headers=once)
    assert first.status_code == other.status_code == 201
    assert first.json()["id"] != other.json()["id"]


@pytest.mark.parametrize(
    "standard", ["http://169.254.169.254/latest.toml", "file:///etc/passwd", "//evil/x.toml", "/etc/x.toml"]
)
def test_the_server_fetches_nothing_that_a_caller_names(server, standard):
    assert server.http.post("/v1/loads", json={"standard": standard}).status_code == 422


def test_no_route_takes_an_address_to_fetch(server):
    schema = json.dumps(server.http.get("/openapi.json").json()).lower()
    for word in ('"url"', '"uri"', '"callback"', '"webhook"', '"format": "uri"'):
        assert word not in schema


def test_no_secret_is_in_the_log(serve):
    server = serve(log_level="debug", log_format="json")
    link = server.run("users", "invite", "ada")
    token = link.partition("#")[2]
    with browser(server) as http:
        answer = http.post("/v1/welcome", json={"token": token, "password": PASSWORD})
        cookie, csrf = http.cookies["loadlens_session"], answer.json()["csrf"]
        http.post("/v1/session", json={"name": "ada", "password": "wrong " + PASSWORD})
        key = http.post("/v1/keys", json={"name": "new", "role": "camera"}, headers={"X-CSRF-Token": csrf}).json()[
            "key"
        ]
        http.get(f"/v1/loads?key={key}")
        http.get("/v1/loads", headers={"Authorization": f"Bearer {key}x"})
        http.post("/v1/loads", content=b"{", headers={"Authorization": f"Bearer {server.key}"})
    log = server.log.read_text(encoding="utf-8")
    assert "/v1/welcome" in log
    for secret in (token, PASSWORD, cookie, csrf, key, server.key):
        assert secret not in log
