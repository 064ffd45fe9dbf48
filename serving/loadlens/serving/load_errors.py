"""What can go wrong with a load: one plain sentence each, mapped to HTTP at the edge.

LoadError
├── UnknownLoadError         there is no such load
├── ConflictError            the load is not in a state for this, or was told something else before
│   ├── FramesMissingError   `missing` names what has to be sent first
│   └── ClaimedError         somebody else works on the load; `holder` is who
├── ChangedError             it is no longer what the caller has seen
└── UnacceptableError        what was sent cannot be used
"""

from collections.abc import Mapping, Sequence

_SHOWN_MISSING = 20
# Of one camera; where there are as many, there may be more.
MOST_MISSING = 1000


class LoadError(Exception):
    """Something about a load that cannot be done; the message says why and what to do."""


class UnknownLoadError(LoadError):
    """There is no such load."""


class ConflictError(LoadError):
    """The load is not in a state for this, or was told something else before."""


class FramesMissingError(ConflictError):
    """Frames that the camera has and the server has not, by camera."""

    def __init__(self, missing: Mapping[str, Sequence[int]]) -> None:
        lines = [f"{camera} {_listed(seqs)}" for camera, seqs in sorted(missing.items())]
        super().__init__(f"frames are missing: {'; '.join(lines)}; send them, then close again")
        self.missing = {camera: list(seqs) for camera, seqs in missing.items()}


class ClaimedError(ConflictError):
    """Somebody else works on the load."""

    def __init__(self, load_id: str, holder: str, expires_at: str) -> None:
        super().__init__(f"load {load_id} is claimed by {holder} until {expires_at}; take another, or ask them")
        self.holder = holder
        self.expires_at = expires_at


class ChangedError(LoadError):
    """The load is no longer what the caller has seen."""


class UnacceptableError(LoadError):
    """What was sent cannot be used."""


def _listed(seqs: Sequence[int]) -> str:
    shown = ", ".join(str(seq) for seq in seqs[:_SHOWN_MISSING])
    more = len(seqs) - _SHOWN_MISSING
    at_least = "at least " if len(seqs) >= MOST_MISSING else ""
    return f"{shown} and {at_least}{more} more" if more > 0 else shown
