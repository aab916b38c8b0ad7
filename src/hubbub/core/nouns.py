"""The nouns of the core. Each declares its commands; with all of them imported here, the registry is complete."""

from hubbub.core import (
    account,
    announcement,
    approval,
    bot,
    chat,
    command,
    composing,
    contact,
    direct,
    feed,
    gate,
    gathering,
    group,
    history,
    ignore,
    joining,
    login,
    moderation,
    moderator,
    pin,
    playlist,
    poll,
    push,
    question,
    reading,
    report,
    room,
    search,
    takeover,
    upload,
    user,
    visit,
    welcome,
    world,
)

NOUNS = (
    *(login, account, user, world, room, gate, visit, moderation, moderator, report, ignore, playlist, chat),
    *(reading, direct, composing, contact, welcome, pin, group, joining, approval, gathering, feed, bot, poll),
    *(question, announcement, upload, push, search, takeover, history),
)
REGISTRY = command.REGISTRY
APPOINTMENTS = (playlist.APPOINTMENT, poll.APPOINTMENT, gathering.APPOINTMENT)
"""Those of the nouns that do something in their time."""
