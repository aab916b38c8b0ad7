"""The numbered refusals of Engine.IO."""

from typing import Final

import msgspec

_to_json: Final = msgspec.json.Encoder().encode


class Error(msgspec.Struct, frozen=True):
    """Why a request is refused; clients know the numbers."""

    code: int
    message: str
    status: int = 400

    @property
    def body(self) -> bytes:
        """What the response says."""
        return _to_json({"code": self.code, "message": self.message})


TRANSPORT_UNKNOWN: Final = Error(0, "Transport unknown")
SESSION_UNKNOWN: Final = Error(1, "Session ID unknown")
BAD_METHOD: Final = Error(2, "Bad handshake method")
BAD_REQUEST: Final = Error(3, "Bad request")
FORBIDDEN: Final = Error(4, "Forbidden", 403)
UNSUPPORTED: Final = Error(5, "Unsupported protocol version")

TOO_MANY: Final = Error(4, "Too many connections", 403)
STOPPING: Final = Error(4, "Server is stopping", 503)
TOO_BIG: Final = Error(3, "Payload too large", 413)
