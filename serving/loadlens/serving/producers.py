"""Who produces the waste of a site: what a label says of them."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loadlens.waste.identity import check_unit
from loadlens.waste.label import Producer

_Text = Annotated[str, Field(min_length=1, max_length=100)]


class ProducerSettings(BaseModel):
    """A plant: its unified social credit code (`unit`), its name, and whom to call; whether it `holds_permit` to treat
    hazardous waste, which no ledger tells and which decides what it has to report."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Annotated[str, AfterValidator(check_unit)]
    name: _Text
    contact: _Text
    phone: _Text
    holds_permit: bool = False

    def producer(self) -> Producer:
        """The same as labels take it."""
        return Producer(self.name, self.unit, self.contact, self.phone)
