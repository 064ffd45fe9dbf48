"""The server as those in the yard speak to it: one lane of it, over HTTP, with a key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

from loadlens.serving.errors import RefusedError, WrongUseError
from loadlens.serving.ingest.spool import Spooled

KEY_VARIABLE = "LOADLENS_KEY"
# A server may ask for patience, but not for more than this.
_LONGEST_WAIT_S = 900.0


class ServerUnreachableError(Exception):
    """No answer came; the message says why. Whether the server has received anything is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: the status, the reason where it refused, and how long it asks to wait, in seconds."""

    status: int
    reason: str
    wait_s: float
    body: Mapping[str, Any]


class LaneServer:
    """One lane of a server. Any thread may call any method; each raises ServerUnreachableError where none answers."""

    def __init__(self, address: str, lane: str, key: str | None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        timeout = httpx2.Timeout(30.0, connect=5.0)
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=timeout)
        self._lane = f"/v1/lanes/{quote(lane, safe='')}"

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def ask_camera(self, camera: str) -> Answer:
        """What is known of a camera: `next_seq` is the number of its next frame."""
        return self._ask("GET", f"{self._lane}/cameras/{camera}")

    def put_frame(self, camera: str, seq: int, data: bytes, frame: Spooled) -> Answer:
        """Hand over one frame under its number; 201 and 200 mean that it is durable there."""
        headers = {
            "Captured-At": frame.captured_at.isoformat(),
            "Sent-At": frame.clock_now().isoformat(),
            "Why-Kept": frame.why,
        }
        return self._ask("PUT", f"{self._lane}/frames/{camera}/{seq}", content=data, headers=headers)

    def put_health(self, camera: str, health: Mapping[str, Any]) -> Answer:
        """Say how a camera does."""
        return self._ask("PUT", f"{self._lane}/cameras/{camera}/health", json=health)

    def post_reading(self, reading: Mapping[str, Any]) -> Answer:
        """Hand over one reading under its id; 201 and 200 mean that it is durable there."""
        return self._ask("POST", f"{self._lane}/readings", json=reading)

    def put_device_health(self, device: str, health: Mapping[str, Any]) -> Answer:
        """Say how a scale or sensor does."""
        return self._ask("PUT", f"{self._lane}/devices/{device}/health", json=health)

    def _ask(self, method: str, place: str, **more: Any) -> Answer:
        try:
            answer = self._http.request(method, place, **more)
        except httpx2.TransportError as error:
            raise ServerUnreachableError(str(error) or type(error).__name__) from error
        wait_s = min(_seconds(answer.headers.get("Retry-After", "")), _LONGEST_WAIT_S)
        try:
            body = answer.json()
        except ValueError:  # a proxy's page
            body = {}
        body = body if isinstance(body, dict) else {}
        return Answer(answer.status_code, str(body.get("detail", answer.reason_phrase)), wait_s, body)


def _seconds(retry_after: str) -> float:
    """The two forms of Retry-After, RFC 9110 section 10.2.3; 0 where it is neither."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0


def check_address(address: str) -> str:
    """The address of a server as the user gave it. Raises WrongUseError where it is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise WrongUseError(f"{address!r} is not the address of a server; give one such as https://loadlens.example")
    return address.rstrip("/")


def read_key(file: Path | None) -> str | None:
    """The key from a file, else from the environment; None where there is neither. Raises RefusedError."""
    if file is None:
        return os.environ.get(KEY_VARIABLE) or None
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedError(f"{file}: the key cannot be read ({error}); check the path") from error
    if not key.isascii() or len(key.split()) != 1:
        raise RefusedError(f"{file}: holds no key; it must hold one word and nothing else")
    return key
