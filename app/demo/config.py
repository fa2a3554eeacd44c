"""The demo's configuration, as an admin would write it for `screenpop apply`."""

from __future__ import annotations

import base64
import secrets
import textwrap
from pathlib import Path

from app.demo import books, people

BOOKS_FILE = "books.db"
CREDIT_FILE = "credit terms.csv"
PHONE_SECRET = "DEMO_PBX_SECRET"  # noqa: S105 - a variable's name

_USER = """\
  - {{email: {email}, name: {name}, role: {role}, extensions: {extensions}, queues: {queues},
     password: {{env: {variable}}}}}
"""
_TEXT = """\
default_region: GB
default_currency: GBP
users:
{users}\
phone_systems:
  - {{slug: {phone_system}, kind: generic, name: Simulated phone system,
     settings: {{secret: {{env: {phone_secret}}}}}}}
connectors:
  - slug: books
    kind: sql
    name: Ledger
    region: GB
    timeout_ms: 1500
    cache_s: {{balance: 60, credit_terms: 900}}
    priority: 10
    settings:
      url: {{env: DEMO_BOOKS_URL}}
      queries:
{queries}\
  - slug: shop
    kind: rest
    name: Trade shop
    region: GB
    timeout_ms: 1500
    cache_s: {{purchases: 300}}
    priority: 5
    settings:
      base_url: {sales_url}/v1
      allow_private_network: true
      auth: {{kind: header, name: X-Api-Key, value: {{env: DEMO_SHOP_KEY}}}}
      paging: {{kind: page, param: page, size_param: per_page, size: 100}}
      customer_url: {sales_url}/customers/{{remote_id}}
      contacts:
        path: /customers
        records: data
        fields:
{contact_fields}\
      find:
        path: /customers/search
        query: {{phone: "{{e164}}"}}
        records: data
        fields:
{contact_fields}\
      purchases:
        path: /customers/{{remote_id}}/orders
        records: data
        fields:
          order_number: ref
          order_date: placed_on
          status: state
          order_total: goods_total
          currency: currency
        lines: lines
        line_fields:
{line_fields}\
      history:
        path: /orders
        records: data
        fields:
          remote_id: customer_id
          order_number: ref
          order_date: placed_on
          currency: currency
        lines: lines
        line_fields:
{line_fields}\
      catalogue:
        path: /products
        records: data
        fields:
          item_id: id
          sku: code
          name: title
          category: department
          unit_price: price_gbp
          currency: price_currency
          inventory_quantity: in_stock
          remote_url: page
  - slug: credit
    kind: table
    name: Credit file
    region: GB
    timeout_ms: 1500
    cache_s: {{credit_terms: 900}}
    priority: 8
    settings:
      path: {credit_file}
      delimiter: ";"
      decimal_comma: true
      date_order: dmy
      columns:
        remote_id: Account No
        external_id: Account No
        display_name: Customer
        phone: Telephone
        currency: Ccy
        credit_limit: Limit agreed
        payment_terms: Payment terms
        days_until_due: Days
        on_hold: On stop
        hold_reason: Stop reason
        risk_rating: Risk band
suggestions:
  excluded_categories: [Freight]
"""

_LINE_FIELDS = """\
          item_id: product_id
          sku: code
          name: title
          quantity: qty
          unit_price: price
          total_amount: total
"""

_CONTACT_FIELDS = """\
          remote_id: id
          external_id: account_ref
          display_name: name
          company_name: company
          phone: phones[].number
          email: email
          region: country
          language: locale
"""


def configuration(folder: Path, sales_url: str, api_key: str) -> tuple[str, dict[str, str]]:
    """Return the configuration and the secrets that its `{env: …}` name.

    `folder` holds the accounts (`BOOKS_FILE`) and the credit file (`CREDIT_FILE`). The passwords
    and the phone system's secret are new each time.
    """
    environment = {
        "DEMO_BOOKS_URL": f"sqlite:///{folder.absolute() / BOOKS_FILE}",
        "DEMO_SHOP_KEY": api_key,
        PHONE_SECRET: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    environment |= {p.password_variable: secrets.token_urlsafe(9) for p in people.PEOPLE}
    text = _TEXT.format(
        users="".join(_user(person) for person in people.PEOPLE),
        phone_system=people.PHONE_SYSTEM,
        phone_secret=PHONE_SECRET,
        queries="".join(_query(name, sql) for name, sql in books.QUERIES.items()),
        contact_fields=_CONTACT_FIELDS,
        line_fields=_LINE_FIELDS,
        sales_url=sales_url,
        credit_file=CREDIT_FILE,
    )
    return text, environment


def _user(person: people.Person) -> str:
    return _USER.format(
        email=person.email,
        name=person.name,
        role=person.role,
        extensions=f'["{person.extension}"]' if person.extension else "[]",
        queues=f"[{person.queue}]",
        variable=person.password_variable,
    )


def _query(name: str, sql: str) -> str:
    return f"        {name}: |\n{textwrap.indent(sql, ' ' * 10)}"
