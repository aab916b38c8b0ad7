"""How messages are found by what they say."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INTEGER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
GONE = "INSERT INTO search_index (search_index, rowid, said, tags) VALUES ('delete', OLD.slot, OLD.said, OLD.tags);"
COME = "INSERT INTO search_index (rowid, said, tags) VALUES (NEW.slot, NEW.said, NEW.tags);"


def upgrade() -> None:
    op.create_table(
        "search_entry",
        sa.Column("slot", INTEGER, nullable=False, autoincrement=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("message", INTEGER, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("slot"),
        sqlite_strict=True,
    )
    op.create_index("search_entry_message", "search_entry", ["world", "message"], unique=True)
    op.create_table(
        "search_progress",
        sa.Column("world", INTEGER, nullable=False, autoincrement=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("world"),
        sqlite_strict=True,
    )
    # Marks (M) belong to words in the scripts of India. The text is in `search_entry` and nowhere else.
    op.execute(
        "CREATE VIRTUAL TABLE search_index USING fts5 (said, tags, content = 'search_entry', content_rowid = 'slot',"
        " columnsize = 0, tokenize = \"unicode61 remove_diacritics 2 categories 'L* N* Co M*'\")"
    )
    for when, what in (("INSERT", COME), ("DELETE", GONE), ("UPDATE", GONE + COME)):
        op.execute(f"CREATE TRIGGER search_entry_{when.lower()} AFTER {when} ON search_entry BEGIN {what} END")
