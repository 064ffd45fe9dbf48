"""The supplier's page: the same evidence as on the ticket, every layer, and what he can say of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import get_args

from loadlens.serving.records.statements import Reason
from loadlens.serving.report import templates
from loadlens.serving.sheet.contents import contents
from loadlens.serving.sheet.source import Source
from loadlens.serving.sheet.words import Lang, moment, words
from loadlens.serving.store.tables import DisputeAnswer, Statement


@dataclass(frozen=True, slots=True)
class Standing:
    """What was said of the version that is shown; `is_open` where it may be confirmed or disputed now."""

    said: Statement | None
    answers: Sequence[DisputeAnswer]
    is_open: bool


def render_page(
    source: Source,
    standing: Standing,
    pictures: frozenset[int],
    lang: Lang,
    until: datetime,
    *,
    clock: tzinfo | None,
    place: str,
    fault: str = "",
) -> str:
    """The page as HTML. `pictures` are the layers with a picture, `clock` is the time zone of the yard, `place` the
    path of the page; `fault` is the name of what was wrong with an answer that he sent, among the words."""
    said = words(lang)
    sheet = contents(source, lang, clock)
    return (
        templates()
        .get_template("supplier.html")
        .render(
            sheet,
            other="en" if lang == "zh" else "zh",
            pictures=pictures,
            place=place,
            standing=standing,
            told=_told(standing, lang, clock),
            about=said["answer_about"].format(until=moment(until.isoformat(), lang, clock)),
            reasons=[(reason, said[f"reason_{reason}"]) for reason in get_args(Reason)],
            fault=fault and said[fault],
            shown=source.shown.sha256,
        )
    )


def render_refusal(status: int) -> str:
    """A page that says in both languages why there is nothing to see, and no more than that."""
    said = {"en": words("en")[f"refused_{status}"], "zh": words("zh")[f"refused_{status}"]}
    return templates().get_template("refused.html").render(said=said)


def _told(standing: Standing, lang: Lang, clock: tzinfo | None) -> list[str]:
    """What was said and answered so far, a line each."""
    said, statement = words(lang), standing.said
    if statement is None:
        return [] if standing.is_open else [said["closed"]]
    at = moment(statement.at, lang, clock)
    lines = [said[f"said_{statement.said}"].format(name=statement.name, at=at)]
    if statement.reason is not None:
        lines.append(f"{said['reason_' + statement.reason]}: {statement.text}")
        for answer in standing.answers:
            lines += [said[f"answer_{answer.outcome}"].format(at=moment(answer.at, lang, clock)), answer.text]
        if not standing.answers:
            lines.append(said["waiting"])
    return lines
