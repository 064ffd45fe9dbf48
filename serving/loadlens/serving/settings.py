"""What a site decides about its server: environment variables that start with LOADLENS_, or options of `serve`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from loadlens.grading.standard import DEFAULT_STANDARD


class Settings(BaseSettings):
    """The settings of one server.

    `data` holds everything the server must not lose. `model` None is the shipped model. `standard` is a shipped id or
    the path of a .toml file. `bed` is x,y,w,h in pixels of the camera's frames; None lets the server find it.
    `signing_key` is the file of the key that signs the journal and `anchor` the file that its heads go to; None puts
    both into `data`, where whoever can change the database can change them too: name better places.
    `port` 0 takes any free port. The server knows no users: keep it on a network that you trust.
    """

    model_config = SettingsConfigDict(env_prefix="LOADLENS_", frozen=True)

    data: Path = Path("loadlens-data")
    signing_key: Path | None = None
    anchor: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=0, le=65535)
    model: Path | None = None
    standard: str = DEFAULT_STANDARD
    bed: str | None = None
    max_body_bytes: int = Field(default=16 * 2**20, gt=0)
    min_free_bytes: int = Field(default=2**29, ge=0)
