"""`/hooks/{slug}`: a phone system's events, verified on raw bytes, answered when on disk.

A plain ASGI application: no dependency injection, no request object per event (docs/adr/0001).
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import structlog

from app import metrics
from app.api.kept_hooks import sealed
from app.api.throttle import Allowance, Buckets
from app.core.pop import dumps
from app.runtime import Runtime
from app.screenpop import receive_all
from app.store.hook_bodies import keep_body
from app.store.refusals import keep_refusal
from app.telephony.base import Accepted, Answer, HookRequest, NotUnderstood, PhoneSystem, Refused

LARGEST_BODY = 256 * 1024
SLOWEST_BODY_S = 20.0
# A flood of refused requests must not become a flood of writes.
REFUSALS_KEPT = Allowance(free=20, every_s=0.5)
BODIES_KEPT = Allowance(free=10, every_s=1.0)
_PROBLEM = "application/problem+json"
_HEADERS = {408: {"connection": "close"}, 405: {"allow": "POST"}, 503: {"retry-after": "5"}}
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
log = structlog.get_logger("hooks")


class HookError(Exception):
    """An answer that is not the provider's own."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        body = {"type": "about:blank", "title": code, "status": status, "detail": detail, **more}
        self.answer = Answer(status, dumps(body), _PROBLEM, _HEADERS.get(status, {}))


_UNAUTHORIZED = ("unauthorized", "the phone system or its signature is not known")


class Hooks:
    """The ASGI application behind `/hooks/`."""

    def __init__(self, runtime: Runtime) -> None:
        self._rt = runtime
        self._refusals = Buckets(REFUSALS_KEPT)
        self._samples = Buckets(BODIES_KEPT)

    async def __call__(self, scope: Any, receive_body: Any, send: Any) -> None:
        """Answer one webhook."""
        slug = scope["path"].removeprefix("/hooks/").rstrip("/")
        try:
            answer = await self._handle(slug, scope, receive_body)
        except HookError as error:
            answer = error.answer
        except Exception:
            log.exception("hook_failed", phone_system=slug)
            answer = HookError(500, "unexpected", "something went wrong; see the log").answer
        content = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
        ]
        headers = [
            *_SECURITY,
            *(content if answer.status != 204 else ()),
            *((k.encode(), v.encode()) for k, v in answer.headers.items()),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self._count(slug, answer.status)

    def _count(self, slug: str, status: int) -> None:
        known = slug in self._rt.phone_systems
        metrics.one(metrics.hooks, slug if known else "unknown", str(status)).inc()
        if known:
            self._rt.pace.answered(slug, status)

    async def _handle(self, slug: str, scope: Any, receive_body: Any) -> Answer:
        if scope["method"] not in ("POST", "GET"):
            raise HookError(405, "method_not_allowed", "events are sent by POST")
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        body = await self._read_in_time(slug, headers, receive_body)
        request = HookRequest(
            method=scope["method"],
            url=self._public_url(scope, headers),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            received_at=self._rt.clock(),
        )
        system = await self._verified(slug, request)
        try:
            events = system.parse(request)
        except NotUnderstood as error:
            self._keep_whole(slug, request, 422)
            await self._keep(slug, request.body, 422, str(error))
            raise HookError(422, "not_understood", str(error), errors=error.errors) from None
        try:
            seen = await receive_all(self._rt, events)
            self._rt.pace.heard(slug, [e.occurred_at for e in events], request.received_at)
            accepted = [Accepted(e.call_id, s) for e, s in zip(events, seen, strict=True)]
        except Exception as error:
            log.exception("event_not_written", phone_system=slug)
            raise HookError(
                503, "unavailable", "the event could not be written down; send it again"
            ) from error
        answer = system.answer(request, accepted)
        self._keep_whole(slug, request, answer.status)
        return answer

    async def _read_in_time(self, slug: str, headers: dict[str, str], receive_body: Any) -> bytes:
        """Read the body; `asyncio.timeout` would do the same in ten times the time."""
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        patience = loop.call_later(SLOWEST_BODY_S, task.cancel)
        try:
            return await self._read(slug, headers, receive_body)
        except asyncio.CancelledError:
            if loop.time() < patience.when():
                raise  # It is the server that stops.
            task.uncancel()
            raise HookError(408, "timeout", f"no whole body in {SLOWEST_BODY_S:g} s") from None
        finally:
            patience.cancel()

    async def _read(self, slug: str, headers: dict[str, str], receive_body: Any) -> bytes:
        length = headers.get("content-length", "0")
        parts: list[bytes] = []
        size = int(length) if length.isdecimal() else 0
        read = 0
        while size <= LARGEST_BODY:
            message = await receive_body()
            if message["type"] == "http.disconnect":
                raise HookError(400, "bad_request", "the body was cut off")
            chunk = message.get("body", b"")
            parts.append(chunk)
            read += len(chunk)
            size = max(size, read)
            if not message.get("more_body", False):
                return b"".join(parts) if len(parts) > 1 else parts[0]
        if slug in self._rt.phone_systems:
            self._rt.spawn(self._keep(slug, b"".join(parts), 413, "larger than 256 KiB"))
        raise HookError(413, "too_large", "a webhook may have 256 KiB")

    async def _verified(self, slug: str, request: HookRequest) -> PhoneSystem[Any]:
        """Return the phone system that the request is proved to come from."""
        reason, tried = "", None
        # A slug or secret that was configured a moment ago must work at once, whoever reads it in.
        while tried != (version := self._rt.config_version):
            tried = version
            system = self._rt.phone_systems.get(slug)
            if system is not None:
                try:
                    system.verify(request)
                except Refused as error:
                    reason = str(error)
                else:
                    return system
            await self._reload()
        if slug in self._rt.phone_systems:
            # Not waited for: an unknown slug must not be answered sooner.
            self._keep_whole(slug, request, 401)
            self._rt.spawn(self._keep(slug, request.body, 401, reason))
        raise HookError(401, *_UNAUTHORIZED)

    def _public_url(self, scope: Any, headers: dict[str, str]) -> str:
        base = self._rt.settings.public_url
        if base is None:
            base = f"{scope['scheme']}://{headers.get('host', 'localhost')}"
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        url = base + path.split(b"?")[0].decode("latin-1")
        return f"{url}?{query.decode('latin-1')}" if query else url

    async def _reload(self) -> None:
        try:
            await self._rt.reload()
        except Exception as error:
            log.exception("configuration_not_read")
            raise HookError(
                503, "unavailable", "the configuration could not be read; send it again"
            ) from error

    def _keep_whole(self, slug: str, request: HookRequest, status: int) -> None:
        """Keep the request to look at, beside the answer; of a flood only a sample."""
        kind, seconds = f"{slug} {status < 300}", request.received_at.timestamp()
        if self._samples.wait_s(kind, seconds) > 0:
            return
        self._samples.guess(kind, seconds)
        whole = sealed(request, self._rt.secrets)
        at = request.received_at
        self._rt.spawn(keep_body(self._rt.db, slug, whole, at=at, outcome=status))

    async def _keep(self, slug: str, body: bytes, status: int, reason: str) -> None:
        now = self._rt.clock()
        kind, seconds = f"{slug} {status}", now.timestamp()
        if self._refusals.wait_s(kind, seconds) > 0:
            return
        self._refusals.guess(kind, seconds)
        log.warning("hook_refused", phone_system=slug, status=status, reason=reason)
        try:
            await keep_refusal(self._rt.db, slug, now, status, reason, body)
        except Exception:
            log.exception("refusal_not_kept", phone_system=slug)
