"""The nouns of the core. Each declares its commands; with all of them imported here, the registry is complete."""

from hubbub.core import (
    account,
    announcement,
    bot,
    chat,
    command,
    direct,
    gate,
    gathering,
    group,
    ignore,
    login,
    moderation,
    moderator,
    pin,
    playlist,
    poll,
    push,
    question,
    report,
    room,
    upload,
    user,
    visit,
    welcome,
    world,
)

NOUNS = (
    *(login, account, user, world, room, gate, visit, moderation, moderator, report, ignore, playlist, chat, direct),
    *(welcome, pin, group, gathering, bot, poll, question, announcement, upload, push),
)
REGISTRY = command.REGISTRY
APPOINTMENTS = (playlist.APPOINTMENT, poll.APPOINTMENT, gathering.APPOINTMENT)
"""Those of the nouns that do something in their time."""
