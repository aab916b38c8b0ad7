"""Rows: records as a database holds them, both ways, derived from the record's fields."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Dialect

from hubbub.core.model import Record
from hubbub.store.schema import TABLES, Instant, Json, to_microseconds

R = TypeVar("R", bound=Record)


def key_of(record: type[Record]) -> Callable[[Record], tuple[Any, ...]]:
    """Give the function that reads the key of such a record, as a tuple."""
    get = attrgetter(*record.KEY)
    if len(record.KEY) > 1:
        return get
    return lambda value: (get(value),)


class RowMapper(Generic[R]):
    """Turn records of one type into rows and back.

    The order of values in a row is that of `columns`, which is that of the record's fields.
    """

    def __init__(self, record: type[R], dialect: Dialect) -> None:
        self.type = record
        self.table = TABLES[record]
        self.columns = tuple(column.name for column in self.table.columns)
        self.key = key_of(record)
        self._get = attrgetter(*self.columns)
        self._instants = [i for i, column in enumerate(self.table.columns) if isinstance(column.type, Instant)]
        self._texts = [
            i
            for i, column in enumerate(self.table.columns)
            if column.type.python_type is str and not isinstance(column.type, Json)
        ]
        self._readers = [
            (i, read)
            for i, column in enumerate(self.table.columns)
            if (read := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def values(self, record: R) -> list[Any]:
        """Give the record as a list that JSON can hold: instants are integers, what has structure stays as it is."""
        row = list(self._get(record))
        for i in self._instants:
            if row[i] is not None:
                row[i] = to_microseconds(row[i])
        return row

    def has_nul(self, record: R) -> bool:
        """Tell whether a text column would get a NUL, which neither SQLite's JSON nor PostgreSQL can keep."""
        row = self._get(record)
        return any(row[i] is not None and "\0" in row[i] for i in self._texts)

    def record(self, row: Sequence[Any]) -> R:
        """Give the record that a row holds."""
        values = list(row)
        for i, read in self._readers:
            values[i] = read(values[i])
        return self.type(**dict(zip(self.columns, values, strict=True)))


def to_json(value: Any) -> str:
    """Encode a value as JSON text. Raises UnicodeEncodeError on a lone surrogate."""
    return msgspec.json.encode(value).decode()
