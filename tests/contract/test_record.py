"""Every record comes back from every store as it was, whatever a caller may have put into it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubbub.core.event import Audited
from hubbub.core.model import RECORDS, Record
from hubbub.store.row import RowMapper
from hubbub.store.sqlite import SqliteStore
from hubbub.store.sqlite_connection import DIALECT

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# The numbers that JSON and every client can hold.
numbers = st.integers(-(2**53), 2**53)
values = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
instants = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def strategy(kind: Any) -> st.SearchStrategy[Any]:
    """Give values of a field's type."""
    info = msgspec.inspect.type_info(kind)
    match info:
        case msgspec.inspect.UnionType(types=inner):
            return st.one_of(*(from_info(part) for part in inner))
    return from_info(info)


def from_info(info: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Give values of a type that msgspec describes."""
    match info:
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.IntType():
            return numbers
        case msgspec.inspect.StrType():
            return texts
        case msgspec.inspect.DateTimeType():
            return instants
        case msgspec.inspect.AnyType():
            return values
        case msgspec.inspect.LiteralType(values=allowed):
            return st.sampled_from(allowed)
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(from_info(item), max_size=3).map(tuple)
        case msgspec.inspect.ListType(item_type=item):
            return st.lists(from_info(item), max_size=3)
        case msgspec.inspect.StructType(cls=kind):
            return st.builds(kind, **{one.name: strategy(one.type) for one in msgspec.structs.fields(kind)})
        case msgspec.inspect.DictType(value_type=item):
            return st.dictionaries(texts, from_info(item), max_size=3)
    raise NotImplementedError(info)


def records(kind: type[Record]) -> st.SearchStrategy[Record]:
    fields = {field.name: strategy(field.type) for field in msgspec.structs.fields(kind)}
    # Numbered, as the store itself numbers those that are not.
    fields |= {name: st.integers(1, 2**53) for name in ("number", "seq") if name in fields}
    return st.builds(kind, **fields)


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[asyncio.Runner, SqliteStore]]:
    """Give one store for all: to make its tables takes longer than everything else here."""
    store = SqliteStore("sqlite://", node="one", clock=lambda: datetime.now(UTC))
    with asyncio.Runner() as runner:
        runner.run(store.open())
        yield runner, store
        runner.run(store.close())


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_record_comes_back_as_it_was(
    place: tuple[asyncio.Runner, SqliteStore], kind: type[Record], data: st.DataObject
) -> None:
    record = data.draw(records(kind))
    again = data.draw(records(kind))
    # The same record, changed: all but the key.
    again = msgspec.structs.replace(again, **{name: getattr(record, name) for name in kind.KEY})

    runner, store = place
    mapper = RowMapper(kind, DIALECT)
    columns = ", ".join(f'"{name}"' for name in mapper.columns)
    store._connection.execute(f'DELETE FROM "{mapper.table.name}"')
    # An event that is not journalled takes any record here, as types are only checked when reading.
    for written in (record, again):
        runner.run(store.commit([Audited(world=1, entry=cast(Any, written))]))
        rows = store._connection.execute(f'SELECT {columns} FROM "{mapper.table.name}"').fetchall()
        assert [mapper.record(row) for row in rows] == [written]
