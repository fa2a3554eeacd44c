# ruff: noqa: BLE001, D102, D103, S310, T201
"""A Lambda for Amazon Connect's flows: asks screenpop who calls and how they are to be served.

Environment: SCREENPOP_URL (https://pop.example.com), SCREENPOP_TOKEN (of `screenpop token create`),
and SCREENPOP_DEADLINE_S (1.5 if absent). Python 3.11 or newer, nothing but its standard library.

A flow reads the answer as $.External.outcome, $.External.priority and so on: texts, "" what is not
known. The caller waits meanwhile, so that no answer in time is an answer: outcome "failed".
"""

import json
import os
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request

NAMES = ("customer_id", "display_name", "company_name", "tier", "priority", "queue", "language")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to no other address than the one that was configured."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def handler(event, _context):
    """Return who calls; whatever goes wrong, the flow goes on."""
    caller = (event["Details"]["ContactData"].get("CustomerEndpoint") or {}).get("Address")
    if not caller:
        return answered("withheld", {})
    deadline = float(os.environ.get("SCREENPOP_DEADLINE_S", "1.5"))
    try:
        found = within(deadline, lambda: look_up(caller, deadline))
    except Exception as fault:
        print("screenpop:", repr(fault))
        return answered("failed", {})
    return answered(found["outcome"], found)


def look_up(caller, timeout):
    address = f"{os.environ['SCREENPOP_URL']}/api/v1/lookup?phone={urllib.parse.quote(caller)}"
    authorization = {"Authorization": f"Bearer {os.environ['SCREENPOP_TOKEN']}"}
    request = urllib.request.Request(address, headers=authorization)
    try:
        with OPENER.open(request, timeout=timeout) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        raise


def within(seconds, ask):
    """Return what `ask()` returns, raise what it raises, or TimeoutError.

    A socket's own timeout would begin anew with every byte.
    """
    told = queue.SimpleQueue()

    def run():
        try:
            told.put((ask(), None))
        except Exception as fault:
            told.put((None, fault))

    threading.Thread(target=run, daemon=True).start()
    try:
        found, fault = told.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if fault:
        raise fault
    return found


def answered(outcome, found):
    """A flow takes only a flat map of texts."""
    texts = {name: "" if found.get(name) is None else str(found[name]) for name in NAMES}
    return {"outcome": outcome, **texts}
