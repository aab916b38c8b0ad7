"""Messages are found by their reactions and their attachments, and what happens by itself is said once."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    for name, condition in (("liked", "reactions <> '{}'"), ("files", "attachments <> '[]'")):
        op.create_index(f"message_{name}", "message", ["room", "at"], sqlite_where=sa.text(condition))
    condition = "sender IS NULL AND nonce IS NOT NULL"
    op.create_index("message_once", "message", ["world", "nonce"], unique=True, sqlite_where=sa.text(condition))
