"""The life of a load: which event leads from which state to which. A table, and nothing else decides.

    arrived -> weighed -> unloading -> closed -> graded | flagged -> reviewed -> emptied -> settled
                                    (failed: it could not be graded; cancelled: given up, with a reason)

A weighing may come at any time. It is recorded at once and leads on as soon as the table allows: `pending` says which.
"""

from typing import Literal, get_args

State = Literal[
    "arrived",
    "weighed",
    "unloading",
    "closed",
    "graded",
    "flagged",
    "reviewed",
    "emptied",
    "settled",
    "failed",
    "cancelled",
]
Event = Literal[
    "weigh_gross",  # the full truck was weighed
    "unload",  # the first frame came
    "close",  # no more frames are taken; also: grade once more what failed
    "grade",  # assessed, and no person has to look
    "flag",  # assessed, or assessed anew, and a person has to look
    "fail",  # it could not be graded
    "review",  # a person has decided
    "weigh_tare",  # the empty truck was weighed
    "settle",  # a ticket was issued
    "amend",  # what was declared was corrected; the load stays where it is
    "late_frames",  # frames that were taken before the close came after it: it is graded anew
    "dispute",  # the supplier disputes what was settled: a person has to look
    "answer",  # a manager has answered the dispute for which a person had to look
    "reopen",  # a manager takes it up again
    "cancel",  # given up
]
STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)

# States in which a load takes frames as they come; a lane has at most one such load.
OPEN: tuple[State, ...] = ("arrived", "weighed", "unloading")
# States with an assessment that counts; what becomes known in them leads to its next version.
ASSESSED: tuple[State, ...] = ("graded", "flagged", "reviewed", "emptied")
# States that end the life of a load, until a dispute or a manager takes it up again.
OVER: tuple[State, ...] = ("settled", "cancelled")

_TABLE: dict[State, dict[Event, State]] = {
    "arrived": {
        "weigh_gross": "weighed",
        "unload": "unloading",
        "close": "closed",
        "amend": "arrived",
        "cancel": "cancelled",
    },
    "weighed": {"unload": "unloading", "close": "closed", "amend": "weighed", "cancel": "cancelled"},
    "unloading": {"close": "closed", "amend": "unloading", "cancel": "cancelled"},
    "closed": {"grade": "graded", "flag": "flagged", "fail": "failed", "amend": "closed"},
    "failed": {
        "close": "closed",
        "amend": "failed",
        "late_frames": "closed",
        "reopen": "unloading",
        "cancel": "cancelled",
    },
    "graded": {
        "flag": "flagged",
        "review": "reviewed",
        "weigh_tare": "emptied",
        "amend": "graded",
        "late_frames": "closed",
        "reopen": "unloading",
        "cancel": "cancelled",
    },
    "flagged": {
        "review": "reviewed",
        "answer": "reviewed",
        "amend": "flagged",
        "late_frames": "closed",
        "reopen": "unloading",
        "cancel": "cancelled",
    },
    "reviewed": {
        "flag": "flagged",
        "review": "reviewed",
        "weigh_tare": "emptied",
        "amend": "reviewed",
        "late_frames": "closed",
        "reopen": "unloading",
        "cancel": "cancelled",
    },
    "emptied": {
        "flag": "flagged",
        "review": "reviewed",
        "settle": "settled",
        "amend": "emptied",
        "late_frames": "closed",
        "reopen": "unloading",
        "cancel": "cancelled",
    },
    "settled": {"dispute": "flagged", "reopen": "unloading"},
    "cancelled": {"reopen": "unloading"},
}


class TransitionError(ValueError):
    """An event that the table does not allow in a state; the message says which events it would allow."""


def next_state(state: State, event: Event) -> State:
    """The state after an event. Raises TransitionError where the table has none."""
    found = _TABLE[state].get(event)
    if found is None:
        allowed = ", ".join(_TABLE[state]) or "nothing"
        raise TransitionError(f"it is {state}, where {event} is not possible (possible: {allowed})")
    return found


def allows(state: State, event: Event) -> bool:
    """Whether the table knows this event in this state."""
    return event in _TABLE[state]


def pending(state: State, *, gross: bool, tare: bool) -> Event | None:
    """The weighing that was recorded earlier and leads on from this state; None where none does."""
    if gross and allows(state, "weigh_gross"):
        return "weigh_gross"
    return "weigh_tare" if tare and allows(state, "weigh_tare") else None
