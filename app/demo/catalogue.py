"""The demo business's catalogue: what it sells, how often it is bought again, what goes with it."""

from __future__ import annotations

from decimal import Decimal

from app.demo.records import PENNY, Item

# List prices are in GBP; a currency's price list is the GBP one times its rate.
PRICE_LIST_RATES = {"GBP": Decimal(1), "EUR": Decimal("1.17"), "USD": Decimal("1.28")}

FREIGHT = "Freight"

# sku | name | category | price | stock (- = not tracked) | usual quantity | cycle days | goes with
_TABLE = """
HS-200 | Surface pump HS-200 | Pumps | 129.00 | 42 | 2 | - | SK-2 H-9 CL-32 NRV-1
HS-400 | Surface pump HS-400 | Pumps | 214.00 | 17 | 1 | - | SK-4 H-12 CL-40 NRV-1
SP-60 | Submersible pump SP-60 | Pumps | 178.50 | 23 | 1 | - | CB-20 H-9 CL-32 FS-1
SP-110 | Submersible pump SP-110 | Pumps | 349.00 | 6 | 1 | - | CB-20 H-12 CL-40 FS-1
BP-25 | Booster pump BP-25 with tank | Pumps | 286.00 | 9 | 1 | - | PS-1 GA-6 NRV-1
DP-90 | Dirty-water pump DP-90 | Pumps | 96.40 | 31 | 2 | - | H-9 CL-32 FS-1
PP-35 | Pond pump PP-35 | Pond | 74.90 | 38 | 1 | - | PF-10 PH-25 UV-11
PP-80 | Pond pump PP-80 | Pond | 139.00 | 12 | 1 | - | PF-20 PH-25 UV-24
SK-2 | Seal kit SK-2 (HS-200) | Pump parts | 18.60 | 210 | 4 | 30 |
SK-4 | Seal kit SK-4 (HS-400) | Pump parts | 24.20 | 96 | 3 | 60 |
IM-2 | Impeller IM-2 (HS-200) | Pump parts | 31.75 | 54 | 2 | 120 | SK-2
CP-16 | Run capacitor 16 µF | Pump parts | 9.80 | 140 | 4 | 90 |
NRV-1 | Non-return valve 1" brass | Pump parts | 12.40 | 180 | 4 | 75 |
PS-1 | Pressure switch 1.4-2.8 bar | Pump parts | 21.90 | 63 | 2 | 110 |
GA-6 | Pressure gauge 0-6 bar | Pump parts | 8.75 | 88 | 3 | 150 |
FS-1 | Float switch, 5 m cable | Pump parts | 19.30 | 71 | 2 | 120 |
CB-20 | Pump cable 3 × 1.5 mm², 20 m | Pump parts | 44.00 | 26 | 1 | 180 |
H-9 | Reinforced hose H-9, 25 m | Hose | 36.50 | 120 | 3 | 45 | CL-32 HC-1
H-12 | Reinforced hose H-12, 25 m | Hose | 52.80 | 64 | 2 | 60 | CL-40
LF-50 | Layflat hose 50 mm, 50 m | Hose | 88.00 | 22 | 1 | 150 | CL-40
SH-20 | Soaker hose 20 m | Hose | 14.90 | 160 | 6 | 60 | HC-1
CL-32 | Hose clip 25-40 mm, pack of 10 | Hose | 6.90 | 400 | 5 | 35 |
CL-40 | Hose clip 35-50 mm, pack of 10 | Hose | 7.80 | 320 | 4 | 45 |
HC-1 | Hose connector ½", pack of 5 | Hose | 8.20 | 260 | 5 | 40 |
DT-16 | Drip line 16 mm, 100 m | Irrigation | 39.90 | 84 | 3 | 50 | DC-16 DF-2
DC-16 | Drip connectors 16 mm, bag of 50 | Irrigation | 16.40 | 130 | 3 | 50 |
DF-2 | Drip filter 2" 120 mesh | Irrigation | 27.50 | 45 | 1 | 160 |
SPR-4 | Pop-up sprinkler 4" | Irrigation | 11.20 | 300 | 12 | 70 | NZ-15 SJ-1
NZ-15 | Sprinkler nozzle 15 ft, pack of 10 | Irrigation | 13.90 | 150 | 4 | 70 |
SJ-1 | Swing joint ½" | Irrigation | 4.35 | 260 | 12 | 70 |
TM-6 | Irrigation controller, 6 zones | Irrigation | 118.00 | 14 | 1 | - | SV-1 RS-1
SV-1 | Solenoid valve 1" 24 V | Irrigation | 23.60 | 92 | 4 | 100 | VB-1
VB-1 | Valve box, round | Irrigation | 9.95 | 110 | 4 | 100 |
RS-1 | Rain sensor | Irrigation | 32.00 | 0 | 1 | - |
WB-300 | Water butt 300 l | Irrigation | 58.00 | 36 | 2 | 180 | WBT-1
WBT-1 | Water-butt tap and stand | Irrigation | 19.95 | 48 | 2 | 180 |
PL-4 | Pond liner EPDM 4 × 5 m | Pond | 112.00 | 15 | 1 | - | PU-4
PU-4 | Pond underlay 4 × 5 m | Pond | 34.00 | 19 | 1 | - |
PF-10 | Pond filter foam set 10 | Pond | 15.80 | 77 | 2 | 60 |
PF-20 | Pond filter foam set 20 | Pond | 22.60 | 51 | 2 | 60 |
UV-11 | UV lamp 11 W | Pond | 17.40 | 66 | 1 | 180 |
UV-24 | UV lamp 24 W | Pond | 24.90 | 28 | 1 | 180 |
PH-25 | Pond hose 25 mm, 10 m | Pond | 21.50 | 40 | 1 | 150 |
AL-5 | Algae treatment 5 l | Pond | 42.00 | 33 | 2 | 45 |
KF-10 | Koi food 10 kg | Pond | 38.90 | 58 | 3 | 35 |
CO-50 | Multi-purpose compost 50 l | Soil | 5.45 | 1400 | 40 | 21 |
CP-PF | Peat-free compost 50 l | Soil | 6.80 | 1150 | 40 | 21 |
TS-25 | Topsoil 25 kg | Soil | 4.10 | 760 | 30 | 30 |
BM-60 | Bark mulch 60 l | Soil | 6.95 | 820 | 30 | 35 |
GR-20 | Horticultural grit 20 kg | Soil | 4.60 | 410 | 20 | 45 |
LF-20 | Lawn feed 20 kg | Feed | 27.90 | 130 | 6 | 42 | SPD-1
GM-10 | Grass seed 10 kg | Feed | 49.50 | 74 | 3 | 60 | LF-20
TF-5 | Tomato feed 5 l | Feed | 11.80 | 190 | 8 | 30 |
SPD-1 | Broadcast spreader | Tools | 64.00 | 18 | 1 | - | LF-20
SC-2 | Secateurs, bypass | Tools | 17.95 | 95 | 4 | 120 |
WB-110 | Wheelbarrow 110 l | Tools | 79.00 | 21 | 1 | - |
KS-16 | Knapsack sprayer 16 l | Tools | 56.00 | 27 | 1 | - | GL-N
GL-N | Nitrile gloves, box of 100 | Protection | 9.40 | 340 | 6 | 28 |
FL-17 | Frost fleece 17 g, 2 × 50 m | Protection | 24.50 | 44 | 4 | 90 |
NT-4 | Crop netting 4 × 50 m | Protection | 41.00 | 37 | 2 | 120 |
GW-90 | Ground cover 90 g, 2 × 100 m | Protection | 68.00 | 29 | 1 | 150 |
CARR | Carriage | Freight | 14.50 | - | 1 | - |
"""


def _item(item_id: int, row: str) -> Item:
    sku, name, category, price, stock, quantity, cycle, goes_with = (
        cell.strip() for cell in row.split("|")
    )
    return Item(
        item_id=item_id,
        sku=sku,
        name=name,
        category=category,
        price_gbp=Decimal(price),
        stock=None if stock == "-" else int(stock),
        usual_quantity=int(quantity),
        cycle_days=None if cycle == "-" else int(cycle),
        goes_with=tuple(goes_with.split()),
    )


ITEMS: tuple[Item, ...] = tuple(
    _item(2001 + index, row) for index, row in enumerate(_TABLE.strip().splitlines())
)
BY_SKU: dict[str, Item] = {item.sku: item for item in ITEMS}


def price(item: Item, currency: str) -> Decimal:
    """Return the list price of an item in a currency of `PRICE_LIST_RATES`."""
    return (item.price_gbp * PRICE_LIST_RATES[currency]).quantize(PENNY)
