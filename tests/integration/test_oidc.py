"""People log in through another service: a real provider over HTTP, and tokens that are not what they should be."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "loadlens", "the client's secret"


class Provider:
    """Vouches for whoever comes, with the claims in `person`; `tamper` changes the claims, `sign` signs them."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.person = {"sub": "4711", "preferred_username": "olga", "groups": ["yard"]}
        self.tamper = lambda claims: claims
        self.sign = self.with_own_key
        self.asked = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.get(self)

            def do_POST(self):
                provider.token(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def with_own_key(self, claims):
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def with_another_key(self, claims):
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))

    def with_the_public_key_as_a_secret(self, claims):
        """The confusion of algorithms: HS256 with what everybody knows."""
        parts = ({"alg": "HS256", "kid": "one"}, claims)
        signed = ".".join(_url64(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_url64(hmac.digest(self.key.as_pem(private=False), signed.encode(), 'sha256'))}"

    def without_signature(self, claims):
        parts = ({"alg": "none"}, claims)
        return ".".join(_url64(json.dumps(part).encode()) for part in parts) + "."

    def get(self, handler):
        place = urlsplit(handler.path)
        if place.path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            answer(handler, {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in names.items()})
        elif place.path == "/keys":
            answer(handler, {"keys": [self.key.as_dict(private=False)]})
        else:
            asked = {name: values[0] for name, values in parse_qs(place.query).items()}
            code = secrets.token_urlsafe(16)
            self.asked[code] = asked
            handler.send_response(302)
            back = urlencode({"code": code, "state": asked["state"]})
            handler.send_header("Location", f"{asked['redirect_uri']}?{back}")
            handler.end_headers()

    def token(self, handler):
        form = parse_qs(handler.rfile.read(int(handler.headers["Content-Length"])).decode())
        asked = self.asked.pop(form["code"][0], None)
        challenge = _url64(hashlib.sha256(form["code_verifier"][0].encode()).digest())
        client = f"Basic {base64.b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
        is_known = asked is not None and asked["code_challenge"] == challenge
        if not is_known or handler.headers["Authorization"] != client:
            answer(handler, {"error": "invalid_grant"}, 400)
            return
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.person
        answer(handler, {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(self.tamper(claims))})


def answer(handler, body, status=200):
    data = json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


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
