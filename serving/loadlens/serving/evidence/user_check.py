"""Who people are said to be against the journal: a role that nobody gave could accept loads and settle them."""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.store.access_tables import User

_KINDS = ("user.created", "user.changed")


class UserCheck:
    """Shown every record, then the database. Passwords are in no record."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Any]] = {}

    def see(self, record: Record) -> Iterator[Finding]:
        """Take note of the role that a record gives, and whether it shuts somebody out."""
        if record.kind not in _KINDS:
            return
        name = record.subject.removeprefix("user:")
        try:
            body = json.loads(record.body)
            told = {"role": body["role"], **({"is_active": body["is_active"]} if "is_active" in body else {})}
        except (ValueError, KeyError, TypeError) as error:
            yield Finding(record.place, f"cannot be read ({type(error).__name__}: {error})")
        else:
            self._said[name] = {"is_active": True, **self._said.get(name, {}), **told}

    def check(self, session: Session) -> Iterator[Finding]:
        """What is wrong with the users of a database."""
        users = {user.name: user for user in session.scalars(select(User).order_by(User.name))}
        for name, user in users.items():
            if name not in self._said:
                yield Finding(f"users {name}", "no journal record stands for it: it was put in")
            for column, value in self._said.get(name, {}).items():
                if (now := getattr(user, column)) != value:
                    yield Finding(f"users {name}", f"{column} is {now!r}, the journal says {value!r}")
        for name in sorted(self._said.keys() - users.keys()):
            yield Finding(f"users {name}", "is missing; the journal says that it was made")
