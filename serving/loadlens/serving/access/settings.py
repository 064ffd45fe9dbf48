"""What a site writes into its settings about the service that vouches for its people."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from loadlens.serving.access.caller import Role


class OidcSettings(BaseModel):
    """An OpenID Connect provider. `roles` says which role a value of the claim `claim` gives; without one nobody
    comes in.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: HttpUrl
    client_id: str
    client_secret: SecretStr
    claim: str = "groups"
    roles: Annotated[dict[str, Role], Field(min_length=1)]
