"""An admin gives and takes: keys of machines, people and their roles."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from loadlens.serving.access.caller import Role
from loadlens.serving.access.keys import NewKey
from loadlens.serving.api.parts import actor_of, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.api.session import UserName
from loadlens.serving.api.settings_shapes import KeyList, KeyMade, UserList, UserShown
from loadlens.serving.api.shapes import shaped
from loadlens.serving.store.access_tables import ApiKey, KeyRevocation, User

router = APIRouter(tags=["access"])

Named = Annotated[str, Path(pattern=r"^\w[\w.@\-]{0,63}$")]


class KeyWanted(BaseModel):
    """A key for a machine. `lane` null is every lane; `days` is how long it is valid.

    `replaces` is a key that this one follows: it is good until it is revoked, so that the machine is never without.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Role
    lane: Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")] | None = None
    days: Annotated[int, Field(ge=1, le=3650)] = 365
    replaces: Annotated[str, Field(pattern=r"^\w{1,32}$")] | None = None


class UserWanted(BaseModel):
    """A person who is to come in."""

    model_config = ConfigDict(extra="forbid")

    name: UserName
    role: Role


class UserChange(BaseModel):
    """What is to be different about a user; null stays as it is."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    is_active: bool | None = None


@router.get("/keys", response_model=None, responses=answers() | shaped(KeyList))
def list_keys(request: Request) -> dict[str, Any]:
    """Every key that was ever made, oldest first; never its secret part."""
    return {"keys": [_key(*entry) for entry in parts_of(request).access.keys.all()]}


@router.post("/keys", status_code=201, response_model=None, responses=answers() | shaped(KeyMade, 201))
def add_key(request: Request, wanted: KeyWanted) -> dict[str, Any]:
    """Make a key. The answer is the only place where it can be seen."""
    new = NewKey(wanted.name, wanted.role, wanted.lane, wanted.days, wanted.replaces)
    row, token = parts_of(request).access.keys.add(new, actor_of(request))
    return {**_key(row, None), "key": token}


@router.delete("/keys/{key_id}", responses=answers())
def revoke_key(request: Request, key_id: Annotated[str, Path(pattern=r"^\w{1,32}$")]) -> dict[str, Any]:
    """Let a key open nothing from now on."""
    revocation = parts_of(request).access.keys.revoke(key_id, actor_of(request))
    return {"id": key_id, "revoked_at": revocation.at, "revoked_by": revocation.by}


@router.get("/users", response_model=None, responses=answers() | shaped(UserList))
def list_users(request: Request) -> dict[str, Any]:
    """Every user by name."""
    return {"users": [_user(user) for user in parts_of(request).access.users.all()]}


@router.post("/users", status_code=201, responses=answers(409))
def invite_user(request: Request, wanted: UserWanted) -> dict[str, Any]:
    """Invite a person; hand them the link, on which they choose a password. It works once, for a day."""
    token = parts_of(request).access.users.invite(wanted.name, wanted.role, actor_of(request))
    return {"name": wanted.name, "role": wanted.role, "link": f"/login#{token}"}


@router.post("/users/{name}/invitation", status_code=201, responses=answers(409))
def reinvite_user(request: Request, name: Named) -> dict[str, Any]:
    """Let a person choose a new password by a link. The old password and every session end now."""
    token = parts_of(request).access.users.reinvite(name, actor_of(request))
    return {"name": name, "link": f"/login#{token}"}


@router.patch("/users/{name}", response_model=None, responses=answers(409) | shaped(UserShown))
def change_user(request: Request, name: Named, change: UserChange) -> dict[str, Any]:
    """Give a person another role, or shut them out or in."""
    users = parts_of(request).access.users
    return _user(users.change(name, actor_of(request), role=change.role, is_active=change.is_active))


def _key(key: ApiKey, revocation: KeyRevocation | None) -> dict[str, Any]:
    names = ("id", "name", "role", "lane", "created_at", "created_by", "expires_at")
    return {name: getattr(key, name) for name in names} | {"revoked_at": revocation and revocation.at}


def _user(user: User) -> dict[str, Any]:
    has_password = user.password is not None
    return {
        "name": user.name,
        "role": user.role,
        "is_active": user.is_active,
        "has_password": has_password,
        "identity": user.identity,
        "created_at": user.created_at,
    }
