"""What is shown to a supplier: one version of a load, with the ticket that rests on it."""

import hashlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from loadlens.grading.standard import Standard
from loadlens.serving.loads import Loads
from loadlens.serving.records import assessments, tickets
from loadlens.serving.records.statements import Shown
from loadlens.serving.store.tables import Assessment, Load, Ticket


@dataclass(frozen=True, slots=True)
class Source:
    """A load, one version of its assessment, and the ticket that rests on it, None while there is none.

    `standard` gives grades their names; None where this server no longer has it.
    """

    load: Load
    assessment: Assessment
    ticket: Ticket | None
    standard: Standard | None

    @property
    def shown(self) -> Shown:
        """What a supplier confirms or disputes who is shown this."""
        version = self.assessment.version
        if self.ticket is None:
            return Shown(version, None, sha256_of(self.assessment.report))
        return Shown(version, self.ticket.number, sha256_of(self.ticket.body))


def source_of_version(session: Session, records: Loads, load: Load, version: int) -> Source:
    """One version of a load, with the ticket that rests on it if there is one. Raises UnknownLoadError."""
    ticket = tickets.newest(session, load.id, version)
    return Source(load, assessments.version(session, load.id, version), ticket, records.standards.find(session, load))


def source_of_ticket(session: Session, records: Loads, load: Load, number: int | None) -> Source:
    """A ticket of a load, the newest without a number. Raises UnknownLoadError."""
    ticket = tickets.numbered(session, load.id, number)
    assessment = assessments.version(session, load.id, ticket.version)
    return Source(load, assessment, ticket, records.standards.find(session, load))


def sha256_of(text: str) -> str:
    """The digest of a stored text."""
    return hashlib.sha256(text.encode()).hexdigest()
