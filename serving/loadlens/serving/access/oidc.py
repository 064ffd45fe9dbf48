"""Logging in through another service: OpenID Connect, authorization code with PKCE.

What has to survive the way to the provider and back (state, nonce, verifier) lies in a cookie of the browser that
began, so nobody can finish a login that another browser began.
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization

from loadlens.serving.access.caller import Role
from loadlens.serving.access.secrets import new_secret
from loadlens.serving.access.settings import OidcSettings

CALLBACK = "/v1/oidc/callback"
_TIMEOUT_S = 10
_NAME = re.compile(r"\w[\w.@\-]{0,63}")
_CLOCK_LEEWAY_S = 60
# Signatures of a key pair only: with "none" or a shared secret anybody could write a token.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"]


class OidcError(Exception):
    """The provider's answer does not let this person in; the message says why."""


@dataclass(frozen=True, slots=True)
class Trip:
    """What a browser takes along to the provider."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Trip":
        """A trip that nobody can guess."""
        return cls(new_secret(), new_secret(), new_secret())

    def to_cookie(self) -> str:
        """As the value of a cookie."""
        return f"{self.state}.{self.nonce}.{self.verifier}"

    @classmethod
    def from_cookie(cls, value: str) -> "Trip":
        """From the value of a cookie; raises OidcError."""
        parts = value.split(".")
        if len(parts) != 3 or not all(parts):
            raise OidcError("this login was not begun in this browser, or long ago; begin again")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for."""

    identity: str
    name: str
    role: Role


class Oidc:
    """One provider. Its address comes from the settings, and every other address from it alone."""

    def __init__(self, settings: OidcSettings, public_url: str | None) -> None:
        if public_url is None:
            raise ValueError("oidc needs public_url, the address that the provider sends people back to")
        self._settings = settings
        self._issuer = str(settings.issuer).rstrip("/")
        self._back = public_url.rstrip("/") + CALLBACK

    def address(self, trip: Trip) -> str:
        """Where to send the browser. Raises OidcError where the provider does not answer."""
        with _client() as http:
            where = _place(self._provider(http), "authorization_endpoint")
        challenge = _challenge(trip.verifier)
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": "openid profile",
            "state": trip.state,
            "nonce": trip.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{where}?{urlencode(query)}"

    def vouched(self, trip: Trip, state: str, code: str) -> Vouched:
        """Whom the provider vouches for with this code. Raises OidcError."""
        if not secrets.compare_digest(state.encode(), trip.state.encode()):
            raise OidcError("this answer belongs to another login; begin again")
        with _client() as http:
            provider = self._provider(http)
            answer = _json(
                http.post(
                    _place(provider, "token_endpoint"),
                    data={
                        "grant_type": "authorization_code",
                        "code": code,
                        "redirect_uri": self._back,
                        "code_verifier": trip.verifier,
                    },
                    auth=(self._settings.client_id, self._settings.client_secret.get_secret_value()),
                )
            )
            keys = _keys(_json(http.get(_place(provider, "jwks_uri"))))
        return self._from_claims(self._claims(str(answer.get("id_token", "")), keys, trip.nonce))

    def _provider(self, http: httpx2.Client) -> dict[str, Any]:
        found = _json(http.get(f"{self._issuer}/.well-known/openid-configuration"))
        if str(found.get("issuer", "")).rstrip("/") != self._issuer:
            raise OidcError(f"{self._issuer} calls itself {found.get('issuer')!r}")
        return found

    def _claims(self, id_token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        try:
            token = jwt.decode(id_token, keys, algorithms=_ALGORITHMS)
            jwt.JWTClaimsRegistry(
                now=lambda: int(time.time()),
                leeway=_CLOCK_LEEWAY_S,
                iss={"essential": True, "values": [self._issuer, f"{self._issuer}/"]},
                aud={"essential": True, "value": self._settings.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(token.claims)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the provider's token is not valid: {error}") from None
        claims: dict[str, Any] = token.claims
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise OidcError("the provider's token is for another client")
        return claims

    def _from_claims(self, claims: Mapping[str, Any]) -> Vouched:
        given = claims.get(self._settings.claim, [])
        values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        roles = [role for value, role in self._settings.roles.items() if value in values]
        if not roles:
            raise OidcError(f"none of your {self._settings.claim} has a role here; ask an admin")
        name = str(claims.get("preferred_username") or claims["sub"])
        if not _NAME.fullmatch(name):
            raise OidcError(f"the name {name!r} cannot be used here")
        return Vouched(f"{self._issuer} {claims['sub']}", name, roles[0])


def _challenge(verifier: str) -> str:
    """The S256 challenge of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@contextmanager
def _client() -> Iterator[httpx2.Client]:
    """A client for one conversation with the provider; what goes wrong on the way is an OidcError."""
    try:
        with httpx2.Client(timeout=_TIMEOUT_S, follow_redirects=False) as http:
            yield http
    except httpx2.TransportError as error:
        raise OidcError(f"the provider does not answer: {error}") from None


def _place(provider: Mapping[str, Any], name: str) -> str:
    """One address of the provider, as it tells it itself."""
    if not isinstance(place := provider.get(name), str):
        raise OidcError(f"the provider does not tell its {name}; ask an admin to look at the setting oidc")
    return place


def _keys(found: dict[str, Any]) -> KeySet:
    try:
        return KeySet.import_key_set(cast(KeySetSerialization, found))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise OidcError(f"the provider's keys cannot be used: {type(error).__name__}") from None


def _json(answer: httpx2.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise OidcError(f"{answer.url.host} answered {answer.status_code}")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise OidcError(f"{answer.url.host} did not answer with an object")
    return found
