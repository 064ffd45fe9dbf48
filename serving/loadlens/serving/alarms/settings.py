"""Where alarms go: what a site writes into its settings."""

import base64
import binascii
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr

_SECRET_PREFIX = "whsec_"
_SHORTEST_SECRET = 24

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


class WebhookSettings(BaseModel):
    """An address that messages are posted to; `events` says of what."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[\w.\-]{1,32}$")]
    url: HttpUrl
    secret: Annotated[SecretStr, AfterValidator(_checked)]
    allow_private: bool = False
    events: Annotated[frozenset[Topic], Field(min_length=1)] = frozenset({"alarms"})


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
