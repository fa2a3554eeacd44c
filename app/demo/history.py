"""What was said on earlier calls: notes, dispositions and promises of the demo's agents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from app.demo.people import ADA, BEN, SALES_LINE, SERVICE_LINE, Person
from app.demo.records import Business, Customer


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Something an agent promised."""

    due_on: date
    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """A call of the past, answered and ended.

    Of `customer`, the shop has the record `shop_id` and the accounts the number `account`.
    """

    call_id: str
    customer: Customer
    ani: str
    dnis: str
    agent: Person
    started_at: datetime
    answered_at: datetime
    ended_at: datetime
    disposition: str
    note: str
    sentiment: str
    follow_up: FollowUp | None


# customer | agent | days ago | minute of the day (UTC) | seconds | disposition | sentiment |
# note | follow-up: days from today, text, done
_Told = tuple[str, Person, int, int, int, str, str, str, tuple[int, str, bool] | None]
_TOLD: tuple[_Told, ...] = (
    (
        "Kestrel Garden Supplies Ltd", BEN, 10, 612, 340, "complaint", "negative",
        "Third HS-200 of the batch leaks at the shaft seal. Wants a replacement by Friday; "
        "will not pay the older invoice until it is sorted.",
        (0, "call Sarah about the HS-200 replacement", False),
    ),
    (
        "Kestrel Garden Supplies Ltd", ADA, 41, 875, 95, "order", "positive",
        "Sarah re-ordered seal kits. Asked about a price for ten HS-200.", None,
    ),
    (
        "Kestrel Garden Supplies Ltd", ADA, 96, 541, 180, "enquiry", "neutral",
        "Asked which hose fits the HS-400. Sent the data sheet.",
        (-90, "send the HS-400 data sheet", True),
    ),
    (
        "Royal Tannock Golf & Country Club", ADA, 5, 690, 410, "order", "positive",
        "Fergus plans the back nine irrigation for spring: 60 sprinklers and a second controller. "
        "Wants a site visit from Martha.",
        (3, "ask Martha to arrange the site visit", False),
    ),
    (
        "Thornbury Pump Services Ltd", BEN, 8, 955, 520, "payment", "negative",
        "Nigel says the cheque was a bank error. Told him: no goods until the guarantee is signed.",
        (-1, "has the guarantee come?", False),
    ),
    (
        "Brackenfield Nurseries Ltd", ADA, 12, 567, 230, "order", "neutral",
        "Alison wants another 400 bags of compost; told her that the limit is used up.", None,
    ),
    (
        "Marlowe Irrigation Ltd", BEN, 20, 730, 150, "enquiry", "neutral",
        "Leanne asked for copy invoices. Sent.", None,
    ),
    (
        "Marlowe Landscapes Ltd", ADA, 3, 840, 200, "order", "positive",
        "Tariq ordered drip line for the Harrowby site, delivery to site, not to the yard.", None,
    ),
    (
        "Copperbeech Hotels Ltd", BEN, 15, 1002, 610, "payment", "negative",
        "Yusuf disputes the controller from spring: says two valves were missing. Asked Accounts.",
        (-4, "tell Yusuf what Accounts found", False),
    ),
    (
        "Hollins & Daughter", BEN, 12, 580, 260, "complaint", "neutral",
        "Ruth returned split compost bags; credit note raised, wants it set against the next "
        "invoice.",
        (-6, "credit note to Ruth", True),
    ),
    (
        "Atlantic Nursery Traders Ltd", BEN, 26, 645, 190, "enquiry", "neutral",
        "Declan asks to be invoiced in EUR only. Passed on to Petra.", None,
    ),
    (
        "Grace Okafor", ADA, 7, 1020, 300, "order", "positive",
        "Pond pump for the new pond. Daniel may ring about the fitting.", None,
    ),
    (
        "Priya Raman", ADA, 18, 905, 120, "enquiry", "positive",
        "Asked whether the peat-free compost suits ericaceous plants: no.", None,
    ),
    (
        "Gärtnerei Schäfer GmbH", BEN, 9, 555, 280, "complaint", "negative",
        "Pallet arrived a day late, two drip filters short. Sent the rest by parcel.",
        (1, "confirm that the parcel arrived", False),
    ),
)  # fmt: skip


def history(business: Business) -> tuple[EarlierCall, ...]:
    """Return the earlier calls, all before `business.today`."""
    return tuple(_call(business, number, told) for number, told in enumerate(_TOLD, 1))


def _call(business: Business, number: int, told: _Told) -> EarlierCall:
    name, agent, days_ago, minute, seconds, disposition, sentiment, note, promised = told
    customer = business.customer(name)
    day = datetime.combine(business.today - timedelta(days=days_ago), time(), UTC)
    started_at = day + timedelta(minutes=minute)
    answered_at = started_at + timedelta(seconds=4 + number % 9)
    follow_up = None
    if promised is not None:
        due_in, text, done = promised
        follow_up = FollowUp(business.today + timedelta(days=due_in), text, done)
    return EarlierCall(
        call_id=f"earlier-{number}",
        customer=customer,
        ani=customer.phones[0].e164,
        dnis=SALES_LINE if agent is ADA else SERVICE_LINE,
        agent=agent,
        started_at=started_at,
        answered_at=answered_at,
        ended_at=answered_at + timedelta(seconds=seconds),
        disposition=disposition,
        note=note,
        sentiment=sentiment,
        follow_up=follow_up,
    )
