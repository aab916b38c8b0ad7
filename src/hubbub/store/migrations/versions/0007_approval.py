"""Groups that are asked before somebody joins."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    integer = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    flag = sa.Boolean().with_variant(sa.Integer, "sqlite")
    for name in ("approval", "show_question"):
        op.add_column("room", sa.Column(name, flag, nullable=False, server_default=sa.text("0")))
    op.add_column("room", sa.Column("question", sa.Text, nullable=False, server_default=sa.text("''")))
    op.create_table(
        "join_request",
        *(sa.Column(name, integer, nullable=False) for name in ("room", "user", "world", "id")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("question", "answer")),
        sa.Column("at", integer, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("join_request_world", "join_request", ["world"])
