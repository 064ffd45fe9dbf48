"""What a site decides about its server.

A setting is taken from the option of a command, else from the environment (LOADLENS_PORT), else from a settings file
(TOML: `port = 8765`), else it has the default below. A name that is no setting is refused wherever it stands, because
a setting that is misspelt would silently not be in force.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from loadlens.grading.standard import DEFAULT_STANDARD
from loadlens.serving.access.settings import OidcSettings
from loadlens.serving.alarms.settings import HIDDEN, MqttSettings, WebhookSettings
from loadlens.serving.avoided import FactorSettings
from loadlens.serving.errors import RefusedError, WrongUseError
from loadlens.serving.producers import ProducerSettings

PREFIX = "LOADLENS_"
SETTINGS_FILE = f"{PREFIX}SETTINGS"
# Read by commands that are no server: the key that a camera agent or a weighbridge reader sends.
_NO_SETTINGS = frozenset({SETTINGS_FILE, f"{PREFIX}KEY"})
# A century stands for "never"; some longer spans reach beyond the calendar.
_CENTURY_DAYS = 36_500
_CENTURY_S = 24 * 3600 * _CENTURY_DAYS
_PASSWORD_IN_URL = re.compile(r"(://[^/@:]*:).*(@)|([?&]\w*password=)[^&]*()")


class Settings(BaseSettings):
    """The settings of one server. Read them with `read_settings`, which refuses what is no setting."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: Path = Path("loadlens-data")
    """Folder that holds everything the server must not lose."""

    database: str | None = None
    """Where the records are, postgresql+psycopg://user@host/name; without it a SQLite file in `data`. The password
    may also be given in PGPASSWORD or PGPASSFILE."""

    store: str | None = None
    """Where the pictures are, s3://bucket/prefix; without it a folder in `data`. The keys belong in AWS_ACCESS_KEY_ID
    and AWS_SECRET_ACCESS_KEY, the address of a store that is not Amazon's in AWS_ENDPOINT_URL."""

    signing_key: Path | None = None
    """File of the key that signs the journal; without it one in `data`, where whoever can change the database can
    change it too: name a better place."""

    anchor: Path | None = None
    """File that the heads of the journal go to; without it one in `data`: name a better place, as for the key."""

    host: str = "127.0.0.1"
    """Address to listen on. Beyond 127.0.0.1, put a proxy with TLS in front."""

    port: int = Field(default=8765, ge=0, le=65535)
    """Port to listen on; 0 takes any free one."""

    model: Path | None = None
    """A model file; without it the one that is shipped."""

    model_trial_loads: int = Field(default=10, ge=1)
    """So many past loads must a new model and the present one have watched before the new one may take over."""

    standard: str = DEFAULT_STANDARD
    """Standard of loads that name none: a shipped id, or the path of a .toml file."""

    bed: str | None = None
    """The truck bed as x,y,w,h in pixels of the frames; without it the server finds the bed itself."""

    beds: dict[str, str] = Field(default_factory=dict)
    """The bed in the frames of single cameras, as a table (in the environment JSON): "lane/camera" or "camera" to
    x,y,w,h. `bed` holds for all others."""

    max_body_bytes: int = Field(default=16 * 2**20, gt=0)
    """The largest request body that is read; a larger one is answered 413."""

    body_within_s: int = Field(default=30, gt=0)
    """So long may the body of a frame take to arrive (408)."""

    max_frames_in_flight: int = Field(default=32, gt=0)
    """So many frames are received and stored at once; a camera beyond that is told to wait (503, Retry-After)."""

    stop_within_s: int = Field(default=20, gt=0)
    """After SIGTERM, answers in hand may take so long, then the frame being graded as long again."""

    min_free_bytes: int = Field(default=2**29, ge=0)
    """With less free space on the disk no frame is taken (507) and /readyz answers 503."""

    mqtt: MqttSettings | None = None
    """Broker that alarms are published to, as a table (in the environment JSON): host, port, prefix, node, username,
    password, tls, ca_file."""

    webhooks: tuple[WebhookSettings, ...] = ()
    """Addresses that are told, as tables (in the environment JSON): name, url, secret, allow_private, and events, of
    what: ["alarms"], ["waste"] or both."""

    frames_before_load_s: float = Field(default=60, ge=0, le=_CENTURY_S)
    """Frames of a lane that were taken up to so many seconds before a load was opened belong to it."""

    unclosed_after_h: float = Field(default=12, gt=0, le=24 * _CENTURY_DAYS)
    """A load that is open for so many hours is flagged for a person; it is never closed by itself."""

    unweighed_after_h: float = Field(default=12, gt=0, le=24 * _CENTURY_DAYS)
    """A load whose truck was not weighed empty within so many hours of its close is flagged for a person."""

    camera_silent_s: float = Field(default=120, gt=0, le=_CENTURY_S)
    """A camera agent that has said nothing for so many seconds is taken for lost while a load is open on its lane."""

    device_lost_s: float = Field(default=90, gt=0, le=_CENTURY_S)
    """A scale or sensor that is not well for so many seconds, or whose reader has said nothing, is an alarm."""

    sweep_every_s: float = Field(default=30, gt=0, le=_CENTURY_S)
    """How often the server looks for such loads and cameras."""

    claim_expires_s: int = Field(default=600, gt=0, le=86400)
    """Whoever has claimed a load and says nothing for so many seconds has let go of it: long enough to walk to the
    truck and back, short enough that no truck waits for somebody who went home."""

    clock_tolerance_s: float = Field(default=300, gt=0, le=_CENTURY_S)
    """A camera's clock that is further off than this many seconds is not believed, and a person is told."""

    public_url: str | None = Field(default=None, pattern=r"^https?://[\w.\-]+(:\d+)?$")
    """The address by which people reach this server, as https://scale.example; with https, cookies go over TLS only."""

    time_zone: ZoneInfo | None = None
    """The yard's time zone, as Asia/Shanghai: suppliers read times in it, on their page and on tickets, and reasons to
    look at a load tell them in it. Without it that of this machine, which in a container is UTC."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies in front (in the environment JSON); X-Forwarded-For and -Proto are believed from them."""

    session_idle_min: int = Field(default=60, gt=0, le=24 * 60 * _CENTURY_DAYS)
    """A person who does nothing for so many minutes has to log in again."""

    session_hours: int = Field(default=12, gt=0, le=24 * _CENTURY_DAYS)
    """After so many hours everybody has to log in again."""

    supplier_link_days: float = Field(default=7, gt=0, le=_CENTURY_DAYS)
    """So many days the link to the supplier's page leads there. When they are over nothing is confirmed by itself."""

    dispute_answer_days: float = Field(default=3, gt=0, le=_CENTURY_DAYS)
    """A dispute that no manager has answered within so many days is flagged; it stays open."""

    producers: tuple[ProducerSettings, ...] = ()
    """Plants whose waste is labelled here, as tables (in the environment JSON): unit, name, contact, phone, and
    holds_permit = true where it may treat hazardous waste, by which it reports more often."""

    avoided_co2e: tuple[FactorSettings, ...] = ()
    """Factors by which reports estimate the CO2e that recovered waste avoids, as tables (in the environment JSON):
    kind, list, codes, low, kg_per_t and high (kg of CO2e per tonne), source, edition."""

    oidc: OidcSettings | None = None
    """A service that people log in through, as a table (in the environment JSON): issuer, client_id, client_secret,
    claim, roles."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; debug also tells of every frame that was taken."""

    log_format: Literal["console", "json"] = "console"
    """Logs for a person, or one JSON object a line for a collector; both on stderr."""

    keep_frames_days: int | None = Field(default=None, ge=1, le=_CENTURY_DAYS)
    """Days after the end of a load that its frames are kept, and days that a frame which belongs to no load is; without
    it for ever. What somebody may still ask about is kept in any case: see serving/README.md."""

    keep_drawings_days: int | None = Field(default=None, ge=1, le=_CENTURY_DAYS)
    """The same for the pictures that were drawn on."""

    @model_validator(mode="after")
    def _oidc_has_a_way_back(self) -> "Settings":
        if self.oidc is not None and self.public_url is None:
            raise ValueError("oidc needs public_url, the address that the provider sends people back to")
        return self

    @property
    def signing_key_file(self) -> Path:
        """Where the key of the journal is."""
        return self.signing_key or self.data / "signing.key"

    @property
    def anchor_file(self) -> Path:
        """Where the heads of the journal go."""
        return self.anchor or self.data / "journal.anchor"

    @property
    def database_url(self) -> str:
        """Where the records are, also where the setting leaves it to us."""
        return self.database or f"sqlite:///{self.data / 'loadlens.sqlite'}"


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as it is in force: the value as text, secrets hidden, and where it comes from."""

    name: str
    value: str
    origin: str


def read_settings(file: Path | None = None, **given: Any) -> Settings:
    """The settings in force. `given` are options of a command; None means that the option was not given.

    `file` is a settings file, by default the one that LOADLENS_SETTINGS names. Raises WrongUseError for an unknown or
    impossible value in the environment or an option, RefusedError for one in the file or a file that cannot be read.
    """
    return _read(file, given)[0]


def settings_in_force(file: Path | None = None) -> list[InForce]:
    """Every setting with its value and origin, as `read_settings` would read them; raises as it does."""
    settings, origins = _read(file, {})
    return [InForce(name, value, origins.get(name, "default")) for name, value in shown_settings(settings).items()]


def shown_settings(settings: Settings) -> dict[str, str]:
    """Every setting as text, secrets hidden."""
    return {name: _shown(getattr(settings, name)) for name in Settings.model_fields}


def _read(file: Path | None, given: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    file = file or (Path(os.environ[SETTINGS_FILE]) if os.environ.get(SETTINGS_FILE) else None)
    options = {name: value for name, value in given.items() if value is not None}
    environment = _from_environment()
    in_file = {} if file is None else _from_file(file)
    origins = (
        {name: str(file) for name in in_file}
        | {name: f"{PREFIX}{name.upper()}" for name in environment}
        | {name: f"--{name.replace('_', '-')}" for name in options}
    )
    try:
        return Settings(**(in_file | environment | options)), origins
    except ValidationError as error:
        faults = [(origins.get(str(fault["loc"][0]), ""), fault) for fault in error.errors()]
        lines = [f"{origin}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for origin, fault in faults]
        kind = RefusedError if all(origin == str(file) for origin, _ in faults) else WrongUseError
        raise kind("; ".join(lines)) from None


def _from_environment() -> dict[str, Any]:
    found = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)} - _NO_SETTINGS
    if unknown := _unknown((name.removeprefix(PREFIX).lower() for name in found), f"{PREFIX}{{}}", str.upper):
        raise WrongUseError(f"the environment: {unknown}")
    return EnvSettingsSource(Settings)()


def _from_file(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise RefusedError(f"{file}: no such settings file")
    try:
        read = TomlConfigSettingsSource(Settings, toml_file=file)()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RefusedError(f"{file}: cannot be read as TOML ({error})") from None
    if unknown := _unknown(read, "{}", str):
        raise RefusedError(f"{file}: {unknown}")
    return read


def _unknown(names: Iterable[str], form: str, spell: Any) -> str:
    """A sentence about the names that are no settings, with the nearest that is one; empty where all are."""
    lines = []
    for name in sorted(set(names) - set(Settings.model_fields)):
        nearest = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0)[0]
        lines.append(f"no setting {form.format(spell(name))}; did you mean {form.format(spell(nearest))}?")
    return " ".join(lines)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(rf"\1\3{HIDDEN}\2\4", value)
    return str(value)
