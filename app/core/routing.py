"""Which agents a call is for, and why a pop closes. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.core.call import Call, CloseReason


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who takes calls, as far as routing needs to know."""

    user_id: str
    name: str
    email: str
    role: str
    extensions: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()

    @property
    def extension(self) -> str | None:
        """The agent's first extension."""
        return self.extensions[0] if self.extensions else None


@dataclass(frozen=True, slots=True)
class Directory:
    """Agents by extension (or e-mail, which some phone systems send instead) and by queue."""

    by_extension: Mapping[str, tuple[Agent, ...]] = field(default_factory=dict)
    by_queue: Mapping[str, tuple[Agent, ...]] = field(default_factory=dict)
    by_id: Mapping[str, Agent] = field(default_factory=dict)

    @classmethod
    def of(cls, agents: Iterable[Agent]) -> Directory:
        """Index the agents."""
        by_extension: defaultdict[str, list[Agent]] = defaultdict(list)
        by_queue: defaultdict[str, list[Agent]] = defaultdict(list)
        by_id: dict[str, Agent] = {}
        for agent in agents:
            by_id[agent.user_id] = agent
            for address in dict.fromkeys((*agent.extensions, agent.email)):
                by_extension[address.casefold()].append(agent)
            for queue in dict.fromkeys(agent.queues):
                by_queue[queue].append(agent)
        return cls(
            {address: tuple(each) for address, each in by_extension.items()},
            {queue: tuple(each) for queue, each in by_queue.items()},
            by_id,
        )

    def at(self, extension: str) -> tuple[Agent, ...]:
        """Agents with this extension."""
        return self.by_extension.get(extension.casefold(), ())


def audience(call: Call, directory: Directory) -> dict[str, str | None]:
    """Return the users who have this call now, each with the extension it rings at."""
    if call.over:
        return {}
    seats: dict[str, str | None] = {}
    if call.queue_ring and call.queue is not None:
        for agent in directory.by_queue.get(call.queue, ()):
            seats[agent.user_id] = agent.extension
    for leg in call.legs:
        if leg.live:
            for agent in directory.at(leg.extension):
                known = leg.extension in agent.extensions
                seats[agent.user_id] = leg.extension if known else agent.extension
    return seats


def addressed(call: Call, directory: Directory) -> set[str]:
    """Return every user that the call has ever been for: who may read and note it."""
    users = {
        agent.user_id for leg in call.legs if leg.opened for agent in directory.at(leg.extension)
    }
    if call.queue is not None and call.queue_rang:
        users.update(a.user_id for a in directory.by_queue.get(call.queue, ()))
    return users


def close_reason(call: Call, agent: Agent | None) -> CloseReason:
    """Say why the agent's pop of this call is over."""
    if call.over:
        return "missed" if call.answered_at is None else "ended"
    names = {e.casefold() for e in (*agent.extensions, agent.email)} if agent else set()
    for leg in call.legs:
        if leg.left is not None and leg.extension.casefold() in names:
            return leg.left
    return "answered_elsewhere"


def handler(call: Call, directory: Directory) -> Agent | None:
    """Return the agent who talked to the caller last, for the record of the call."""
    for leg in reversed(call.legs):
        if leg.answered:
            agents = directory.at(leg.extension)
            if agents:
                return agents[0]
    return None
