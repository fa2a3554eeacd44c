"""The tables, with those of `source_models` and `suggestion_models`.

SQLAlchemy owns the schema; `hot` reads and writes a few of them directly.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.store.types import Json, Sealed, UtcDateTime

# Compared byte by byte on both databases, so that a range of the index is what begins alike.
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")
BigId = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All tables; named constraints, so that migrations can find them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text(), datetime: UtcDateTime(), bytes: Sealed(), Any: Json()}  # noqa: RUF012


class Meta(Base):
    """Single values: `config_version`, `default_region`, `priorities` (JSON)."""

    __tablename__ = "meta"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class User(Base):
    """A person: agent, supervisor or admin. E-mail is kept in lower case."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    extensions: Mapped[Any] = mapped_column(Json, nullable=False)
    queues: Mapped[Any] = mapped_column(Json, nullable=False)
    password_hash: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class Session(Base):
    """A browser's log-in; only a hash of its cookie is kept."""

    __tablename__ = "sessions"
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(Base):
    """A program's token; it may do what its user may. Only a hash is kept."""

    __tablename__ = "api_tokens"
    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str | None]
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PhoneSystemRow(Base):
    """A configured phone system; settings are encrypted whole."""

    __tablename__ = "phone_systems"
    slug: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str | None]
    settings: Mapped[bytes]
    region: Mapped[str | None]
    updated_at: Mapped[datetime]


class ConnectorRow(Base):
    """A configured connector; settings are encrypted whole."""

    __tablename__ = "connectors"
    slug: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str | None]
    settings: Mapped[bytes]
    region: Mapped[str | None]
    timeout_ms: Mapped[int]
    cache_s: Mapped[Any] = mapped_column(Json, nullable=False)
    priority: Mapped[int]
    enabled: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime]


class ConnectorVersion(Base):
    """A connector as it was saved: a draft, the one that is live, or a past one.

    `number` counts from 1 for each slug; `author` is who saved it. A removal is a version too,
    with the settings that were removed.
    """

    __tablename__ = "connector_versions"
    slug: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    fields: Mapped[Any] = mapped_column(Json, nullable=False)
    settings: Mapped[bytes]
    author: Mapped[str]
    note: Mapped[str | None]
    created_at: Mapped[datetime]
    published_at: Mapped[datetime | None]


class Customer(Base):
    """The golden record: one per person or company; `doc` is what the pop shows of it."""

    __tablename__ = "customers"
    id: Mapped[str] = mapped_column(primary_key=True)
    display_name: Mapped[str]
    doc: Mapped[Any] = mapped_column(Json, nullable=False)
    updated_at: Mapped[datetime]
    __table_args__ = (
        Index("ix_customers_name", "display_name", "id"),
        Index("ix_customers_updated", "updated_at", "id"),
    )


class CustomerLink(Base):
    """A customer's record in one source; `data` is the contact as the source gave it.

    `home_id` is the customer that the rules alone would give it to, where a person merged that
    one into `customer_id`; else NULL.
    """

    __tablename__ = "customer_links"
    connector: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    data: Mapped[Any] = mapped_column(Json, nullable=False)
    sync_id: Mapped[str]
    home_id: Mapped[str | None]
    linked_at: Mapped[datetime | None]


class CustomerKey(Base):
    """What makes two sources' records one customer: account number, tax number, e-mail + number.

    Which keys a record has follows from its link's `data` (`core.identity.keys_of`): an index by
    record would double the time of a sync.
    """

    __tablename__ = "customer_keys"
    key: Mapped[str] = mapped_column(primary_key=True)
    connector: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012


class PhoneIndex(Base):
    """The phone index.

    `key` is an E.164 number, or `~` and the last nine digits of a number that could not be read.
    `customer_id` is that of the record's link, for a look-up in one step. Which keys a record has
    follows from its link's `data` (`core.contact.reading_of`), as for `CustomerKey`.
    """

    __tablename__ = "phone_index"
    key: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    connector: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str]
    raw: Mapped[str]
    type: Mapped[str | None]
    is_primary: Mapped[bool]
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012


class NumberChoice(Base):
    """Which of several candidates an agent said is calling from a number."""

    __tablename__ = "number_choices"
    e164: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    user_id: Mapped[str]
    chosen_at: Mapped[datetime]
    origin_id: Mapped[str | None]


class CallEventRow(Base):
    """Every event that was accepted: the truth that calls are folded from."""

    __tablename__ = "call_events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    phone_system: Mapped[str]
    event_key: Mapped[str]
    call_id: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    payload: Mapped[str]
    __table_args__ = (Index("uq_call_events_key", "phone_system", "event_key", unique=True),)


class HookRefusal(Base):
    """A webhook that was refused or not understood, redacted and bounded, for the admin."""

    __tablename__ = "hook_refusals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    phone_system: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime]
    status: Mapped[int]
    reason: Mapped[str]
    body: Mapped[str]


class HookBody(Base):
    """One of the last webhooks of a phone system as it came, encrypted: to look at and try again.

    `outcome` is the status that it was answered with.
    """

    __tablename__ = "hook_bodies"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    phone_system: Mapped[str]
    received_at: Mapped[datetime]
    outcome: Mapped[int]
    request: Mapped[bytes]
    __table_args__ = (Index("ix_hook_bodies_newest", "phone_system", "id"),)


class CallRow(Base):
    """A call as last folded, for lists and history.

    `doc` is the contract's Call, `summary` the little of it that a later call's pop shows.
    `origin_id` is whose call it was before that customer was merged into `customer_id`.
    """

    __tablename__ = "calls"
    call_id: Mapped[str] = mapped_column(primary_key=True)
    phone_system: Mapped[str]
    live: Mapped[bool] = mapped_column(index=True)
    state: Mapped[str]
    e164: Mapped[str | None]
    customer_id: Mapped[str | None]
    origin_id: Mapped[str | None]
    agent_id: Mapped[str | None]
    user_ids: Mapped[Any] = mapped_column(Json, nullable=False)
    started_at: Mapped[datetime]
    doc: Mapped[Any] = mapped_column(Json, nullable=False)
    summary: Mapped[Any] = mapped_column(Json, nullable=False)
    timing: Mapped[Any] = mapped_column(Json, nullable=True)
    __table_args__ = (
        Index("ix_calls_customer", "customer_id", "started_at"),
        Index("ix_calls_e164", "e164", "started_at"),
        Index("ix_calls_started", "started_at"),
        Index("ix_calls_origin", "origin_id"),
    )


class Note(Base):
    """What an agent wrote about a call; the id may come from the page that autosaves it."""

    __tablename__ = "notes"
    id: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[str] = mapped_column(index=True)
    user_id: Mapped[str]
    text: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class WrapUp(Base):
    """How a call came out: disposition, sentiment, and what was promised."""

    __tablename__ = "wrap_ups"
    call_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str]
    disposition: Mapped[str | None]
    sentiment: Mapped[str | None]
    follow_up_due: Mapped[str | None] = mapped_column(index=True)
    follow_up_text: Mapped[str | None]
    follow_up_done_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class SyncState(Base):
    """How the last sync of a part of a connector went, and where the next one starts.

    `part` is `contacts`, `history` or `catalogue`; `records` and `numbers` are those the sync has
    read (numbers only of contacts), `total` how many there are when the source says so, `kept`
    how many records were known after it.
    """

    __tablename__ = "sync_state"
    connector: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    checkpoint: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    full_at: Mapped[datetime | None]
    records: Mapped[int] = mapped_column(default=0)
    numbers: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    kept: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[Any] = mapped_column(Json, nullable=False)
    rejected_count: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
