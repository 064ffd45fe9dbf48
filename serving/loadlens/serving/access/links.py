"""Links for suppliers: signed with the key of the journal, which lies outside the database, so nobody makes one up.

    TOKEN = payload "." signature, both base64url without padding
    payload = version "\\n" end of the link in seconds since 1970 "\\n" id of the load

A link names one version of one load and ends by itself; it ends too when the key that signed it is changed.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from loadlens.serving.store import journal

_ABOUT = b"loadlens.supplier-link/1 "
_LONGEST = 600


class LinkError(Exception):
    """A link that is not ours, or that was altered."""


class LinkOverError(Exception):
    """A link of ours that has ended."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a link leads to, and until when."""

    load_id: str
    version: int
    until: datetime


def make_link(session: Session, named: Named) -> str:
    """The token that leads to one version of one load; the same one for the same key and time."""
    payload = f"{named.version}\n{int(named.until.timestamp())}\n{named.load_id}".encode()
    return f"{_text(payload)}.{_text(bytes.fromhex(journal.sign(session, _ABOUT + payload)))}"


def open_link(session: Session, token: str, at: datetime) -> Named:
    """What a token leads to at a moment. Raises LinkError, LinkOverError."""
    payload, signature = _parts(token)
    if not journal.is_signed_here(session, _ABOUT + payload, signature.hex()):
        raise LinkError
    version, end, load_id = payload.decode().split("\n")
    named = Named(load_id, int(version), datetime.fromtimestamp(int(end), UTC))
    if at >= named.until:
        raise LinkOverError
    return named


def _parts(token: str) -> tuple[bytes, bytes]:
    try:
        payload, signature = (base64.urlsafe_b64decode(part + "==") for part in token[:_LONGEST].split("."))
    except (ValueError, binascii.Error):
        raise LinkError from None
    if f"{_text(payload)}.{_text(signature)}" != token:  # one link has one spelling
        raise LinkError
    return payload, signature


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
