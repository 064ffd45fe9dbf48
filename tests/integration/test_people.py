"""People: the first admin's link, invitations, passwords, sessions, as a browser meets them."""

import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import create_engine, select, update

from loadlens.serving.store.access_tables import Invitation, LoginSession, User

PASSWORD = "four wet lorries at dawn"


class Browser:
    """Keeps cookies, and shows the token that it was told at login."""

    def __init__(self, address):
        self.http = httpx2.Client(base_url=address, timeout=60, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()

    def ask(self, method, path, **more):
        return self.http.request(method, path, **more)

    def accept(self, link, name=None, password=PASSWORD):
        body = {"token": link.partition("#")[2], "password": password} | ({"name": name} if name else {})
        return self._in(self.ask("POST", "/v1/welcome", json=body))

    def log_in(self, name, password=PASSWORD):
        return self._in(self.ask("POST", "/v1/session", json={"name": name, "password": password}))

    def _in(self, answer):
        if answer.status_code == 200:
            self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]
        return answer


@pytest.fixture(scope="module")
def admin(server):
    """The first admin, by the link that the first start printed."""
    line = server.process.stdout.readline()
    assert line.startswith("first admin (works once, for a day): http://127.0.0.1:")
    with Browser(server.address) as browser:
        browser.link = line.split()[-1]
        assert browser.accept(browser.link, name="ada").status_code == 200
        yield browser


@pytest.fixture
def invited(server, admin):
    """Make a person of a role, who has accepted their invitation; gives their browser."""
    browsers = []

    def make(name, role="inspector"):
        answer = admin.ask("POST", "/v1/users", json={"name": name, "role": role})
        assert answer.status_code == 201, answer.text
        browsers.append(Browser(server.address))
        assert browsers[-1].accept(answer.json()["link"]).status_code == 200
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.http.close()


def database(server, statement):
    engine = create_engine(server.database_url)
    with engine.begin() as connection:
        result = connection.execute(statement)
        rows = result.all() if result.returns_rows else []
    engine.dispose()
    return rows


def test_the_first_start_gives_one_link_that_works_once(server, admin):
    assert admin.ask("GET", "/v1/session").json()["role"] == "admin"
    with Browser(server.address) as other:
        refused = other.accept(admin.link, name="eve")
        assert refused.status_code == 409
        assert "it was used" in refused.json()["detail"]
        assert other.ask("GET", "/v1/session").status_code == 401


def test_an_invitation_that_is_a_day_old_is_worth_nothing(server, admin):
    link = admin.ask("POST", "/v1/users", json={"name": "late", "role": "inspector"}).json()["link"]
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="milliseconds")
    database(server, update(Invitation).where(Invitation.name == "late").values(expires_at=past))
    with Browser(server.address) as late:
        assert late.accept(link).status_code == 409


