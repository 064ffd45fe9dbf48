"""What every shape of an answer is."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """An answer; it holds what is named here and nothing else."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
