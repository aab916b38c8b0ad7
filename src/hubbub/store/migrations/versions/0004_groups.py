"""What groups need: pinned messages, who deleted one, who may come back; gatherings and bots."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INTEGER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, INTEGER, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _flags(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, FLAG, nullable=False) for name in names]


def upgrade() -> None:
    zero = sa.text("0")
    op.add_column("message", sa.Column("deleted_by", INTEGER, nullable=False, server_default=zero))
    op.add_column("message", sa.Column("pinned", INTEGER, nullable=True))
    op.add_column("message", sa.Column("pinned_by", INTEGER, nullable=False, server_default=zero))
    for table in ("member", "former_member"):
        op.add_column(table, sa.Column("let_in", FLAG, nullable=False, server_default=zero))
    # Until now only the message that replaced a deleted one told who did it.
    op.execute(
        "UPDATE message SET deleted_by = gone.sender"
        " FROM (SELECT world, replaces, sender FROM message"
        " WHERE deleted = 1 AND replaces IS NOT NULL AND sender IS NOT NULL) AS gone"
        " WHERE message.world = gone.world AND message.number = gone.replaces AND message.deleted = 1"
    )
    op.create_index("message_pinned", "message", ["room", "pinned"], sqlite_where=sa.text("pinned IS NOT NULL"))
    op.create_table(
        "gathering",
        *_numbers("id", "world", "room", "by"),
        *_texts("name", "description"),
        sa.Column("place", sa.Text, nullable=True),
        sa.Column("picture", sa.Text, nullable=True),
        *_numbers("start", "end"),
        *_texts("timezone", "reminders"),
        *_flags("all_day"),
        *_numbers("told", "created", "modified"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "gathering_answer",
        *_numbers("gathering", "user", "world", "at"),
        *_texts("answer"),
        sa.PrimaryKeyConstraint("gathering", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bot",
        *_numbers("user", "world", "room", "by"),
        *_texts("callback"),
        *_flags("direct"),
        *_numbers("created"),
        sa.PrimaryKeyConstraint("user"),
        sqlite_strict=True,
    )
    for table in ("gathering", "gathering_answer", "bot"):
        op.create_index(f"{table}_world", table, ["world"])
