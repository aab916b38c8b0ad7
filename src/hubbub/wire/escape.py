"""Escapes in JSON that make no text: halves of surrogate pairs."""

import re
from typing import Final

# Each alternative takes an escape whole, be it a pair of surrogates, a half of one, or any other: so a backslash is
# never taken for another's second.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def mend(text: str) -> str:
    """Give JSON with U+FFFD in the place of each such escape, so that one bad character costs nobody a message."""
    if "\\ud" in text or "\\uD" in text:
        return _ESCAPE.sub(lambda match: "\\ufffd" if match[1] else match[0], text)
    return text
