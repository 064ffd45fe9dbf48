"""Where alarms go: what a site writes into its settings."""

import base64
import binascii
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr

_SECRET_PREFIX = "whsec_"
_SHORTEST_SECRET = 24
# Stands for what must not be shown.
HIDDEN = "********"

# What is told: alarms, and what happens to waste.
Topic = Literal["alarms", "waste"]


def secret_bytes(secret: str) -> bytes:
    """The key in a webhook's secret, `whsec_` and base64, as Standard Webhooks writes it. Raises ValueError."""
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_SECRET_PREFIX) or len(key) < _SHORTEST_SECRET:
        raise ValueError(
            f"must be {_SECRET_PREFIX} and the base64 of {_SHORTEST_SECRET} bytes or more, "
            f"as `echo {_SECRET_PREFIX}$(openssl rand -base64 32)` makes it"
        )
    return key


def _checked(secret: SecretStr) -> SecretStr:
    secret_bytes(secret.get_secret_value())
    return secret


def _without_secrets(url: HttpUrl) -> str:
    """An address without user, path and query, which many receivers know their senders by."""
    parts = urlsplit(str(url))
    who, _, host = parts.netloc.rpartition("@")
    rest = parts.path.strip("/") or parts.query or parts.fragment
    return f"{parts.scheme}://{f'{HIDDEN}@' if who else ''}{host}/{HIDDEN if rest else ''}"


class WebhookSettings(BaseModel):
    """An address that messages are posted to; `events` says of what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w.\-]{1,32}$")]
    url: HttpUrl
    secret: Annotated[SecretStr, AfterValidator(_checked)]
    allow_private: bool = False
    events: Annotated[frozenset[Topic], Field(min_length=1)] = frozenset({"alarms"})

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """As settings are shown and put on record: of the address where it leads, and not what a sender is known by."""
        shown = dict(super().__repr_args__())
        return (shown | {"url": _without_secrets(self.url)}).items()


class MqttSettings(BaseModel):
    """A broker that alarms are published to. `node` tells the servers of a site apart and must differ between them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    port: int = Field(default=1883, ge=1, le=65535)
    prefix: Annotated[str, Field(pattern=r"^[^+#\x00]+$")] = "loadlens"
    node: Annotated[str, Field(pattern=r"^[\w.\-]{1,64}$")] = Field(default_factory=socket.gethostname)
    username: str | None = None
    password: SecretStr | None = None
    tls: bool = False
    ca_file: Path | None = None
