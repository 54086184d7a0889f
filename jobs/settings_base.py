"""What all parts of the configuration share."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

NAME = r"^[a-z][a-z0-9_]{0,47}$"
NAME_IS = "a name of small letters, digits and _, beginning with a letter, at most 48 long"


class Settings(BaseModel):
    """The common manner: unknown keys refused, nothing changed after loading; `62.0` without quotes is the text that it looks like."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
    noun: ClassVar[str] = "this part"
