"""People log in through another service: a real provider over HTTP, and tokens that are not what they should be."""

import json

import httpx2
import pytest
from tests.integration.oidc_provider import CLIENT, SECRET, Provider

PUBLIC = "http://yard.example"


@pytest.fixture(scope="module")
def provider():
    running = Provider()
    yield running
    running.close()


@pytest.fixture
def honest(provider):
    """The provider without the faults that a test gave it."""
    yield provider
    provider.person = {"sub": "4711", "preferred_username": "olga", "groups": ["yard"]}
    provider.tamper, provider.sign = (lambda claims: claims), provider.with_own_key
    provider.untold, provider.keys = "", {"keys": [provider.key.as_dict(private=False)]}


@pytest.fixture(scope="module")
def site(provider, model_file, tmp_path_factory, make_server):
    oidc = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET, "roles": {"yard": "inspector"}}
    environment = {"LOADLENS_OIDC": json.dumps(oidc), "LOADLENS_PUBLIC_URL": PUBLIC}
    running = make_server(tmp_path_factory.mktemp("oidc") / "data", model_file, environment)
    yield running
    running.stop()


def browser(site):
    return httpx2.Client(base_url=site.address, timeout=60, trust_env=False)


def come_back(site, http):
    """Go to the provider as a browser does; returns the path on which it sends the browser back."""
    begun = http.get("/v1/oidc/login")
    assert begun.status_code == 303, begun.text
    assert "SameSite=lax" in begun.headers["set-cookie"]
    with httpx2.Client(timeout=60, trust_env=False) as elsewhere:
        sent_back = elsewhere.get(begun.headers["location"])
    assert sent_back.headers["location"].startswith(f"{PUBLIC}/v1/oidc/callback?")
    return sent_back.headers["location"].removeprefix(PUBLIC)


def log_in(site):
    with browser(site) as http:
        return http.get(come_back(site, http)), http.get("/v1/session")


def test_whom_the_provider_vouches_for_comes_in_with_the_role_of_their_group(site, honest):
    assert site.http_with(None).get("/v1/oidc").json() == {"oidc": True}  # so the console offers it
    answer, session = log_in(site)
    assert answer.status_code == 200, answer.text
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].replace(",", ";").split("; "))
    assert (session.json()["name"], session.json()["role"]) == ("user:olga", "inspector")


def test_who_is_in_no_group_with_a_role_does_not_come_in(site, honest):
    honest.person = {"sub": "4712", "preferred_username": "nina", "groups": ["canteen"]}
    answer, session = log_in(site)
    assert answer.status_code == 403
    assert "ask an admin" in answer.json()["detail"]
    assert session.status_code == 401
    with browser(site) as http:
        page = http.get(come_back(site, http), headers={"Accept": "text/html"})
    assert page.status_code == 403
    assert "none of your groups has a role here" in page.text
    assert "您的 groups 在本系统中均无对应角色；请联系系统管理员" in page.text


def test_a_stranger_does_not_become_somebody_by_taking_their_name(site, honest):
    log_in(site)
    honest.person = {"sub": "6666", "preferred_username": "olga", "groups": ["yard"]}
    answer, session = log_in(site)
    assert answer.status_code == 409
    assert session.status_code == 401


@pytest.mark.parametrize(
    "tamper",
    [
        {"iss": "http://evil.example"},
        {"aud": "another client"},
        {"exp": 1},
        {"nonce": "of another login"},
        {"azp": "another client", "aud": [CLIENT, "another client"]},
    ],
    ids=lambda tamper: next(iter(tamper)),
)
def test_a_token_for_somebody_or_something_else_lets_nobody_in(site, honest, tamper):
    honest.tamper = lambda claims: claims | tamper
    answer, session = log_in(site)
    assert answer.status_code == 403
    assert session.status_code == 401


@pytest.mark.parametrize("forgery", ["with_another_key", "with_the_public_key_as_a_secret", "without_signature"])
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(site, honest, forgery):
    honest.sign = getattr(honest, forgery)
    answer, session = log_in(site)
    assert answer.status_code == 403
    assert "not valid" in answer.json()["detail"]
    assert session.status_code == 401


def test_the_answer_of_one_browser_does_not_log_another_one_in(site, honest):
    with browser(site) as attacker, browser(site) as victim:
        path = come_back(site, attacker)
        assert victim.get(path).status_code == 403
        come_back(site, victim)
        assert victim.get(path).status_code == 403
        assert victim.get("/v1/session").status_code == 401


def test_a_code_works_once(site, honest):
    with browser(site) as http:
        path = come_back(site, http)
        trip = dict(http.cookies)
        assert http.get(path).status_code == 200
    with browser(site) as thief:
        thief.cookies.update(trip)
        assert thief.get(path).status_code == 403
        assert thief.get("/v1/session").status_code == 401


@pytest.mark.parametrize("untold", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_provider_that_does_not_tell_its_addresses_is_named_with_what_is_missing(site, honest, untold):
    honest.untold = untold
    with browser(site) as http:
        begun = http.get("/v1/oidc/login")
        answer = begun
        if begun.status_code == 303:
            with httpx2.Client(timeout=60, trust_env=False) as elsewhere:
                sent_back = elsewhere.get(begun.headers["location"])
            answer = http.get(sent_back.headers["location"].removeprefix(PUBLIC))
    assert answer.status_code == 403
    assert f"does not tell its {untold}" in answer.json()["detail"]


@pytest.mark.parametrize("keys", [{}, {"keys": [{"kty": "RSA"}]}, {"keys": 7}], ids=["none", "half a key", "a number"])
def test_a_provider_whose_keys_are_none_lets_nobody_in(site, honest, keys):
    honest.keys = keys
    answer, _ = log_in(site)
    assert answer.status_code == 403
    assert "keys cannot be used" in answer.json()["detail"]
