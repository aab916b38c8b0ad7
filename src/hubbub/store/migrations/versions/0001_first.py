"""The tables that the first version has."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INTEGER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("audit_entry_at", "audit_entry", ["world", "at"])
    op.create_table(
        "ban",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("by", INTEGER, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", INTEGER, nullable=True),
        sa.Column("at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ban_world", "ban", ["world"])
    op.create_table(
        "block",
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("target", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("world", "user", "target"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "credential",
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user"),
        sqlite_strict=True,
    )
    op.create_index("credential_world", "credential", ["world"])
    op.create_table(
        "grant",
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("room", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("world", "user", "role", "room"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invite",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("by", INTEGER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.Column("expires", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("code"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("invite_world", "invite", ["world"])
    op.create_table(
        "journal",
        sa.Column("position", INTEGER, autoincrement=True, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("stream", INTEGER, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("seq", INTEGER, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("journal_node", "journal", ["node", "position"])
    op.create_index("journal_stream", "journal", ["stream", "epoch", "seq"], unique=True)
    op.create_table(
        "login_code",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("claims", sa.Text, nullable=False),
        sa.Column("expires", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("login_code_world", "login_code", ["world"])
    op.create_table(
        "member",
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("nickname", sa.Text, nullable=False),
        sa.Column("hidden", FLAG, nullable=False),
        sa.Column("joined", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("member_world", "member", ["world"])
    op.create_table(
        "message",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("sender", INTEGER, nullable=True),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attachments", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=True),
        sa.Column("extra", sa.Text, nullable=True),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("seq", INTEGER, nullable=False),
        sa.Column("replaces", INTEGER, nullable=True),
        sa.Column("edited", INTEGER, nullable=True),
        sa.Column("deleted", FLAG, nullable=False),
        sa.Column("reactions", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("message_kind", "message", ["room", "number", "kind"])
    op.create_index(
        "message_nonce",
        "message",
        ["world", "sender", "nonce"],
        unique=True,
        sqlite_where=sa.text("nonce IS NOT NULL"),
        postgresql_where=sa.text("nonce IS NOT NULL"),
    )
    op.create_index("message_number", "message", ["world", "number"], unique=True)
    op.create_table(
        "push_subscription",
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("p256dh", sa.Text, nullable=False),
        sa.Column("auth", sa.Text, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.Column("expires", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("world", "digest"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("push_subscription_created", "push_subscription", ["user", "created"])
    op.create_table(
        "read_state",
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("read", INTEGER, nullable=False),
        sa.Column("notifications", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("read_state_world", "read_state", ["world"])
    op.create_table(
        "room",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("picture", sa.Text, nullable=True),
        sa.Column("import_id", sa.Text, nullable=True),
        sa.Column("pretalx_id", INTEGER, nullable=True),
        sa.Column("trait_grants", sa.Text, nullable=False),
        sa.Column("modules", sa.Text, nullable=False),
        sa.Column("sorting_priority", INTEGER, nullable=False),
        sa.Column("force_join", FLAG, nullable=False),
        sa.Column("schedule_data", sa.Text, nullable=True),
        sa.Column("deleted", FLAG, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("room_world", "room", ["world"])
    op.create_table(
        "stream",
        sa.Column("id", INTEGER, nullable=False, comment="a room or a world"),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("seq", INTEGER, nullable=False, comment="of its newest event"),
        sa.Column("number", INTEGER, nullable=False, comment="of the world's newest message; 0 in a room's row"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("stream_world", "stream", ["world"])
    op.create_table(
        "upload",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("size", INTEGER, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("upload_world", "upload", ["world"])
    op.create_table(
        "user",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=True),
        sa.Column("token_id", sa.Text, nullable=True),
        sa.Column("login", sa.Text, nullable=True),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("client_state", sa.Text, nullable=False),
        sa.Column("traits", sa.Text, nullable=False),
        sa.Column("pretalx_id", sa.Text, nullable=True),
        sa.Column("shown", FLAG, nullable=False),
        sa.Column("deleted", FLAG, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.Column("last_login", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index(
        "user_client_id",
        "user",
        ["world", "client_id"],
        unique=True,
        sqlite_where=sa.text("client_id IS NOT NULL"),
        postgresql_where=sa.text("client_id IS NOT NULL"),
    )
    op.create_index(
        "user_login",
        "user",
        ["world", "login"],
        unique=True,
        sqlite_where=sa.text("login IS NOT NULL"),
        postgresql_where=sa.text("login IS NOT NULL"),
    )
    op.create_index(
        "user_token_id",
        "user",
        ["world", "token_id"],
        unique=True,
        sqlite_where=sa.text("token_id IS NOT NULL"),
        postgresql_where=sa.text("token_id IS NOT NULL"),
    )
    op.create_index("user_world", "user", ["world"])
    op.create_table(
        "world",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("epoch", INTEGER, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("trait_grants", sa.Text, nullable=False),
        sa.Column("config", sa.Text, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("world_name", "world", ["name"], unique=True)
    op.create_table(
        "writer",
        sa.Column("node", sa.Text, nullable=False),
        sa.Column(
            "commits", INTEGER, nullable=False, comment="rises with each; tells others that there is something new"
        ),
        sa.PrimaryKeyConstraint("node"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
