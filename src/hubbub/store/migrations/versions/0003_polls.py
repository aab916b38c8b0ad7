"""What decisions need: polls, questions, announcements, and who voted."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
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
    op.create_table(
        "poll",
        *_numbers("id", "world", "room", "by"),
        *_texts("content", "options", "kind", "visibility", "state"),
        *_flags("early_results", "pinned", "reminded"),
        *_numbers("created", "modified"),
        sa.Column("expires", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "poll_vote",
        *_numbers("poll", "user", "world"),
        *_texts("options"),
        *_numbers("at"),
        sa.PrimaryKeyConstraint("poll", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "question",
        *_numbers("id", "world", "room", "by"),
        *_texts("content", "state"),
        *_flags("answered", "pinned"),
        *_numbers("at"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "question_vote",
        *_numbers("question", "user", "world", "at"),
        sa.PrimaryKeyConstraint("question", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "announcement",
        *_numbers("id", "world", "by"),
        *_texts("text", "state"),
        sa.Column("show_until", INTEGER, nullable=True),
        *_numbers("at"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    for table in ("poll", "poll_vote", "question", "question_vote", "announcement"):
        op.create_index(f"{table}_world", table, ["world"])
