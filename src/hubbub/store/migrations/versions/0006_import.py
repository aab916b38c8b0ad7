"""What was taken over from elsewhere."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "imported",
        sa.Column("world", integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("foreign", sa.Text, nullable=False),
        sa.Column("local", integer, nullable=False),
        sa.PrimaryKeyConstraint("world", "source", "kind", "foreign"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
