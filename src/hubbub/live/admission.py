"""How many connections there may be: in all, and from one address."""


class Admission:
    """Count connections by address, and say when there are too many."""

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._count = 0
        self._by_address: dict[str, int] = {}

    def admits(self, address: str) -> bool:
        """Tell whether there is room for one more connection from an address."""
        return self._count < self._most and self._by_address.get(address, 0) < self._most_per_address

    def enter(self, address: str) -> None:
        """Count a connection."""
        self._count += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def leave(self, address: str) -> None:
        """No longer count a connection that was counted."""
        self._count -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def statistics(self) -> dict[str, int]:
        """Give the counts: all zero when nobody is here."""
        return {"connections": self._count, "addresses": len(self._by_address)}
