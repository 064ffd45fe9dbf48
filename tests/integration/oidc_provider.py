"""A small provider of OpenID Connect, over HTTP on this machine."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

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
        self.untold = ""
        self.keys = {"keys": [self.key.as_dict(private=False)]}
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
            places = {name: f"{self.issuer}/{path}" for name, path in names.items() if name != self.untold}
            answer(handler, {"issuer": self.issuer} | places)
        elif place.path == "/keys":
            answer(handler, self.keys)
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
