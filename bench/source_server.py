"""A business system on loopback that takes its time: JSON by customer and section.

`GET /times` tells how long each customer's slowest section took here, so that what the
event loop adds to the wait is not counted as the product's.
"""

from __future__ import annotations

import argparse
import asyncio
from time import perf_counter

import orjson

_INVOICES = [
    {
        "number": f"INV-{i}",
        "issue_date": "2026-09-01",
        "due_date": "2026-10-01",
        "total_amount": "120.00",
        "amount_due": f"{60 + i}.50",
        "currency": "GBP",
    }
    for i in range(8)
]
_ORDERS = [
    {
        "order_number": f"SO-{order}",
        "order_date": "2026-10-05",
        "status": "shipped",
        "currency": "GBP",
        "order_total": "99.90",
        "lines": [
            {
                "item_id": f"item-{line}",
                "sku": f"SKU-{line}",
                "name": f"Watering can {line} l",
                "quantity": "3",
                "unit_price": "11.10",
                "total_amount": "33.30",
            }
            for line in range(3)
        ],
    }
    for order in range(5)
]
_TERMS = {"currency": "GBP", "credit_limit": "5000.00", "credit_used": "4200.00", "on_hold": False}
ANSWERS = {
    "balance": orjson.dumps(_INVOICES),
    "purchases": orjson.dumps(_ORDERS),
    "credit_terms": orjson.dumps(_TERMS),
}


class Source(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, delay_s: float, times_ms: dict[str, float]) -> None:
        self._delay_s = delay_s
        self._times_ms = times_ms
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        asked_at = perf_counter()
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            if path == "/times":
                self._write(orjson.dumps(self._times_ms))
                continue
            _, customer, section = path.rsplit("/", 2)
            loop = asyncio.get_running_loop()
            loop.call_later(self._delay_s, self._answer, customer, section, asked_at)

    def _answer(self, customer: str, section: str, asked_at: float) -> None:
        took_ms = (perf_counter() - asked_at) * 1000
        self._times_ms[customer] = max(took_ms, self._times_ms.get(customer, 0.0))
        if not self._transport.is_closing():
            self._write(ANSWERS[section])

    def _write(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        self._transport.write(head.encode() + b"\r\n\r\n" + body)


async def _serve(port: int, delay_s: float) -> None:
    times_ms: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Source(delay_s, times_ms), "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve until killed."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--delay-ms", type=float, required=True)
    given = arguments.parse_args()
    asyncio.run(_serve(given.port, given.delay_ms / 1000))


if __name__ == "__main__":
    main()
