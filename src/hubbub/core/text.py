"""Text that people write, as it is kept."""

import unicodedata

from hubbub.core.command import invalid


def checked_text(field: str, text: str, most: int) -> str:
    """Give a text without the blanks around it.

    Args:
        field: What the text is called in a command.
        text: What somebody wrote.
        most: Characters that it may have.

    Raises Invalid when nothing is left, when it is too long, and for what no database keeps.
    """
    text = text.strip()
    if not 0 < len(text) <= most:
        raise invalid(field, f"1 to {most} characters")
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise invalid(field, "characters that can be written")
    return text


def is_visible(text: str, besides: str = "") -> bool:
    """Tell whether a text has no control characters, but for `besides`, and nothing that no database keeps."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in besides for sign in text)
