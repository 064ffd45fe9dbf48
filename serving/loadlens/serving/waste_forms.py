"""What may be said of a container and of an entry of the waste ledger, over HTTP as in a workbook."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loadlens.serving.load_errors import UnacceptableError
from loadlens.serving.moment import MomentWithOffset
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.waste.batches import BatchError, parse_batch
from loadlens.waste.container import ContainerError, checked_code
from loadlens.waste.ledger import MOST_GRAMS, Entry, LedgerError, Posting

Id = Annotated[str, Field(pattern=r"^\w[\w.\-]{0,63}$")]
Identity = Annotated[str, Field(min_length=1, max_length=80)]
# A correction has a route of its own, which makes the counter-entry itself.
Stage = Literal["produced", "stored", "retrieved", "treated", "handed_over", "moved", "repacked", "reweighed"]
# Neither every database nor a workbook holds the character NUL: what was entered could not be taken over elsewhere.
_KEPT = r"^[^\x00]*$"
Line = Annotated[str, Field(max_length=500, pattern=_KEPT)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=_KEPT)]
# With a blank at an end it would be another place, which no plan of the rooms shows.
Place = Annotated[str, Field(max_length=80, pattern=r"^[^\s\x00]([^\x00]*[^\s\x00])?$")]


def _kept(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a character that no text has")
    return text


# A pattern would be another shape of the API.
_Field = Annotated[str, Field(max_length=64), AfterValidator(_kept)]


class NewContainer(BaseModel):
    """A container of waste as its label says; whoever sends it confirms the code."""

    model_config = ConfigDict(extra="forbid")

    identity: Identity
    list: Annotated[str, Field(max_length=32)]
    code: Annotated[str, Field(max_length=16)]
    name: Name
    litres: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=1, allow_inf_nan=False)]

    def container(self, actor: str) -> WasteContainer:
        """The container, confirmed by `actor`. Raises UnacceptableError."""
        try:
            entry = checked_code(self.identity, self.list, self.code)
        except ContainerError as error:
            raise UnacceptableError(str(error)) from None
        return WasteContainer(
            identity=self.identity,
            list_id=entry.list_id,
            edition=entry.edition,
            code=entry.code,
            name=self.name,
            litres=f"{self.litres.normalize():f}",
            actor=actor,
        )


class NewPosting(BaseModel):
    """Grams that arrive at a place (> 0) or leave it (< 0)."""

    model_config = ConfigDict(extra="forbid")

    container: Identity
    place: Place
    grams: Annotated[int, Field(gt=-MOST_GRAMS, lt=MOST_GRAMS)]


class NewEntry(BaseModel):
    """One entry; `id` is made where it is made, so that it can be sent again."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    stage: Stage
    at: MomentWithOffset
    postings: Annotated[list[NewPosting], Field(min_length=1, max_length=100)]
    batch: Annotated[str, Field(max_length=32)] = ""
    reason: Line = ""
    particulars: Annotated[dict[_Field, Line], Field(max_length=32)] = {}

    def entry(self, actor: str, takes_back: str | None = None) -> Entry:
        """The entry as the ledger takes it. Raises UnacceptableError."""
        try:
            if self.batch:
                parse_batch(self.batch)
            return Entry(
                id=self.id,
                stage=self.stage,
                at=self.at,
                actor=actor,
                postings=tuple(Posting(one.container, one.place, one.grams) for one in self.postings),
                batch=self.batch,
                reason=self.reason,
                takes_back=takes_back,
                particulars=self.particulars,
            )
        except (LedgerError, BatchError) as error:
            raise UnacceptableError(str(error)) from None
