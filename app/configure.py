"""Makes the configuration equal to a file (contract section 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import passwords
from app.configuration_export import export
from app.configuration_file import Plan, PriorityEntry, plan_file
from app.store import accounts, configuration, rules
from app.store.contacts import Contacts
from app.store.engine import Database
from app.store.logins import end_sessions
from app.store.models import ConnectorRow, PhoneSystemRow, User
from app.store.suggestions import set_suggestion_rules, suggestion_rules
from app.store.types import SecretBox
from app.store.version import bump_config_version

__all__ = ["Change", "apply_plan", "export", "plan_file"]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one entry; `fields` are those that differ, without their values."""

    verb: Literal["created", "changed", "unchanged", "removed"]
    what: Literal["default_region", "user", "phone_system", "connector", "priority", "setting"]
    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the change as a line of the plan."""
        fields = f": {', '.join(self.fields)}" if self.fields else ""
        return f"{self.verb:<9} {self.what} {self.name}{fields}".rstrip()


@dataclass(frozen=True, slots=True)
class _Step:
    change: Change
    carry_out: Callable[[], Awaitable[Any]] | None = None


async def apply_plan(
    db: Database,
    secrets: SecretBox,
    plan: Plan,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
    author: str = "screenpop apply",
) -> list[Change]:
    """Make the configuration equal to the plan, all of it or nothing, and say what changed.

    Raises:
        UserError: stored settings cannot be decrypted.
    """
    at = now or datetime.now(UTC)
    new_passwords = await _changed_passwords(db, plan)
    hashes: dict[str, str] = {}
    if not dry_run:
        # Slow on purpose, so not while the database is locked for writing.
        hashes = {e: await passwords.hash_password(plan.passwords[e]) for e in new_passwords}
    async with db.read() if dry_run else db.begin() as session:
        steps = [
            *await _region_steps(session, plan),
            *await _user_steps(session, plan, new_passwords, hashes, at),
            *await _row_steps(session, PhoneSystemRow, plan.phone_systems, secrets, at, author),
            *await _row_steps(session, ConnectorRow, plan.connectors, secrets, at, author),
            *await _priority_steps(session, plan.priorities),
            *await _value_steps(session, plan.values),
        ]
        for step in steps:
            if step.carry_out is not None and not dry_run:
                await step.carry_out()
    changes = [step.change for step in steps]
    if not dry_run:
        await _follow(Contacts(db), changes, at)
    return changes


async def _follow(contacts: Contacts, changes: Sequence[Change], at: datetime) -> None:
    """Bring the customers in line with connectors that are gone or of another priority."""
    connectors = [change for change in changes if change.what == "connector"]
    for change in connectors:
        if change.verb == "removed":
            await contacts.forget_connector(change.name, at=at)
    if any(c.verb == "changed" and "priority" in c.fields for c in connectors):
        await contacts.refresh_documents(at=at)


async def _region_steps(session: AsyncSession, plan: Plan) -> list[_Step]:
    if not plan.sets_default_region:
        return []
    old, new = await configuration.default_region(session), plan.default_region
    if old == new:
        return [_Step(Change("unchanged", "default_region", new or "none"))]
    verb: Literal["created", "changed", "removed"] = (
        "created" if old is None else "removed" if new is None else "changed"
    )
    change = Change(verb, "default_region", new or old or "")
    return [_Step(change, lambda: configuration.set_default_region(session, new))]


async def _changed_passwords(db: Database, plan: Plan) -> set[str]:
    async with db.read() as session:
        rows = await session.scalars(select(User).where(User.email.in_(plan.passwords)))
        kept = {user.email: user.password_hash for user in rows}
    return {
        email
        for email, password in plan.passwords.items()
        if not await passwords.verify_password(kept.get(email), password)
    }


async def _user_steps(
    session: AsyncSession,
    plan: Plan,
    new_passwords: set[str],
    hashes: Mapping[str, str],
    now: datetime,
) -> list[_Step]:
    if plan.users is None:
        return []
    existing = {user.email: user for user in await session.scalars(select(User))}
    steps: list[_Step] = []
    for entry in plan.users:
        user = existing.pop(entry.email, None)
        fields = entry.model_dump()
        if user is None:
            make = _bind(accounts.create_user, session, fields, now, hashes.get(entry.email))
            steps.append(_Step(Change("created", "user", entry.email), make))
            continue
        differ = [name for name, value in fields.items() if getattr(user, name) != value]
        differ += ["password"] if entry.email in new_passwords else []
        differ += ["disabled"] if user.disabled else []
        if differ:
            change = Change("changed", "user", entry.email, tuple(differ))
            write = _bind(_write_user, session, user, fields, hashes.get(entry.email))
            steps.append(_Step(change, write))
        else:
            steps.append(_Step(Change("unchanged", "user", entry.email)))
    for user in existing.values():
        if not user.disabled:
            # Kept and disabled: what they wrote must stay readable under their name.
            change = Change("removed", "user", user.email)
            steps.append(_Step(change, _bind(_disable_user, session, user)))
    return steps


async def _write_user(
    session: AsyncSession, user: User, fields: Mapping[str, Any], password_hash: str | None
) -> None:
    # Not `update_user`: the file is the whole truth, in whatever order it is carried out.
    for name, value in fields.items():
        setattr(user, name, value)
    user.disabled = False
    if password_hash is not None:
        await accounts.set_password(session, user, password_hash)
    await bump_config_version(session)


async def _disable_user(session: AsyncSession, user: User) -> None:
    user.disabled = True
    await end_sessions(session, user.id)
    await bump_config_version(session)


async def _row_steps(
    session: AsyncSession,
    model: type[PhoneSystemRow] | type[ConnectorRow],
    entries: Sequence[Any] | None,
    secrets: SecretBox,
    now: datetime,
    author: str,
) -> list[_Step]:
    if entries is None:
        return []
    what: Literal["phone_system", "connector"] = (
        "phone_system" if model is PhoneSystemRow else "connector"
    )
    rows: list[Any] = list(await configuration.rows_of(session, model))
    existing = {row.slug: row for row in rows}
    kept = {entry.slug for entry in entries} & existing.keys()
    old_order = [row.slug for row in rows if row.slug in kept]
    new_order = [entry.slug for entry in entries if entry.slug in kept]
    steps: list[_Step] = []
    for position, entry in enumerate(entries):
        fields = entry.model_dump(exclude={"slug"})
        row = existing.pop(entry.slug, None)
        write = _bind(
            configuration.put_row,
            session,
            model,
            entry.slug,
            fields,
            secrets,
            now,
            author,
            position,
        )
        if row is None:
            steps.append(_Step(Change("created", what, entry.slug), write))
            continue
        moved = old_order.index(entry.slug) != new_order.index(entry.slug)
        differ = [*_differences(row, fields, secrets), *(["order"] if moved else [])]
        verb: Literal["changed", "unchanged"] = "changed" if differ else "unchanged"
        change = Change(verb, what, entry.slug, tuple(differ))
        same_place = row.position == position
        steps.append(_Step(change, None if not differ and same_place else write))
    for slug in existing:
        remove = _bind(configuration.delete_row, session, model, slug, now, author)
        steps.append(_Step(Change("removed", what, slug), remove))
    return steps


async def _priority_steps(
    session: AsyncSession, entries: Sequence[PriorityEntry] | None
) -> list[_Step]:
    if entries is None:
        return []
    new = [entry.model_dump(mode="json", exclude_defaults=True) for entry in entries]
    old = await rules.priorities(session)
    changes = list(_priority_changes({r["name"]: r for r in old}, {r["name"]: r for r in new}))
    steps = [_Step(change) for change in changes]
    if old != new:
        # Their order is part of what they say, so they are written as one.
        steps[0] = replace(steps[0], carry_out=_bind(rules.set_priorities, session, new))
    return steps


async def _value_steps(session: AsyncSession, values: Mapping[str, Any]) -> list[_Step]:
    steps = []
    for name, new in values.items():
        read, write = _VALUES[name]
        if await read(session) == new:
            steps.append(_Step(Change("unchanged", "setting", name)))
        else:
            steps.append(_Step(Change("changed", "setting", name), _bind(write, session, new)))
    return steps


_VALUES: Mapping[str, tuple[Callable[[AsyncSession], Awaitable[Any]], Callable[..., Any]]] = {
    "default_currency": (configuration.default_currency, configuration.set_default_currency),
    "alerts": (rules.alert_rules, rules.set_alert_rules),
    "dispositions": (rules.dispositions, rules.set_dispositions),
    "pop_layout": (rules.pop_layouts, rules.set_pop_layouts),
    "suggestions": (suggestion_rules, set_suggestion_rules),
}


def _priority_changes(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    old_order = [name for name in old if name in new]
    new_order = [name for name in new if name in old]
    for name, rule in new.items():
        if name not in old:
            yield Change("created", "priority", name)
            continue
        before = old[name]
        differ = [k for k in sorted(before.keys() | rule.keys()) if before.get(k) != rule.get(k)]
        if old_order.index(name) != new_order.index(name):
            differ.append("order")
        yield Change("changed" if differ else "unchanged", "priority", name, tuple(differ))
    for name in old:
        if name not in new:
            yield Change("removed", "priority", name)


def _differences(row: Any, fields: Mapping[str, Any], secrets: SecretBox) -> Iterator[str]:
    for name, new in fields.items():
        if name != "settings":
            if getattr(row, name) != new:
                yield name
            continue
        old = configuration.open_settings(row, secrets)
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) != new.get(key) or (key in old) != (key in new):
                yield f"settings.{key}"


def _bind(work: Callable[..., Awaitable[Any]], *args: Any) -> Callable[[], Awaitable[Any]]:
    return lambda: work(*args)
