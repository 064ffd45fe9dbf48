"""The site's own factors of avoided CO2e, as settings. We ship none: without one no figure is told."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loadlens.waste.carbon import Factor
from loadlens.waste.codes import CodeError, code_list

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_PerTonne = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=9)]


class FactorSettings(BaseModel):
    """Kilograms of CO2e that recovering a tonne of the wastes of some codes avoids, with its range and source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: _Text
    list: _Text
    codes: Annotated[tuple[_Text, ...], Field(min_length=1)]
    low: _PerTonne
    kg_per_t: _PerTonne
    high: _PerTonne
    source: _Text
    edition: _Text

    @model_validator(mode="after")
    def _can_be(self) -> "FactorSettings":
        if not self.low <= self.kg_per_t <= self.high:
            raise ValueError(f"the factor of {self.kind}: kg_per_t must lie between low and high")
        try:
            for code in self.codes:
                code_list(self.list).find(code)
        except CodeError as error:
            raise ValueError(f"the factor of {self.kind}: {error}") from None
        return self

    def factor(self) -> Factor:
        """The same as the estimate takes it."""
        given = (self.low, self.kg_per_t, self.high, self.source, self.edition)
        return Factor(self.kind, code_list(self.list).id, self.codes, *given)
