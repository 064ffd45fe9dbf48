"""What a label's QR code says, signed, so that a forged or altered label is found when it is scanned.

The code is a link: a phone without our software opens the label's page; a reader of ours checks the signature first.
    https://HOST/w/IDENTITY?l=LIST:EDITION&m=GRAMS&s=SIGNATURE
The signature (Ed25519, base64url) covers everything before it but the host, which may change.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from loadlens.grading.quantity import Mass
from loadlens.waste.identity import IdentityError, parse_identity


class SealError(ValueError):
    """A scanned code that cannot be trusted; the message says why."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the code of a label vouches for: who and what it is, under which list, and its mass when labelled."""

    identity: str
    list_id: str
    edition: str
    mass: Mass


def seal(sealed: Sealed, sign: Callable[[bytes], bytes], host: str) -> str:
    """The link for a label's QR code, signed by `sign` with Ed25519; `host` is where the labels' pages are served."""
    path = _path(sealed)
    signature = base64.urlsafe_b64encode(sign(path.encode())).decode().rstrip("=")
    return f"https://{host}{path}&s={signature}"


def open_seal(link: str, key: Ed25519PublicKey) -> Sealed:
    """What a scanned link vouches for. Raises SealError where it is no label of ours, forged or altered."""
    parts = urlsplit(link)
    fields = {name: values[0] for name, values in parse_qs(parts.query).items() if len(values) == 1}
    if not parts.path.startswith("/w/") or set(fields) != {"l", "m", "s"}:
        raise SealError("this code is no waste label of LoadLens")
    list_id, _, edition = fields["l"].partition(":")
    try:
        sealed = Sealed(unquote(parts.path[3:]), list_id, edition, Mass(int(fields["m"])) * Decimal("0.001"))
        signature = base64.b64decode(fields["s"] + "==", altchars=b"-_", validate=True)
        key.verify(signature, _path(sealed).encode())
        parse_identity(sealed.identity)
    except (InvalidSignature, binascii.Error):
        raise SealError("the signature is not ours: this label is forged or was altered") from None
    except (ValueError, IdentityError) as error:
        raise SealError(f"this label's code cannot be read: {error}") from None
    return sealed


def _path(sealed: Sealed) -> str:
    grams = sealed.mass.kg * 1000
    if grams != int(grams):
        raise SealError(f"{sealed.mass} is finer than a gram; round it first")
    return f"/w/{quote(sealed.identity)}?l={quote(sealed.list_id)}:{quote(sealed.edition)}&m={int(grams)}"
