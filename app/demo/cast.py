"""The demo's cast: customers told by hand, each with something that a screen pop must get right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from app.demo.casting import Cast, Casting, Terms, mobile, phone
from app.demo.records import Staff
from app.demo.trade import KnownSale

MARTHA = Staff("MQ", "Martha Quill", "martha.quill@fernhill.example")
OWEN = Staff("OL", "Owen Lightfoot", "owen.lightfoot@fernhill.example")
PETRA = Staff("PS", "Petra Sandoval", "petra.sandoval@fernhill.example")
STAFF = (MARTHA, OWEN, PETRA)

# Numbers that belong to nobody: an unknown caller rings from the first one.
STRANGER = "+447700900999"
MARLOWE_SWITCHBOARD = "+441614960200"
OKAFOR_MOBILE = "+447700900123"


def cast(today: date) -> Cast:
    """Return the customers told by hand, as of `today`."""
    casting = Casting(today)
    _regulars(casting)
    _shared_numbers(casting)
    _credit_cases(casting)
    _balance_cases(casting)
    _unusual_names_and_places(casting)
    _in_one_system_only(casting)
    return Cast(tuple(casting.plans), tuple(casting.loose), casting.terms)


def _regulars(casting: Casting) -> None:
    casting.add(
        "Kestrel Garden Supplies Ltd",
        "pump engineer",
        (
            phone("+442079460958", "national", "trunk zero"),
            mobile("+447700900158", "from abroad"),
        ),
        contact="Sarah Holt",
        email="sarah.holt@kestrelgarden.co.uk.example",
        tier="Gold",
        tags=("trade counter",),
        owner=MARTHA,
        years=7,
        gap_days=22,
        size=2,
        open_sales=(
            KnownSale((("HS-200", 3), ("SK-2", 6), ("H-9", 2)), 70, paid=Decimal("150.00")),
            KnownSale((("HS-200", 2), ("CL-32", 5)), 15),
        ),
        # The ledger says Net 30: a conflict that an agent should see.
        credit=Terms(Decimal(2500), "A", terms="Net 60", days=60),
    )
    casting.add(
        "Royal Tannock Golf & Country Club",
        "estate",
        (phone("+441314960770", "x12"), mobile("+447700900771")),
        contact="Fergus Haddow",
        email="headgreenkeeper@royaltannock.co.uk.example",
        tier="VIP",
        tags=("vip", "key account"),
        owner=MARTHA,
        terms="N45",
        years=11,
        gap_days=12,
        size=4,
        open_sales=(
            KnownSale((("LF-20", 40), ("GM-10", 24), ("SPR-4", 60)), 28),
            KnownSale((("TM-6", 2), ("SV-1", 12), ("RS-1", 2)), 6),
            KnownSale((("NZ-15", 10), ("SJ-1", 60)), None),
        ),
        credit=Terms(Decimal(20000), "A"),
    )


def _shared_numbers(casting: Casting) -> None:
    marlowe: dict[str, Any] = {"owner": OWEN, "tags": ("Marlowe Group",)}
    casting.add(
        "Marlowe Landscapes Ltd",
        "landscaper",
        (phone(MARLOWE_SWITCHBOARD, "national"), mobile("+447700900201")),
        contact="Tariq Mistry",
        email="buying@marlowe-landscapes.co.uk.example",
        tier="Silver",
        size=2,
        open_sales=(KnownSale((("DT-16", 6), ("DC-16", 6), ("SPR-4", 24)), 12),),
        credit=Terms(Decimal(6000)),
        **marlowe,
    )
    casting.add(
        "Marlowe Irrigation Ltd",
        "pump engineer",
        (phone(MARLOWE_SWITCHBOARD, "trunk zero", "x12"),),
        contact="Leanne Ogden",
        email="accounts@marlowe-irrigation.co.uk.example",
        tier="Silver",
        gap_days=18,
        open_sales=(KnownSale((("SP-60", 2), ("CB-20", 2), ("FS-1", 2)), 52),),
        credit=Terms(Decimal(4000)),
        **marlowe,
    )
    casting.add(
        "Marlowe Estates LLP",
        "estate",
        (phone(MARLOWE_SWITCHBOARD, "from abroad", "solid"),),
        contact="Graham Vickers",
        email="facilities@marlowe-estates.co.uk.example",
        gap_days=60,
        credit=Terms(Decimal(3000), "A"),
        **marlowe,
    )
    casting.add(
        "Grace Okafor",
        "household",
        (mobile(OKAFOR_MOBILE, "solid", "international"),),
        email="grace.okafor@mail.example",
        terms="N14",
        gap_days=55,
        open_sales=(KnownSale((("PP-35", 1), ("PF-10", 1), ("KF-10", 1)), 8),),
    )
    casting.add(
        "Daniel Okafor",
        "household",
        (mobile(OKAFOR_MOBILE, "national", "dotted"),),
        email="daniel.okafor@mail.example",
        gap_days=70,
        habit="by card",
        in_books=False,
    )


def _credit_cases(casting: Casting) -> None:
    casting.add(
        "Thornbury Pump Services Ltd",
        "pump engineer",
        (phone("+441174960310", "bracketed"), mobile("+447700900310")),
        contact="Nigel Crabtree",
        email="nigel@thornburypumps.co.uk.example",
        tier="Bronze",
        owner=OWEN,
        gap_days=25,
        habit="very late",
        open_sales=(
            KnownSale((("SP-110", 2), ("CB-20", 2), ("H-12", 4)), 118),
            KnownSale((("HS-400", 2), ("SK-4", 6)), 84),
        ),
        credit=Terms(Decimal(3000), "D", "Cheque returned unpaid; director's guarantee awaited"),
    )
    casting.add(
        "Brackenfield Nurseries Ltd",
        "grower",
        (phone("+441134960415", "solid", "national"),),
        contact="Alison Ramsden",
        email="alison@brackenfield.co.uk.example",
        tier="Gold",
        owner=MARTHA,
        gap_days=16,
        size=5,
        open_sales=(
            KnownSale((("CO-50", 960), ("CP-PF", 800), ("BM-60", 400)), 24),
            KnownSale((("FL-17", 40), ("NT-4", 20)), 9),
        ),
        credit=Terms(Decimal(15000), "C"),
    )
    casting.add(
        "Wexcombe Parish Council",
        "estate",
        (phone("+441632960522", "national"),),
        contact="Dilys Parry",
        email="clerk@wexcombe-pc.co.uk.example",
        tags=("public sector",),
        owner=PETRA,
        gap_days=50,
        open_sales=(KnownSale((("WB-300", 4), ("WBT-1", 4)), 20),),
        credit=Terms(None, None),
    )
    casting.add(
        "Pitt & Sons Garden Services",
        "landscaper",
        (mobile("+447700900640", "international"),),
        contact="Lewis Pitt",
        email="lewis.pitt@pittandsons.co.uk.example",
        terms="PF",
        gap_days=35,
        days=190,
        credit=Terms(Decimal(0), "E"),
    )


def _balance_cases(casting: Casting) -> None:
    casting.add(
        "Copperbeech Hotels Ltd",
        "estate",
        (phone("+441214960733", "ext.", "national"),),
        contact="Yusuf Iqbal",
        email="purchase.ledger@copperbeech.co.uk.example",
        tier="Silver",
        owner=PETRA,
        habit="very late",
        open_sales=(
            KnownSale((("LF-20", 6), ("TF-5", 12)), 10),
            KnownSale((("AL-5", 4), ("KF-10", 5)), 45),
            KnownSale((("PP-80", 1), ("PF-20", 2), ("UV-24", 1)), 75),
            KnownSale((("SH-20", 12), ("HC-1", 10)), 110),
            KnownSale((("TM-6", 1), ("SV-1", 6), ("VB-1", 6)), 160, paid=Decimal("100.00")),
        ),
        credit=Terms(Decimal(5000), "C"),
    )
    hollins = casting.add(
        "Hollins & Daughter",
        "garden centre",
        (phone("+441914980144", "dotted", "solid"),),
        contact="Ruth Hollins",
        email="ruth@hollinsanddaughter.co.uk.example",
        tier="Silver",
        owner=OWEN,
        open_sales=(
            KnownSale((("CO-50", 120), ("GR-20", 40)), 34),
            KnownSale((("SC-2", 12), ("GL-N", 20)), 11),
        ),
        credit=Terms(Decimal(3500)),
    )
    casting.on_account(hollins, "350.00", 6)
    casting.credit_note(hollins, "84.00", 13)
    silverpine = casting.add(
        "Silverpine Academy Trust",
        "estate",
        (phone("+442920180266", "national"),),
        contact="Carys Llewellyn",
        email="finance@silverpine.co.uk.example",
        tags=("public sector",),
        gap_days=45,
        credit=Terms(Decimal(2000), "A"),
    )
    # They paid an invoice twice: we owe them.
    casting.on_account(silverpine, "612.40", 17)
    casting.add(
        "Atlantic Nursery Traders Ltd",
        "grower",
        (phone("+353209112340", "from abroad", "international"),),
        contact="Declan Geraghty",
        email="declan@atlantictraders.ie.example",
        region="IE",
        currency="EUR",
        tier="Gold",
        owner=PETRA,
        size=2,
        open_sales=(
            KnownSale((("DT-16", 20), ("DC-16", 10), ("GW-90", 4)), 19),
            KnownSale((("FL-17", 10),), 48),
            KnownSale((("CO-50", 200), ("CP-PF", 100)), 41, currency="GBP"),
        ),
        credit=Terms(Decimal(12000)),
    )


def _unusual_names_and_places(casting: Casting) -> None:
    casting.add(
        "مشتل واحة النخيل للتجارة",
        "garden centre",
        (phone("+442079460311", "national", "international"),),
        contact="ليلى الحداد",
        email="orders@palmoasis.co.uk.example",
        language="ar",
        open_sales=(KnownSale((("SH-20", 20), ("TF-5", 16)), 18),),
        credit=Terms(Decimal(4000)),
    )
    casting.add(
        "נועה בן־דוד",
        "household",
        (mobile("+447700900377"),),
        email="noa@mail.example",
        language="he",
        gap_days=80,
        habit="by card",
        in_books=False,
    )
    casting.add(
        "The Worshipful Company of Gardeners and Allied Horticultural Trades of the Vale of "
        "Evenlode and Surrounding Parishes (Wholesale Purchasing Consortium) Ltd",
        "garden centre",
        (phone("+441632960888", "ext.", "national"),),
        contact="Bartholomew Featherstonehaugh-Cholmondeley",
        email="the.wholesale.purchasing.consortium@worshipfulgardeners.co.uk.example",
        owner=OWEN,
        size=3,
        credit=Terms(Decimal(1250000), "A"),
    )
    casting.add(
        'O\'Dowd & Sons "The Pump Doctors"',
        "pump engineer",
        (mobile("+447700900455", "trunk zero"),),
        contact="Brendan O'Dowd",
        email="brendan@pumpdoctors.co.uk.example",
        credit=Terms(Decimal(1500), telephone="4,47701E+11"),
    )
    casting.add(
        "Gärtnerei Schäfer GmbH",
        "grower",
        (phone("+493023125446", "from abroad, spaced", "trunk zero"),),
        contact="Jürgen Schäfer",
        email="einkauf@gaertnerei-schaefer.de.example",
        region="DE",
        currency="EUR",
        language="de",
        owner=PETRA,
        size=2,
        open_sales=(KnownSale((("DT-16", 8), ("DF-2", 2)), 21),),
        credit=Terms(Decimal(8000), "A"),
    )
    casting.add(
        "Jardinerie de l'Étang SARL",
        "garden centre",
        (phone("+33199001844", "from abroad", "national"),),
        contact="Hélène Févrierre",
        email="helene@jardinerie-etang.fr.example",
        region="FR",
        currency="EUR",
        language="fr",
        owner=PETRA,
        open_sales=(KnownSale((("PP-35", 6), ("PF-10", 12), ("KF-10", 10)), 39),),
        credit=Terms(Decimal(6500)),
    )
    casting.add(
        "Blue Ridge Irrigation Inc.",
        "landscaper",
        (phone("+18285550112", "international", "bracketed"),),
        contact="Dolores Baxter",
        email="ap@blueridgeirrigation.com.example",
        region="US",
        currency="USD",
        owner=PETRA,
        open_sales=(KnownSale((("TM-6", 4), ("SV-1", 24), ("VB-1", 24)), 14),),
        credit=Terms(Decimal(10000)),
    )


def _in_one_system_only(casting: Casting) -> None:
    casting.add(
        "Priya Raman",
        "household",
        (mobile("+447700900512", shop="national"),),
        email="priya.raman@mail.example",
        tags=("newsletter",),
        gap_days=40,
        habit="by card",
        in_books=False,
    )
    casting.add(
        "Tobias Wren",
        "household",
        (mobile("+447700900733", shop="national"),),
        email="tobias.wren@mail.example",
        gap_days=None,
        days=0,
        new_today=True,
        in_books=False,
        open_sales=(KnownSale((("PP-35", 1), ("PH-25", 1)), None),),
    )
    casting.add(
        "Old Mill Trout Farm",
        "grower",
        (phone("+441632960047", "national"),),
        contact="Wendy Tapper",
        email="oldmill@mail.example",
        years=9,
        gap_days=None,
        in_shop=False,
        credit=Terms(Decimal(500), "B"),
    )
