"""The recurring columns of our tables, named once, and the metadata that migrations compare."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import DateTime, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

SCHEMA = "sakigake"

Name = Annotated[str, mapped_column(Text)]
Key = Annotated[str, mapped_column(Text, primary_key=True)]
Workspace = Annotated[
    str, mapped_column(Text, primary_key=True, doc="leads every key, so that tables can be split by it")
]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Document = Annotated[dict[str, Any], mapped_column(JSONB)]


class Base(DeclarativeBase):
    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "%(table_name)s_pk",
            "fk": "%(table_name)s_%(column_0_name)s_fk",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ix": "%(table_name)s_%(column_0_N_name)s_index",
            "ck": "%(table_name)s_%(constraint_name)s_check",
        },
    )
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True), Decimal: Numeric, dict[str, Any]: JSONB}  # noqa: RUF012