def test_a_person_works_with_the_role_that_was_given(server, invited):
    browser = invited("ines")
    assert browser.ask("GET", "/v1/loads").status_code == 200
    assert browser.ask("POST", "/v1/loads", json={"id": "by-ines"}).status_code == 201
    steps = browser.ask("GET", "/v1/loads/by-ines/transitions").json()["transitions"]
    assert all(step["actor"] == "user:ines" for step in steps)
    assert browser.ask("GET", "/v1/keys").status_code == 403


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server, invited):
    invited("carl")
    with Browser(server.address) as browser:
        cookie = browser.log_in("carl").headers["set-cookie"]
    assert cookie.startswith("loadlens_session=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie  # plain http, and only because this is the loopback address


def test_logging_out_ends_the_session_at_the_server_and_not_only_the_cookie(server, invited):
    browser = invited("lou")
    cookie = dict(browser.http.cookies)
    assert browser.ask("DELETE", "/v1/session").status_code == 204
    with Browser(server.address) as thief:
        thief.http.cookies.update(cookie)
        assert thief.ask("GET", "/v1/session").status_code == 401


def test_logging_out_everywhere_ends_every_session(server, invited):
    first = invited("mo")
    with Browser(server.address) as second:
        second.log_in("mo")
        assert second.ask("GET", "/v1/session").status_code == 200
        assert first.ask("DELETE", "/v1/sessions").status_code == 204
        assert second.ask("GET", "/v1/session").status_code == 401


def test_another_password_ends_the_other_sessions_and_the_old_password(server, invited):
    first = invited("pia")
    with Browser(server.address) as second:
        second.log_in("pia")
        wrong = second.ask("PUT", "/v1/password", json={"present": "a wrong one entirely", "new": "x" * 20})
        assert wrong.status_code == 422
        new = "nine dry wagons at noon"
        assert second.ask("PUT", "/v1/password", json={"present": PASSWORD, "new": new}).status_code == 200
        assert second.ask("GET", "/v1/session").status_code == 200
        assert first.ask("GET", "/v1/session").status_code == 401
        assert first.log_in("pia").status_code == 401
        assert first.log_in("pia", new).status_code == 200


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaaaaaa", "x" * 257, "wendy-wendy1"])
def test_a_weak_password_is_refused_and_the_link_goes_on_working(server, admin, weak):
    link = admin.ask("POST", "/v1/users", json={"name": "wendy", "role": "auditor"}).json()["link"]
    with Browser(server.address) as browser:
        assert browser.accept(link, password=weak).status_code == 422
        if weak == "short":
            assert "12 to 256" in browser.accept(link, password=weak).json()["detail"]


def test_a_session_ends_when_nobody_uses_it_and_at_the_latest_after_its_time(server, invited):
    browser = invited("ida")
    long_ago = (datetime.now(UTC) - timedelta(minutes=61)).isoformat(timespec="milliseconds")
    database(server, update(LoginSession).where(LoginSession.user_name == "ida").values(seen_at=long_ago))
    assert browser.ask("GET", "/v1/session").status_code == 401
    browser.log_in("ida")
    just_now = datetime.now(UTC).isoformat(timespec="milliseconds")
    database(server, update(LoginSession).where(LoginSession.user_name == "ida").values(expires_at=just_now))
    assert browser.ask("GET", "/v1/session").status_code == 401


def test_who_is_shut_out_is_out_at_once_and_a_new_role_counts_at_once(server, admin, invited):
    browser = invited("sam", "inspector")
    assert admin.ask("PATCH", "/v1/users/sam", json={"role": "auditor"}).status_code == 200
    assert browser.ask("POST", "/v1/loads", json={"id": "by-sam"}).status_code == 403
    assert admin.ask("PATCH", "/v1/users/sam", json={"is_active": False}).status_code == 200
    assert browser.ask("GET", "/v1/loads").status_code == 401
    assert browser.log_in("sam").status_code == 401


@pytest.mark.parametrize("ends_by", ["another password", "shut out", "another role", "not used", "key revoked"])
def test_an_open_stream_of_events_ends_with_what_let_it_in(server, admin, invited, ends_by):
    name = f"sue-{next(server.numbers)}"
    key = admin.ask("POST", "/v1/keys", json={"name": "screen", "role": "auditor", "days": 1}).json()
    person = invited(name)
    http = server.http_with(key["key"]) if ends_by == "key revoked" else person.http
    with http.stream("GET", "/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        match ends_by:
            case "another password":
                other = {"present": PASSWORD, "new": "nine dry wagons at noon"}
                assert person.ask("PUT", "/v1/password", json=other).status_code == 200
            case "shut out":
                admin.ask("PATCH", f"/v1/users/{name}", json={"is_active": False})
            case "another role":
                admin.ask("PATCH", f"/v1/users/{name}", json={"role": "auditor"})
            case "not used":
                long_ago = (datetime.now(UTC) - timedelta(minutes=61)).isoformat(timespec="milliseconds")
                database(server, update(LoginSession).where(LoginSession.user_name == name).values(seen_at=long_ago))
            case "key revoked":
                admin.ask("DELETE", f"/v1/keys/{key['id']}")
        # A stream that goes on says so after 15 s of silence.
        assert "event: stream.alive" not in lines


def test_the_last_admin_cannot_be_taken_away(admin):
    for change in ({"role": "auditor"}, {"is_active": False}):
        refused = admin.ask("PATCH", "/v1/users/ada", json=change)
        assert refused.status_code == 409
        assert "no admin would be left" in refused.json()["detail"]


def test_an_admin_gives_and_takes_keys(server, admin):
    made = admin.ask("POST", "/v1/keys", json={"name": "mast", "role": "camera", "lane": "1", "days": 30}).json()
    http = server.http_with(made["key"])
    assert http.get("/v1/session").json() == {"name": f"key:{made['id']}", "role": "camera", "lane": "1", "csrf": None}
    assert made["key"] not in admin.ask("GET", "/v1/keys").text
    assert admin.ask("DELETE", f"/v1/keys/{made['id']}").status_code == 200
    assert http.get("/v1/session").status_code == 401


def test_who_guesses_has_to_wait_and_keeps_nobody_out_of_a_browser_of_theirs(server, invited):
    browser = invited("tom")
    with Browser(server.address) as guesser:
        answers = [guesser.log_in("tom", f"guess number {n}").status_code for n in range(11)]
        assert answers == [401] * 10 + [429]
        waiting = guesser.log_in("tom")
        assert waiting.status_code == 429
        assert int(waiting.headers["Retry-After"]) > 0
    assert browser.ask("GET", "/v1/session").status_code == 200  # who is in stays in
    assert browser.ask("DELETE", "/v1/session").status_code == 204
    assert browser.log_in("tom").status_code == 200  # from the guesser's address
    with Browser(server.address) as new:
        assert new.log_in("tom").status_code == 429
        new.http.cookies.set("loadlens_device", browser.http.cookies["loadlens_device"], domain="127.0.0.1")
        assert new.ask("GET", "/v1/session").status_code == 401  # it lets nobody in
        assert new.log_in("tom", "still a guess").status_code == 401
    assert [browser.log_in("tom", f"guess number {n}").status_code for n in range(10)] == [401] * 9 + [429]


def test_the_database_holds_neither_passwords_nor_sessions_nor_links(server, admin, invited):
    browser = invited("dan")
    link = admin.ask("POST", "/v1/users", json={"name": "new", "role": "auditor"}).json()["link"]
    rows = [database(server, select(table)) for table in (User, LoginSession, Invitation)]
    assert "$argon2id$" in str(rows)
    for secret in (PASSWORD, browser.http.cookies["loadlens_session"], link.partition("#")[2]):
        assert secret not in str(rows)


def test_the_journal_says_who_was_let_in_by_whom(server, invited):
    invited("eli")
    with server.http_as("auditor") as auditor:
        kinds = re.findall(r'"kind":"(user\.\w+)"', auditor.get("/v1/journal?subject=user:eli").text.replace(" ", ""))
    assert set(kinds) == {"user.invited", "user.created", "user.password"}


def test_the_login_page_runs_its_own_script_and_no_other(server):
    page = server.http_with(None).get("/login")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.text.count("<script>") == 1
