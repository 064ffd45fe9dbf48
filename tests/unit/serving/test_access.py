"""What is not there is answered along the same path as what is wrong; several may try at once."""

import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from loadlens.serving.access import keys as keys_module
from loadlens.serving.access import passwords
from loadlens.serving.access.caller import Role
from loadlens.serving.access.keys import KeyRefusedError, Keys, NewKey
from loadlens.serving.access.limits import (
    PER_ADDRESS,
    PER_LINK,
    PER_NAME,
    PER_NAME_AND_SOURCE,
    LinkLimit,
    LoginLimit,
    TooManyAttemptsError,
)
from loadlens.serving.access.users import UserError, Users
from loadlens.serving.seal import open_seal
from loadlens.serving.settings import Settings
from loadlens.serving.sheet.page import render_refusal
from loadlens.serving.store.database import open_database
from loadlens.serving.store.journal import sealed

PASSWORD = "four wet lorries at dawn"


@pytest.fixture
def engine(tmp_path):
    settings = Settings(data=tmp_path)
    engine = sealed(open_database(settings.database_url), open_seal(settings))
    yield engine
    engine.dispose()


def test_every_key_is_compared_once_in_constant_time_whatever_is_wrong_with_it(engine, monkeypatch):
    compared = []

    def watched(one, other):
        compared.append((len(one), len(other)))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(keys_module, "hmac", type("watched hmac", (), {"compare_digest": staticmethod(watched)}))
    keys = Keys(engine)
    row, token = keys.add(NewKey("mast", Role.CAMERA, None, 1), "test")
    for wrong in (f"llk_{row.id}_wrong", "llk_unknown_wrong", "", "llk", token[:-1]):
        with pytest.raises(KeyRefusedError, match="not known"):
            keys.caller(wrong)
    assert keys.caller(token).name == f"key:{row.id}"
    assert compared == [(64, 64)] * 6


def test_a_password_costs_who_guesses_it_64_mebibytes_and_three_passes():
    kept = passwords.hash_password(PASSWORD, name="ada")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.is_password(PASSWORD, kept)


def test_the_password_of_nobody_is_hashed_like_that_of_anybody(engine, monkeypatch):
    checked = []
    hasher = passwords._hasher

    class Watched:
        hash = staticmethod(hasher.hash)

        @staticmethod
        def verify(kept, password):
            checked.append(kept.split("$")[1:4])
            return hasher.verify(kept, password)

    users = Users(engine)
    token = users.invite("ada", Role.ADMIN, "test")
    users.accept(token, None, PASSWORD)
    monkeypatch.setattr(passwords, "_hasher", Watched)
    assert not users.check_password("ada", "something else")
    assert not users.check_password("nobody", "something else")
    assert users.check_password("ada", PASSWORD)
    assert len(checked) == 3
    assert checked[0] == checked[1]  # the same variant, version and cost


def test_attempts_at_the_same_time_do_not_slip_past_the_limit(engine):
    limit, begin = LoginLimit(engine), threading.Barrier(20)

    def attempt(_):
        begin.wait()
        try:
            limit.attempt("ada", "192.0.2.1", None)
        except TooManyAttemptsError:
            return 0
        return 1

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(attempt, range(20))) == PER_NAME_AND_SOURCE


def tries(limit, name, address, device=None):
    """Try until it is one too many; how often that was."""
    for number in range(1000):
        try:
            limit.attempt(name, address, device)
        except TooManyAttemptsError:
            return number
    raise AssertionError("there is no limit")


def test_a_stranger_locks_nobody_out_and_many_that_guess_together_are_slowed(engine):
    limit = LoginLimit(engine)
    assert tries(limit, "ada", "192.0.2.1") == PER_NAME_AND_SOURCE
    assert tries(limit, "ada", "2001:db8::1") == PER_NAME_AND_SOURCE
    assert tries(limit, "ada", "2001:db8::2:3") == 0  # the same network, so the same hand
    limit.attempt("ada", "192.0.2.99", None)  # the owner, at a browser that is new, from elsewhere
    limit.succeeded("ada", "192.0.2.99", None)
    together = sum(tries(limit, "ada", f"198.51.100.{n}") for n in range(20))
    assert 2 * PER_NAME_AND_SOURCE + together == PER_NAME
    assert tries(limit, "ada", "192.0.2.99") == 0
    assert tries(limit, "bob", "192.0.2.99") == PER_NAME_AND_SOURCE
    # The owner at a browser that is known, beside the guesser.
    assert tries(limit, "ada", "192.0.2.1", "a1") == PER_NAME_AND_SOURCE
    limit.attempt("ada", "192.0.2.1", "b2")


def test_one_address_that_tries_many_names_is_slowed_and_known_browsers_behind_it_are_not(engine):
    limit = LoginLimit(engine)
    for n in range(PER_ADDRESS):
        limit.attempt(f"name-{n}", "192.0.2.1", None)
    assert tries(limit, "ada", "192.0.2.1") == 0
    limit.attempt("ada", "192.0.2.1", "a1")


def test_a_device_is_known_for_the_person_and_the_password_it_was_made_for(engine):
    users = Users(engine)
    for name in ("ada", "bob"):
        users.accept(users.invite(name, Role.ADMIN, "test"), None, PASSWORD)
    cookie = users.new_device("ada")
    assert users.known_device("ada", cookie) == cookie.partition(".")[0]
    forged = (cookie.replace(cookie[0], "g", 1), cookie.partition(".")[0], "", ".", "é.é", "x" * 5000)
    assert [users.known_device("ada", other) for other in forged] == [None] * len(forged)
    assert users.known_device("bob", cookie) is users.known_device("nobody", cookie) is None
    users.set_password("ada", "nine dry wagons at noon")
    assert users.known_device("ada", cookie) is None


def test_a_link_that_many_use_at_once_lets_one_of_them_in(engine):
    users, begin = Users(engine), threading.Barrier(4)
    token = users.first_invitation()

    def accept(n):
        begin.wait()
        try:
            return users.accept(token, f"user-{n}", PASSWORD).name
        except UserError:
            return None

    with ThreadPoolExecutor(4) as pool:
        names = [name for name in pool.map(accept, range(4)) if name]
    assert [user.name for user in users.all()] == names
    assert len(names) == 1
    assert users.first_invitation() is None


def test_several_keys_of_one_machine_are_valid_at_once_until_one_is_revoked(engine):
    keys = Keys(engine)
    (old, old_token), (_, new_token) = (keys.add(NewKey("mast", Role.CAMERA, "3", 1), "test") for _ in range(2))
    assert keys.caller(old_token).lane == keys.caller(new_token).lane == "3"
    keys.revoke(old.id, "test")
    assert keys.caller(new_token).role is Role.CAMERA
    with pytest.raises(KeyRefusedError, match="revoked"):
        keys.caller(old_token)


def test_a_link_that_is_used_without_end_has_to_wait_and_no_other_does():
    limit = LinkLimit()
    for _ in range(PER_LINK):
        limit.ask("one")
    with pytest.raises(TooManyAttemptsError, match="wait 15 minutes"):
        limit.ask("one")
    limit.ask("another")
    refusal = render_refusal(429)
    assert "Wait 15 minutes" in refusal
    assert "请 15 分钟后再试" in refusal
