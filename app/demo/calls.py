"""The calls that the demo's phone system plays: each scene shows one kind of pop. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.demo.cast import MARLOWE_SWITCHBOARD, OKAFOR_MOBILE, STRANGER
from app.demo.people import ADA, BEN, SALES_LINE, SERVICE_LINE, Person
from app.demo.records import Business

FIRST_CALLER = "Kestrel Garden Supplies Ltd"
_DIALLED = {ADA.queue: SALES_LINE, BEN.queue: SERVICE_LINE}
_RING_S, _TALK_S, _PAUSE_S = 4.0, 12.0, 4.0


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a call, `after_s` seconds after the step before it.

    `call` tells the calls of a scene apart; `event` lacks the ids, which the player gives.
    `say` is what a person watching should read.
    """

    after_s: float
    call: str
    event: Mapping[str, Any]
    say: str | None = None


Scene = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Caller:
    """How a caller appears to the phone system."""

    ani: str | None
    cnam: str | None = None
    attestation: str | Mapping[str, str] = "A"

    def opening(self, kind: str, queue: str, **more: Any) -> dict[str, Any]:
        """Return a call's first event, which says who is calling and what they dialled."""
        return {
            "event": kind,
            "direction": "inbound",
            "ani": self.ani,
            "cnam": self.cnam,
            "dnis": _DIALLED[queue],
            "queue": queue,
            "attestation": self.attestation,
            **more,
        }


def first_call(business: Business) -> dict[str, Any]:
    """Return the one ringing event of `demo --once`: a customer with something in every section."""
    return _known(business, FIRST_CALLER).opening("ringing", ADA.queue, extension=ADA.extension)


def scenes(business: Business) -> Sequence[Scene]:
    """Return the scenes in the order in which they are played, then played again."""

    def known(name: str) -> _Caller:
        return _known(business, name)

    return (
        _plain(known(FIRST_CALLER), ADA, "Kestrel Garden rings", "overdue, a call back is due"),
        _plain(
            _Caller(MARLOWE_SWITCHBOARD, "MARLOWE GROUP"),
            BEN,
            "The switchboard of the Marlowe Group rings",
            "three customers on one number: choose",
        ),
        _prefetched(known("Royal Tannock Golf & Country Club")),
        _plain(_Caller(None, None), ADA, "A caller who withholds the number rings", "no look-up"),
        _blind_transfer(known("Thornbury Pump Services Ltd")),
        _held(known("Brackenfield Nurseries Ltd")),
        _group(known("Copperbeech Hotels Ltd")),
        _plain(_Caller(STRANGER, "WIRELESS CALLER"), BEN, "An unknown number rings", "no match"),
        _missed(known("Hollins & Daughter")),
        _plain(
            _Caller("+18285550112", "BLUE RIDGE IRRIG", {"level": "C", "verdict": "failed"}),
            ADA,
            "Somebody with the number of Blue Ridge Irrigation rings",
            "the carrier does not vouch for it",
        ),
        _plain(
            _Caller(OKAFOR_MOBILE), ADA, "The Okafor family's mobile rings", "two people share it"
        ),
        _attended_transfer(known("Atlantic Nursery Traders Ltd")),
        _two_at_once(known("Priya Raman"), known("مشتل واحة النخيل للتجارة")),
        _plain(
            known("Tobias Wren"),
            ADA,
            "Tobias Wren, registered in the shop today, rings",
            "found by asking the shop live",
        ),
        _plain(known("Gärtnerei Schäfer GmbH"), BEN, "Gärtnerei Schäfer rings", "owes in EUR"),
        _plain(
            known("Silverpine Academy Trust"), BEN, "Silverpine Academy rings", "we owe them money"
        ),
        _plain(
            known("Wexcombe Parish Council"), ADA, "Wexcombe Parish Council rings", "no limit set"
        ),
    )


def _known(business: Business, name: str) -> _Caller:
    customer = business.customer(name)
    cnam = name.upper()[:15].strip() if name.isascii() else None
    return _Caller(customer.phones[0].e164, cnam)


def _event(kind: str, person: Person | None = None, **more: Any) -> dict[str, Any]:
    at = {"extension": person.extension} if person else {}
    return {"event": kind, **at, **more}


