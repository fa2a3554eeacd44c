"""What the fakes of vendors share: faults put before the next answers, and what was asked."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tests.connectors.web import Request


class FakeVendor(ABC):
    """A vendor's service: `web.answers["*"] = fake`. Answers in `next` come first, once each."""

    def __init__(self) -> None:
        self.next: list[bytes] = []
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> bytes:
        self.asked.append(request)
        return self.next.pop(0) if self.next else self.answer(request)

    def count(self, part: str) -> int:
        """How often was something asked whose target holds this?"""
        return sum(part in request.target for request in self.asked)

    @abstractmethod
    def answer(self, request: Request) -> bytes:
        """Answer as the vendor does."""
