"""Names for the demo's customers: invented companies and people, by country."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from typing import Literal

Segment = Literal["garden centre", "landscaper", "pump engineer", "grower", "estate", "household"]


@dataclass(frozen=True, slots=True)
class Country:
    """How customers of a country are called; `weight` is its share of the customers."""

    region: str
    currency: str
    language: str
    weight: int
    domain: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    places: tuple[str, ...]
    companies: dict[Segment, tuple[str, ...]]


def _words(text: str, separator: str | None = None) -> tuple[str, ...]:
    return tuple(text.split(separator))


_UK = Country(
    "GB",
    "GBP",
    "en",
    80,
    "co.uk.example",
    _words(
        "Aisha Alan Alison Amir Beth Callum Carys Chidi Clare Daniel Deepa Dilys Eilidh "
        "Emma Farah Fergus Gareth Gemma Graham Hamish Hannah Imran Isla Jack Joanne Karen "
        "Kwame Leanne Lewis Mairi Martin Megan Naomi Nigel Olivia Owen Pauline Priti Rhys "
        "Robert Ruth Sanjay Sian Stephen Tariq Tom Ursula Victoria Wendy Yusuf"
    ),
    _words(
        "Abbott Adeyemi Ainsworth Bains Barraclough Bell Birtwistle Blackwood Carver "
        "Chaudhry Cope Crabtree Davies Dunmore Ellis Fairclough Farrow Gill Greaves "
        "Haddow Hartley Hughes Iqbal Jessop Kaur Kenyon Lacey Llewellyn MacLeod Mistry "
        "Morgan Nuttall Oduya Ogden Parry Patel Pickering Quigley Ramsden Rees Sato-Brown "
        "Shah Stirling Tapper Thwaite Underhill Vickers Whitworth Yates"
    ),
    _words(
        "Alderbrook Ashcombe Beckfoot Bramley Cairnholm Calderwell Coldharbour Dunmere "
        "Eastlow Elmstead Fallowfield Glenbarr Harrowby Heathcote Hollowell Inverlay "
        "Kelmscott Larkhill Linwood Maplestead Millbrook Nethercote Oakhanger Oxley "
        "Penrhyn Priorsfield Quarrydale Ravensworth Rookley Sallowfield Silverdale "
        "Stonebeck Thistledown Upperton Wansford Westering Whinfell Winterbourne Wychwood "
        "Yarrowdale"
    ),
    {
        "garden centre": (
            "{place} Garden Centre Ltd",
            "{place} Plants & Gifts Ltd",
            "The Potting Shed ({place}) Ltd",
        ),
        "landscaper": (
            "{family} Landscapes Ltd",
            "{family} & {family2} Groundworks",
            "{place} Garden Design LLP",
        ),
        "pump engineer": (
            "{place} Pump Services Ltd",
            "{family} Drainage & Pumps Ltd",
            "{place} Borehole Co.",
        ),
        "grower": ("{place} Nurseries Ltd", "{family} Growers", "{place} Farm Shop"),
        "estate": (
            "{place} Golf Club",
            "{place} Hall Hotel",
            "{place} Academy Trust",
            "{place} Parish Council",
        ),
        "household": (),
    },
)
_GERMANY = Country(
    "DE",
    "EUR",
    "de",
    6,
    "de.example",
    _words("Anja Björn Claudia Dieter Elke Florian Günter Heike Jürgen Katrin Mehmet Uwe"),
    _words("Ahrens Böhm Drechsler Eberhardt Grünwald Höfer Kröger Lößner Möller Stöhr"),
    _words("Lindenau Rosenhain Buchental Wiesengrund Mühlbach Erlenhof Sonnenfeld Ahorn"),
    {
        "garden centre": ("Gartencenter {place} GmbH", "Blumen {family} e. K."),
        "landscaper": ("{family} Gartenbau GmbH & Co. KG",),
        "pump engineer": ("Pumpentechnik {family} GmbH",),
        "grower": ("Gärtnerei {family}", "Baumschule {place} GmbH"),
        "estate": ("Schlosshotel {place}", "Golfclub {place} e. V."),
        "household": (),
    },
)
_FRANCE = Country(
    "FR",
    "EUR",
    "fr",
    6,
    "fr.example",
    _words("Amélie Benoît Cécile Damien Élodie François Gaëlle Hervé Inès Joël Maëlle"),
    _words("Aubépin Besançon Chêne Delétang Estève Févrierre Garçonnet Lefèvre Noël"),
    _words("Belleroche Clairefontaine Montfleury Roncevaux Valdoré Boisjoli Hautepierre"),
    {
        "garden centre": ("Jardinerie {place} SARL", "Les Serres de {place}"),
        "landscaper": ("{family} Paysages SAS",),
        "pump engineer": ("Pompes {family} SARL", "Hydraulique {place}"),
        "grower": ("Pépinières {family}", "EARL du {place}"),
        "estate": ("Château {place}", "Golf de {place}"),
        "household": (),
    },
)
_IRELAND = Country(
    "IE",
    "EUR",
    "en",
    5,
    "ie.example",
    _words("Aoife Brendan Caoimhe Declan Eimear Fiachra Gráinne Niamh Oisín Pádraig"),
    _words("Brannigan Costelloe Devaney Fennelly Geraghty Hanlon Keoghan Mulvaney Tiernan"),
    _words("Ballyduff Carrigmore Drumlea Glenasmole Kilcorran Lisnagar Rathbawn Tullyroe"),
    {
        "garden centre": ("{place} Garden Centre Ltd",),
        "landscaper": ("{family} Landscaping Ltd",),
        "pump engineer": ("{family} Pumps & Wells Ltd",),
        "grower": ("{place} Nurseries DAC", "{family} Farms"),
        "estate": ("{place} House Hotel", "{place} Golf Links"),
        "household": (),
    },
)
_USA = Country(
    "US",
    "USD",
    "en",
    3,
    "com.example",
    _words("Ashley Brandon Carlos Dolores Ethan Grace Hector Jasmine Kyle Luz Marcus"),
    _words("Alvarado Baxter Castellano Dupree Hollister Jankowski Nakamura Ortega"),
    _words("Cedar Bluff|Sandy Creek|Pine Hollow|Eagle Ridge|Copper Falls|Twin Lakes", "|"),
    {
        "garden centre": ("{place} Garden Supply LLC",),
        "landscaper": ("{family} Lawn & Landscape Inc.",),
        "pump engineer": ("{place} Well & Pump Co.",),
        "grower": ("{place} Greenhouses",),
        "estate": ("{place} Country Club",),
        "household": (),
    },
)
COUNTRIES = (_UK, _GERMANY, _FRANCE, _IRELAND, _USA)


def person_name(rng: random.Random, country: Country) -> str:
    """Return a given and a family name."""
    return f"{rng.choice(country.given)} {rng.choice(country.family)}"


def company_name(rng: random.Random, country: Country, segment: Segment) -> str:
    """Return a company's name for a line of business."""
    family, family2 = rng.sample(country.family, 2)
    return rng.choice(country.companies[segment]).format(
        place=rng.choice(country.places), family=family, family2=family2
    )


def email_address(person: str, company: str | None, country: Country) -> str:
    """Return an address under the reserved `.example`."""
    first, _, last = person.partition(" ")
    if company is None:
        return f"{_plain(first)}.{_plain(last)}@mail.example"
    return f"{_plain(first)}@{_plain(company)[:24]}.{country.domain}"


def _plain(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(c for c in ascii_text.lower() if c.isalnum()) or "info"
