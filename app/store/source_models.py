"""The tables of what connectors bring beside contacts and are granted, and of how all answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.store.models import Base, BigId
from app.store.types import Json


class PurchaseOrder(Base):
    """An order as a source's history gave it, for suggestions.

    `remote_id` is the customer's record there; whose customer that is now says `customer_links`.
    `order_day` counts days from 1970-01-01; `digest` is of the order and its lines. `lines` are
    the first `line_count` lines as a pop reads them, all at once (`core.purchases.lines_text`).
    """

    __tablename__ = "purchase_orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    connector: Mapped[str]
    order_number: Mapped[str]
    remote_id: Mapped[str]
    order_day: Mapped[int] = mapped_column(index=True)
    currency: Mapped[str | None]
    digest: Mapped[str]
    lines: Mapped[str]
    line_count: Mapped[int]
    sync_id: Mapped[str]
    __table_args__ = (
        Index("uq_purchase_orders_number", "connector", "order_number", unique=True),
        Index("ix_purchase_orders_customer", "connector", "remote_id", "order_day", "id"),
    )


class PurchaseLine(Base):
    """A line of an order. `item` is its item_id, else its sku, else its name.

    `thousandths` is the quantity times 1000, negative in a return; `unit_price` an exact decimal.
    """

    __tablename__ = "purchase_lines"
    order_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("purchase_orders.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    item: Mapped[str]
    sku: Mapped[str | None]
    name: Mapped[str | None]
    thousandths: Mapped[int | None] = mapped_column(BigInteger)
    unit_price: Mapped[str | None]
    __table_args__ = ({"sqlite_with_rowid": False},)


class CatalogueItem(Base):
    """A thing that a source sells; amounts are exact decimals as text."""

    __tablename__ = "catalogue_items"
    connector: Mapped[str] = mapped_column(primary_key=True)
    item_id: Mapped[str] = mapped_column(primary_key=True)
    sku: Mapped[str | None]
    name: Mapped[str]
    category: Mapped[str | None]
    unit_price: Mapped[str | None]
    currency: Mapped[str | None]
    inventory_quantity: Mapped[str | None]
    is_active: Mapped[bool]
    remote_url: Mapped[str | None]
    updated_at: Mapped[datetime]
    sync_id: Mapped[str]
    # A pop looks up thirty by their id: one tree to go down, not two.
    __table_args__ = (Index("ix_catalogue_items_sku", "sku"), {"sqlite_with_rowid": False})


class OAuthGrant(Base):
    """What a vendor granted a connector by OAuth; the tokens are encrypted.

    `connected_at` is when a person connected it, `refused_at` when the vendor refused to renew
    the grant: from then on a person has to connect again. `expires_at` is the access token's.
    """

    __tablename__ = "oauth_grants"
    connector: Mapped[str] = mapped_column(
        ForeignKey("connectors.slug", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str]
    sealed: Mapped[bytes]
    connected_at: Mapped[datetime]
    connected_by: Mapped[str]
    expires_at: Mapped[datetime | None]
    refused_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class OAuthRequest(Base):
    """An authorisation that was begun: what its callback has to fit, encrypted. For one use."""

    __tablename__ = "oauth_requests"
    state_hash: Mapped[str] = mapped_column(primary_key=True)
    connector: Mapped[str] = mapped_column(ForeignKey("connectors.slug", ondelete="CASCADE"))
    bound_to: Mapped[str]
    sealed: Mapped[bytes]
    expires_at: Mapped[datetime]


class ConnectorSpan(Base):
    """How a connector answered for one section in one span of time, as one process saw it.

    `minutes` is the span's length (`core.spans`): a minute, or the sum of shorter spans. `errors`
    counts failures by code, `sizes` answers by class of their time (`core.latency`).
    """

    __tablename__ = "connector_spans"
    connector: Mapped[str] = mapped_column(primary_key=True)
    minutes: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    section: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    answers: Mapped[int]
    cache_hits: Mapped[int]
    errors: Mapped[Any] = mapped_column(Json, nullable=False)
    sizes: Mapped[Any] = mapped_column(Json, nullable=False)
    last_success_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_connector_spans_at", "minutes", "at"),)


class ConnectorCheck(Base):
    """What a connector must say of a number or a customer, draft or live.

    `section` is one of the pop's or `contact`, `field` a JMESPath in its data; `expected` None:
    nothing may stand there.
    """

    __tablename__ = "connector_checks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    connector: Mapped[str] = mapped_column(index=True)
    position: Mapped[int]
    phone: Mapped[str | None]
    remote_id: Mapped[str | None]
    section: Mapped[str]
    field: Mapped[str]
    expected: Mapped[str | None]
    note: Mapped[str | None]


class ConnectorCheckRun(Base):
    """How a connector's checks came out: `occasion` says why they ran, `tried` draft or live."""

    __tablename__ = "connector_check_runs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    connector: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime]
    occasion: Mapped[str]
    tried: Mapped[str]
    passed: Mapped[int]
    total: Mapped[int]
    results: Mapped[Any] = mapped_column(Json, nullable=False)


class PhoneSpan(Base):
    """What came of a phone system in one span of time, as one process saw it (`core.pace`).

    `minutes` is the span's length, as for connectors. `answers` counts webhooks by status,
    `matches` callers by outcome, `matched` the callers that a connector's records knew by
    connector; `sizes` counts times by part and class.
    """

    __tablename__ = "phone_spans"
    phone_system: Mapped[str] = mapped_column(primary_key=True)
    minutes: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int]
    answers: Mapped[Any] = mapped_column(Json, nullable=False)
    matches: Mapped[Any] = mapped_column(Json, nullable=False)
    matched: Mapped[Any] = mapped_column(Json, nullable=False)
    sizes: Mapped[Any] = mapped_column(Json, nullable=False)
    last_event_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_phone_spans_at", "minutes", "at"),)


class IssueSetAside(Base):
    """A person's word: a quality issue of a source's record is left as it is."""

    __tablename__ = "issues_set_aside"
    connector: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    at: Mapped[datetime]
