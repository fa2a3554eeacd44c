"""Who works with screenpop in the demo, and the business's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the demo; the configuration takes the password from `password_variable`."""

    name: str
    email: str
    role: Literal["agent", "admin"]
    password_variable: str
    extension: str = ""
    queue: str = ""


ADA = Person("Ada", "ada@example.com", "agent", "DEMO_ADA_PASSWORD", "101", "sales")
BEN = Person("Ben", "ben@example.com", "agent", "DEMO_BEN_PASSWORD", "102", "service")
ADMIN = Person("Morgan", "admin@example.com", "admin", "DEMO_ADMIN_PASSWORD")
PEOPLE = (ADA, BEN, ADMIN)

PHONE_SYSTEM = "pbx"
SALES_LINE = "+448081570100"
SERVICE_LINE = "+448081570101"
