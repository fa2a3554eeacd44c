"""How fast passwords may be guessed. Pure: the clock is given; kept in memory, per process.

Nobody is locked out by a stranger: what is refused is an address that guesses, and an account
under attack from many addresses only answers slower.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field

_MAX_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """`free` guesses at once, then one more each `every_s` seconds."""

    free: int
    every_s: float


# Whole call centres log in from one address.
PER_ACCOUNT_AND_ADDRESS = Allowance(free=5, every_s=30)
PER_ADDRESS = Allowance(free=60, every_s=2)
PER_ACCOUNT = Allowance(free=20, every_s=10)
SLOW_S = 1.0


@dataclass
class Buckets:
    """Guesses still owed by each key; a key that owes nothing is forgotten."""

    allowance: Allowance
    _owed: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait_s(self, key: str, now: float) -> float:
        """Return how long until this key may guess again, 0 for at once."""
        over = self._debt(key, now) - (self.allowance.free - 1)
        return max(0.0, over * self.allowance.every_s)

    def guess(self, key: str, now: float) -> None:
        """Count one guess."""
        if key not in self._owed and len(self._owed) >= _MAX_KEYS:
            self._make_room(now)
        self._owed[key] = (self._debt(key, now) + 1, now)

    def forget(self, key: str) -> None:
        """Forgive a key that turned out to be right."""
        self._owed.pop(key, None)

    def _debt(self, key: str, now: float) -> float:
        owed, since = self._owed.get(key, (0.0, now))
        return max(0.0, owed - (now - since) / self.allowance.every_s)

    def _make_room(self, now: float) -> None:
        owing = [(key, v) for key, v in self._owed.items() if self._debt(key, now) > 0]
        # Half of them at once, the ones known longest: seldom, so cheap for each guess.
        self._owed = dict(owing[-_MAX_KEYS // 2 :])


class LoginThrottle:
    """Counts guesses at passwords per account, per address, and per both."""

    def __init__(self) -> None:
        self._pair = Buckets(PER_ACCOUNT_AND_ADDRESS)
        self._address = Buckets(PER_ADDRESS)
        self._account = Buckets(PER_ACCOUNT)

    def refused_for_s(self, account: str, address: str, now: float) -> int:
        """Return for how many whole seconds this address may not try, 0 when it may."""
        place = network(address)
        waits = self._pair.wait_s(f"{place} {account}", now), self._address.wait_s(place, now)
        return math.ceil(max(waits))

    def slowed_by_s(self, account: str, now: float) -> float:
        """Return how long to let an account wait that many addresses guess at."""
        return SLOW_S if self._account.wait_s(account, now) > 0 else 0.0

    def guess(self, account: str, address: str, now: float) -> None:
        """Count a try, before its password is looked at: tries at the same time count too."""
        place = network(address)
        self._pair.guess(f"{place} {account}", now)
        self._address.guess(place, now)
        self._account.guess(account, now)

    def succeeded(self, account: str, address: str) -> None:
        """Forgive this address its wrong tries at its own account."""
        self._pair.forget(f"{network(address)} {account}")


def network(address: str) -> str:
    """Return what one subscriber has: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)
