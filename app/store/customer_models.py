"""The tables of merged customers, of likely duplicates, of records to mend, and of the search."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.store.models import Base, BigId, Bytewise
from app.store.types import Json


class CustomerMerge(Base):
    """`gone_id` became part of `survivor_id`, by a person's word or by the rules' evidence.

    Of what the rules joined, `undone_by` is who took the one record in `gone_refs` out again.
    `gone_doc` and `gone_refs` (records) are as they were then. What was the gone customer's
    keeps its id as `origin_id` and goes back when the merge is undone.
    """

    __tablename__ = "customer_merges"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    survivor_id: Mapped[str] = mapped_column(index=True)
    gone_id: Mapped[str] = mapped_column(index=True)
    gone_doc: Mapped[Any] = mapped_column(Json, nullable=True)
    gone_refs: Mapped[Any] = mapped_column(Json, nullable=False)
    made_by: Mapped[str]
    user_id: Mapped[str | None]
    score: Mapped[float]
    reasons: Mapped[Any] = mapped_column(Json, nullable=False)
    merged_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class CustomerBar(Base):
    """A person's word: the records on the two sides of a decision are not the same customer."""

    __tablename__ = "customer_bars"
    connector: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    decision: Mapped[str] = mapped_column(primary_key=True, index=True)
    side: Mapped[bool]


class DuplicateProposal(Base):
    """Two customers that are likely one; `decision` is `same` or `different`, NULL = open."""

    __tablename__ = "duplicate_proposals"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    left_id: Mapped[str]
    right_id: Mapped[str] = mapped_column(index=True)
    score: Mapped[float]
    reasons: Mapped[Any] = mapped_column(Json, nullable=False)
    found_at: Mapped[datetime]
    decision: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    merge_id: Mapped[int | None]
    __table_args__ = (
        Index("uq_duplicate_proposals_pair", "left_id", "right_id", unique=True),
        Index("ix_duplicate_proposals_open", "decision", "score", "id"),
    )


class QualityIssue(Base):
    """Something about a source's record that somebody should mend there.

    `connector` is "" for a customer that no source has any more; then `remote_id` is its id.
    """

    __tablename__ = "quality_issues"
    connector: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    remote_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str | None] = mapped_column(index=True)
    display_name: Mapped[str]
    text: Mapped[str]
    found_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (Index("ix_quality_issues_kind", "kind", "connector", "remote_id"),)


class CustomerTerm(Base):
    """A word of a customer's names or an e-mail address, in small letters, to search by."""

    __tablename__ = "customer_terms"
    term: Mapped[str] = mapped_column(Bytewise, primary_key=True)
    customer_id: Mapped[str] = mapped_column(
        ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    __table_args__ = (Index("ix_customer_terms_customer", "customer_id", "term"),)
