"""What users prefer, as this dialect's clients know it, and who they are to themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hubbub.core.model import User
from hubbub.dialects.jumpin.body import Json
from hubbub.dialects.jumpin.encode import JumpinEncoder, username_of
from hubbub.dialects.jumpin.id import Kind, render

SWITCHES: Mapping[str, tuple[str, bool]] = {
    "playYtVideos": ("play_videos", True),
    "allowPrivateMessages": ("private_messages", True),
    "pushNotificationsEnabled": ("push", False),
    "receiveUpdates": ("news", False),
    "receiveMessageNotifications": ("mail", True),
    "darkTheme": ("dark_theme", False),
    "wideLayout": ("wide_layout", False),
}
"""What can be on or off: how we call it, and what it is where the user has not chosen."""

QUALITY = "video_quality"
DEFAULT_QUALITY = "VIDEO_240"
_SIZES = (
    ("VIDEO_240", "240p", 320, 240, 15, 128_000),
    ("VIDEO_480", "480p", 640, 480, 30, 1_024_000),
    ("VIDEO_720", "720p", 960, 720, 30, 2_048_000),
    ("VIDEO_720_60", "720p 60fps", 960, 720, 60, 4_096_000),
    ("VIDEO_1080", "1080p", 1920, 1080, 30, 4_096_000),
    ("VIDEO_1080_60", "1080p 60fps", 1920, 1080, 60, 8_192_000),
)
QUALITIES: Mapping[str, Json] = {
    name: {
        "id": name,
        "label": label,
        "dimensions": {"width": width, "height": height},
        "frameRate": frames,
        "bitRate": bits,
    }
    for name, label, width, height, frames, bits in _SIZES
}
"""Of what clients send from a camera: pixels, frames and bits a second."""


def switches_in(body: Json) -> dict[str, Any]:
    """Read what is switched on or off. Raises ValueError when something is neither."""
    found: dict[str, Any] = {}
    for name, (kept, _) in SWITCHES.items():
        if name in body:
            if not isinstance(body[name], bool):
                raise ValueError(name)
            found[kept] = body[name]
    return found


def quality_of(user: User) -> str:
    """Give the name of the quality that a user chose."""
    chosen = user.preferences.get(QUALITY)
    return chosen if isinstance(chosen, str) and chosen in QUALITIES else DEFAULT_QUALITY


def settings_of(jumpin: JumpinEncoder, user: User) -> Json:
    """Write what a user prefers."""
    chosen = {name: user.preferences.get(kept, usual) is True for name, (kept, usual) in SWITCHES.items()}
    return {**chosen, "videoQuality": quality_of(user), "userIcon": None, "ignoreList": jumpin.ignored(user.id)}


def write_account(jumpin: JumpinEncoder, user: User, now: datetime) -> Json:
    """Write a user to themselves, as their clients learn who they are before they connect."""
    rank = jumpin.state.rank(user, now)
    return {
        "user_id": render(user.id, Kind.USER),
        "username": username_of(user),
        "isAdmin": rank > 1,
        "isSiteMod": rank == 1,
        "isSupporter": False,
        "isGold": None,
        "userIcon": None,
        "settings": settings_of(jumpin, user),
        "videoQuality": QUALITIES[quality_of(user)],
    }
