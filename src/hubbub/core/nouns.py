"""The nouns of the core. Each declares its commands; with all of them imported here, the registry is complete."""

from hubbub.core import (
    account,
    chat,
    command,
    direct,
    gate,
    ignore,
    login,
    moderation,
    moderator,
    playlist,
    push,
    report,
    room,
    upload,
    user,
    visit,
    welcome,
    world,
)

NOUNS = (
    *(login, account, user, world, room, gate, visit, moderation, moderator, report, ignore, playlist, chat, direct, welcome, upload),
    push,
)
REGISTRY = command.REGISTRY