def _ends(call: str, after_s: float = _TALK_S) -> Step:
    return Step(after_s, call, _event("ended", ended={"reason": "hangup"}), "  the caller hangs up")


def _rings(caller: _Caller, person: Person, who: str, why: str, after_s: float = _PAUSE_S) -> Step:
    event = caller.opening("ringing", person.queue, extension=person.extension)
    return Step(after_s, "a", event, f"{who} {person.name} (ext {person.extension}): {why}")


def _answers(person: Person, call: str = "a", after_s: float = _RING_S) -> Step:
    return Step(after_s, call, _event("answered", person), f"  {person.name} answers")


def _plain(caller: _Caller, person: Person, who: str, why: str) -> Scene:
    return (_rings(caller, person, who, why), _answers(person), _ends("a"))


def _prefetched(caller: _Caller) -> Scene:
    """Look up while the caller is still in the menu and the queue: at the ring all is there."""
    return (
        Step(
            _PAUSE_S,
            "a",
            caller.opening("incoming", ADA.queue, collected={"menu": "1"}),
            "Royal Tannock Golf Club, a VIP, is in the menu: the look-ups start",
        ),
        Step(2.0, "a", _event("queued", queue=ADA.queue), "  waits in the queue sales"),
        Step(
            3.0, "a", _event("ringing", ADA), "  rings Ada (ext 101): everything is there at once"
        ),
        _answers(ADA),
        _ends("a"),
    )


def _blind_transfer(caller: _Caller) -> Scene:
    transfer = {"to_extension": ADA.extension, "kind": "blind"}
    return (
        _rings(caller, BEN, "Thornbury Pump Services rings", "on credit hold"),
        _answers(BEN),
        Step(
            8.0,
            "a",
            _event("transferred", BEN, transfer=transfer),
            "  Ben transfers the call to Ada (ext 101), unannounced",
        ),
        _answers(ADA),
        _ends("a"),
    )


def _attended_transfer(caller: _Caller) -> Scene:
    transfer = {"to_extension": ADA.extension, "kind": "attended"}
    return (
        _rings(caller, BEN, "Atlantic Nursery Traders rings", "owes in EUR and in GBP"),
        _answers(BEN),
        Step(6.0, "a", _event("held", BEN), "  Ben asks them to wait and speaks to Ada"),
        Step(
            5.0,
            "a",
            _event("transferred", BEN, transfer=transfer),
            "  Ben puts them through to Ada (ext 101)",
        ),
        _answers(ADA, after_s=0.5),
        _ends("a"),
    )


def _held(caller: _Caller) -> Scene:
    return (
        _rings(caller, ADA, "Brackenfield Nurseries rings", "over the credit limit"),
        _answers(ADA),
        Step(6.0, "a", _event("held", ADA), "  Ada puts them on hold"),
        Step(6.0, "a", _event("resumed", ADA), "  Ada is back"),
        _ends("a", 6.0),
    )


def _group(caller: _Caller) -> Scene:
    both = [ADA.extension, BEN.extension]
    return (
        Step(
            _PAUSE_S,
            "a",
            caller.opening("ringing", BEN.queue, extension=both),
            "Copperbeech Hotels rings Ada and Ben together: overdue in every age",
        ),
        Step(_RING_S, "a", _event("answered", BEN), "  Ben answers, Ada's pop closes"),
        _ends("a"),
    )


def _missed(caller: _Caller) -> Scene:
    return (
        _rings(caller, ADA, "Hollins & Daughter rings", "credit not yet set off"),
        Step(9.0, "a", _event("missed", ADA), "  nobody answers: a missed call"),
    )


def _two_at_once(first: _Caller, second: _Caller) -> Scene:
    ring_ben = second.opening("ringing", BEN.queue, extension=BEN.extension)
    return (
        _rings(first, ADA, "Priya Raman rings", "known to the shop alone"),
        Step(
            1.0,
            "b",
            ring_ben,
            "and Palm Oasis Nursery (a name in Arabic) rings Ben (ext 102) at the same time",
        ),
        _answers(ADA, "a", 2.0),
        _answers(BEN, "b", 1.5),
        _ends("a"),
        _ends("b", 5.0),
    )
