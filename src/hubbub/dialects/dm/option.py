"""What operators choose for this dialect."""

import msgspec

GREETING = (
    "Hello! Welcome {name}!!! It appears that you currently have no friends, though you can add some to hang out with "
    "by clicking that plus button at the top and entering their id!"
)
"""Clients were made for these words (seeds/dm-app-api.md)."""


class DmOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the dm dialect."""

    legacy_login: bool = False
    """Whether accounts without a password can be entered by their id and name alone, both of which are public. For
    clients that were written before there were secrets; anybody can then be anybody."""
    welcome_name: str = "Hubbub"
    """Who writes to newcomers in the welcome channel."""
    welcome_avatar: str = ""
    """Address of their picture."""
    greeting: str = GREETING
    """What they write; {name} stands for the newcomer's name."""
