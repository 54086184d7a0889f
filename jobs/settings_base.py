"""What all parts of the configuration share."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """The common manner: unknown keys refused, nothing changed after loading; `62.0` without quotes is the text that it looks like."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
    noun: ClassVar[str] = "this part"
