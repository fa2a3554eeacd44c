"""The tables of suggestions: fits of the tables, what was offered, and what agents answered.

Whose an answer or offer is follows from `customer_links` when it is read, as with orders: it is
kept with a record of the customer's in a source, since customers join and part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.store.models import Base
from app.store.types import Json


class SuggestionFit(Base):
    """A fit of the suggestion tables. `state` is `live`, `former` or `failed`.

    `orders` is how many orders were known then, by which growth is told; `quality` is what it
    scores on the customers' last baskets.
    """

    __tablename__ = "suggestion_fits"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    orders: Mapped[int]
    lines: Mapped[int]
    customers: Mapped[int]
    items: Mapped[int]
    error: Mapped[str | None]
    quality: Mapped[Any] = mapped_column(Json, nullable=True)


class SuggestionFitPart(Base):
    """A piece of a fit's file, for the other hosts; only with PostgreSQL."""

    __tablename__ = "suggestion_fit_parts"
    number: Mapped[int] = mapped_column(
        ForeignKey("suggestion_fits.number", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes]


class SuggestionAnswer(Base):
    """What a customer said of a suggested item, as an agent wrote it down.

    `answer` is `accepted`, `declined` or `snoozed` (then `until` is a date).
    """

    __tablename__ = "suggestion_answers"
    record_connector: Mapped[str] = mapped_column(primary_key=True)
    record_id: Mapped[str] = mapped_column(primary_key=True)
    connector: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    list: Mapped[str]
    answer: Mapped[str]
    until: Mapped[str | None]
    user_id: Mapped[str]
    call_id: Mapped[str]
    answered_at: Mapped[datetime]


class SuggestionOffer(Base):
    """An item that a pop on an agent's screen suggested. `day` counts from 1970-01-01."""

    __tablename__ = "suggestion_offers"
    call_id: Mapped[str] = mapped_column(primary_key=True)
    list: Mapped[str] = mapped_column(primary_key=True)
    connector: Mapped[str] = mapped_column(primary_key=True)
    item: Mapped[str] = mapped_column(primary_key=True)
    record_connector: Mapped[str]
    record_id: Mapped[str]
    place: Mapped[int]
    day: Mapped[int] = mapped_column(index=True)
    __table_args__ = (Index("ix_suggestion_offers_record", "record_connector", "record_id"),)
