"""Who calls: a machine by its key or a person by a session, with one role and perhaps one lane."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do is decided by its role alone; `api/doors.py` holds the table."""

    CAMERA = "camera"  # a machine in a lane: camera, weighbridge, portal; it sends and sees nothing
    INSPECTOR = "inspector"  # opens, weighs, closes and reviews loads
    MANAGER = "manager"  # besides: re-opens, settles
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"  # gives keys and accounts and reads; settles nothing


# A key for one lane is for what stands in that lane; who manages or audits looks at all of them.
LANE_ROLES = frozenset({Role.CAMERA, Role.INSPECTOR})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. `name` is what records say: `key:ID` or `user:NAME`; `lane` None is every lane."""

    name: str
    role: Role
    lane: str | None = None
