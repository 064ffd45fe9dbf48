"""The standards of a site: those that are shipped or set, and the editions that people save and activate.

Which edition a load is graded by follows from when it arrived, and an activation is never dated back: so a load keeps
its standard, whatever is activated after it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnExpressionArgument, select
from sqlalchemy.orm import Session

from loadlens.grading.standard import Standard, StandardError, list_standards, load_standard, parse_standard
from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.store import journal
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.settings_tables import StandardActivation, StandardEdition
from loadlens.serving.store.tables import Load, now

_LATEST = timedelta(days=3653)


class Standards:
    """The standards of one site, over its blobs; a file is read and checked once."""

    def __init__(self, blobs: Blobs, default: str) -> None:
        """`default` is the id of a shipped standard or the path of a file. Raises StandardError."""
        set_here = load_standard(default)
        self._blobs = blobs
        self._default = set_here.id
        self._editions: dict[str, Standard] = {}
        self.given: Mapping[str, Standard] = {one.id: one for one in (*list_standards(), set_here)}
        self.refs = {id_: id_ for id_ in self.given} | {set_here.id: default}

    def of(self, session: Session, load: Load) -> Standard:
        """The standard that a load is graded by; ConflictError where this server no longer has it."""
        found = self.find(session, load)
        if found is None:
            raise ConflictError(
                f"this server no longer has the standard {load.standard}, by which load {load.id} is graded; name its "
                "file in the setting `standard` again"
            )
        return found

    def find(self, session: Session, load: Load) -> Standard | None:
        """As `of`, but None where this server no longer has it."""
        return self._at(session, load.standard, load.created_at)

    def named(self, session: Session, asked: str | None) -> str:
        """The id of the standard asked for, or of the default one; UnacceptableError where there is none."""
        if asked is None:
            return self.default(session)
        known = self.in_force(session)
        if asked not in known:
            raise UnacceptableError(f"no standard {asked!r}; there are {', '.join(sorted(known))}")
        return asked

    def default(self, session: Session) -> str:
        """The id of the standard of loads that arrive now and name none."""
        activation = _newest(session, StandardActivation.is_default, at=now())
        return activation.standard if activation else self._default

    def in_force(self, session: Session) -> dict[str, Standard]:
        """The standards that loads which arrive now can be graded by, by id."""
        at = now()
        activated = session.scalars(select(StandardActivation.standard).where(StandardActivation.since <= at))
        found = {id_: self._at(session, id_, at) for id_ in (*self.given, *activated)}
        return {id_: standard for id_, standard in found.items() if standard is not None}

    def edition(self, session: Session, sha256: str) -> tuple[Standard, bytes]:
        """A standard by the digest of its file, given or saved, with that file. Raises UnknownLoadError."""
        is_given = any(one.sha256 == sha256 for one in self.given.values())
        if not is_given and session.get(StandardEdition, sha256) is None:
            raise UnknownLoadError(f"no standard has a file of SHA-256 {sha256}")
        return self._read(sha256), self._blobs.get(sha256)

    def save(self, session: Session, data: bytes, *, actor: str) -> StandardEdition:
        """Keep a file as an edition of its standard; the same file again changes nothing.

        Raises UnacceptableError for one with a fault, ConflictError where its id or version is taken.
        """
        standard = _checked(data)
        if (known := session.get(StandardEdition, standard.sha256)) is not None:
            return known
        if standard.id in {one.id for one in list_standards()}:
            raise ConflictError(f"{standard.id} is shipped and stays what it is; give your copy an id of its own")
        twin = select(StandardEdition).where(
            StandardEdition.standard == standard.id, StandardEdition.version == standard.version
        )
        if session.scalars(twin).first() is not None:
            raise ConflictError(f"there is another {standard.id} of version {standard.version}; raise the version")
        self._blobs.put(data)
        edition = StandardEdition(sha256=standard.sha256, standard=standard.id, version=standard.version, actor=actor)
        session.add(edition)
        about = {"id": standard.id, "version": standard.version, "sha256": standard.sha256}
        journal.append(session, "standard.saved", f"standard:{standard.id}", about, actor, rows=[edition])
        return edition

    def activate(
        self,
        session: Session,
        standard: str,
        sha256: str | None,
        *,
        since: datetime | None,
        is_default: bool,
        reason: str,
        actor: str,
    ) -> StandardActivation:
        """Let an edition hold from a moment on, by default from now. Raises UnacceptableError, UnknownLoadError."""
        if sha256 is None and standard not in self.given:
            raise UnknownLoadError(f"no file of {standard!r} is shipped or set; name an edition of it")
        if sha256 is not None:
            edition = session.get(StandardEdition, sha256)
            if edition is None or edition.standard != standard:
                raise UnknownLoadError(f"{standard!r} has no edition of SHA-256 {sha256}")
        at = datetime.now(UTC)
        if since is not None and since < at:
            raise UnacceptableError(
                f"{since.isoformat()} has passed, and old loads keep their standard; name a later moment"
            )
        if since is not None and since - at > _LATEST:
            raise UnacceptableError(f"{since.isoformat()} is more than ten years ahead; check the year")
        activation = StandardActivation(
            standard=standard,
            sha256=sha256,
            since=(since or at).astimezone(UTC).isoformat(timespec="milliseconds"),
            is_default=is_default,
            reason=reason,
            actor=actor,
        )
        session.add(activation)
        journal.append(session, "standard.activated", f"standard:{standard}", {}, actor, rows=[activation])
        return activation

    def _at(self, session: Session, standard: str, at: str) -> Standard | None:
        activation = _newest(session, StandardActivation.standard == standard, at=at)
        if activation is None or activation.sha256 is None:
            return self.given.get(standard)
        return self._read(activation.sha256)

    def _read(self, sha256: str) -> Standard:
        for one in self.given.values():
            if one.sha256 == sha256:
                return one
        if sha256 not in self._editions:
            self._editions[sha256] = parse_standard(self._blobs.get(sha256), name=f"standard {sha256}")
        return self._editions[sha256]


def editions(session: Session) -> list[StandardEdition]:
    """Every edition that was saved, newest first."""
    return list(session.scalars(select(StandardEdition).order_by(StandardEdition.at.desc(), StandardEdition.sha256)))


def activations(session: Session) -> list[StandardActivation]:
    """Every activation, newest first."""
    return list(session.scalars(select(StandardActivation).order_by(StandardActivation.id.desc())))


def _newest(session: Session, which: ColumnExpressionArgument[bool], *, at: str) -> StandardActivation | None:
    query = select(StandardActivation).where(which, StandardActivation.since <= at)
    return session.scalars(
        query.order_by(StandardActivation.since.desc(), StandardActivation.id.desc()).limit(1)
    ).first()


def _checked(data: bytes) -> Standard:
    try:
        return parse_standard(data, name="the standard")
    except StandardError as error:
        raise UnacceptableError(str(error)) from None
