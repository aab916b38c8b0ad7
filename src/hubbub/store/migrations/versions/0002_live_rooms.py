"""What live rooms and groups need: topics and gates, playlists, ignored people, tokens, bans by address."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INTEGER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


def _flag(name: str, *, default: bool = False) -> sa.Column[bool]:
    return sa.Column(name, FLAG, nullable=False, server_default=sa.text(str(int(default))))


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=sa.text(f"'{default}'"))


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, INTEGER, nullable=False, server_default=sa.text("0"))


ADDED: dict[str, tuple[sa.Column[Any], ...]] = {
    "user": (_text("preferences", "{}"), _flag("verified"), _flag("adult")),
    "ban": (_text("handle"), _text("addresses", "[]"), _text("clients", "[]")),
    "room": (
        _text("topic"),
        _number("topic_by"),
        sa.Column("topic_at", INTEGER, nullable=True),
        _flag("listed", default=True),
        sa.Column("closed", sa.Text, nullable=True),
        _flag("accounts_only"),
        _flag("verified_only"),
        _number("min_account_age"),
        _flag("locked"),
        _flag("age_restricted"),
        _flag("moderated_playlist"),
        _flag("push_to_talk"),
        _text("group", "closed"),
        _text("share_token"),
        _text("theme"),
        sa.Column("like_icon", sa.Text, nullable=True),
        _flag("office_mode"),
        _text("directory"),
        sa.Column("modified", INTEGER, nullable=True),
    ),
    "member": (_number("id"), _text("avatar"), sa.Column("muted_until", INTEGER, nullable=True)),
}


def upgrade() -> None:
    for table, columns in ADDED.items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "ignore",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("target", INTEGER, nullable=False),
        sa.Column("handle", sa.Text, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("until", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("ignore_world", "ignore", ["world"])
    op.create_table(
        "playlist_item",
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("by", INTEGER, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("media_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("thumbnail", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("duration", INTEGER, nullable=True),
        sa.Column("started", INTEGER, nullable=True),
        sa.Column("paused", INTEGER, nullable=True),
        sa.Column("at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("playlist_item_world", "playlist_item", ["world"])
    op.create_table(
        "access_token",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("use", sa.Text, nullable=False),
        sa.Column("created", INTEGER, nullable=False),
        sa.Column("expires", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("access_token_world", "access_token", ["world"])
    op.create_table(
        "room_password",
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("room"),
        sqlite_strict=True,
    )
    op.create_index("room_password_world", "room_password", ["world"])
    op.create_table(
        "former_member",
        sa.Column("room", INTEGER, nullable=False),
        sa.Column("user", INTEGER, nullable=False),
        sa.Column("world", INTEGER, nullable=False),
        sa.Column("id", INTEGER, nullable=False),
        sa.Column("nickname", sa.Text, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("room", "user"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("former_member_world", "former_member", ["world"])
