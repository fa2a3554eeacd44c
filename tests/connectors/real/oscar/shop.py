# ruff: noqa: E501 - settings and orders are read best on one line
# mypy: ignore-errors
"""A django-oscar shop: `python shop.py FOLDER`, a program of its own environment (.venv-real).

Prints its port when it answers. `alone` as a second argument leaves out the add-on that
docs/data-sources/django-oscar.md describes.
"""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings
from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar import defaults

PASSWORD = "quay-side 7"


class _NoMigrations(dict):
    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None:
        return None


def configure(folder: Path, *, alone: bool) -> None:
    """Set Django up as a shop's settings.py does."""
    own = {name: getattr(defaults, name) for name in dir(defaults) if name.startswith("OSCAR_")}
    more = {} if alone else {"OSCARAPI_OVERRIDE_MODULES": ["screenpop_api"]}
    settings.configure(
        **{**own, "OSCAR_DEFAULT_CURRENCY": "GBP"},
        **more,
        OSCARAPI_BLOCK_ADMIN_API_ACCESS=False,
        SECRET_KEY="of a test",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="shop_urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "shop.db"}},
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[
            *OSCAR_APPS,
            "rest_framework",
            "oscarapi",
        ],
        # The tables are made of the models: hundreds of migrations take half a minute.
        MIGRATION_MODULES=_NoMigrations(),
        SITE_ID=1,
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "oscar.apps.basket.middleware.BasketMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates",
                    "APP_DIRS": True}],
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
        TIME_ZONE="Europe/London",
        STATIC_URL="/static/",
        MEDIA_ROOT=str(folder),
    )  # fmt: skip
    django.setup()


def seed() -> None:
    """Enter two customers with accounts, a guest, and what they bought."""
    from django.contrib.auth import get_user_model
    from oscar.core.loading import get_model
    from oscar.test.factories import create_product

    users = get_user_model()
    users.objects.create_superuser("admin", "admin@shop.example", PASSWORD)
    users.objects.create_user("clerk", "clerk@shop.example", PASSWORD, is_staff=True)
    ada = users.objects.create_user("ada", "ada@harbour.example", PASSWORD)
    country = get_model("address", "Country").objects.create(
        iso_3166_1_a2="GB", printable_name="United Kingdom", name="United Kingdom"
    )
    spade = create_product(upc="SPADE", title="Spade", price=Decimal("25.00"), num_in_stock=7)
    twine = create_product(upc="TWINE", title="Twine", price=Decimal("6.67"), num_in_stock=9)
    place(ada, None, "10001", "2026-01-05T23:30", [(spade, 2)], "+442079460958", country)
    place(
        ada, None, "10002", "2026-07-01T23:30", [(spade, 1), (twine, 3)], "+447400123456", country
    )
    place(None, "guest@quay.example", "10003", "2026-08-01T12:00", [(twine, 1)], None, country)


def place(user, guest, number, when, lines, phone, country) -> None:
    """Place an order as the shop's own checkout does."""
    from oscar.core.loading import get_class, get_model

    basket = get_model("basket", "Basket").objects.create(owner=user)
    basket.strategy = get_class("partner.strategy", "Selector")().strategy()
    for product, quantity in lines:
        basket.add_product(product, quantity)
    address = get_model("order", "ShippingAddress")(
        first_name="Ada" if user else "Guy", last_name="Harbour" if user else "Guest",
        line1="1 Quay Street", postcode="E1 6AN", country=country, phone_number=phone or "",
    )  # fmt: skip
    address.save()
    method = get_class("shipping.methods", "Free")()
    charge = method.calculate(basket)
    total = get_class("checkout.calculators", "OrderTotalCalculator")().calculate(basket, charge)
    order = get_class("order.utils", "OrderCreator")().place_order(
        basket=basket, total=total, shipping_method=method, shipping_charge=charge, user=user,
        shipping_address=address, order_number=number, status="Pending",
        guest_email=guest or "",
    )  # fmt: skip
    order.date_placed = dt.datetime.fromisoformat(when).replace(tzinfo=dt.UTC)
    order.save()
    basket.submit()


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def main(folder: Path, *, alone: bool) -> None:
    """Make the shop and serve it."""
    configure(folder, alone=alone)
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    call_command("migrate", run_syncdb=True, verbosity=0)
    seed()
    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), alone="alone" in sys.argv[2:])
