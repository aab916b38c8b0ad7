"""The nouns of the core. Each declares its commands; with all of them imported here, the registry is complete."""

from hubbub.core import chat, command, direct, login, push, room, upload, user, world

NOUNS = (login, user, world, room, chat, direct, upload, push)
REGISTRY = command.REGISTRY
