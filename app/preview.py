"""What an agent would see of a recent call by other rules: asked anew, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.alerts import alerts_for
from app.core.call import Attestation
from app.core.priority import Rule, priority
from app.core.rules import USUAL_ORDER, AlertRules, Layout, layout_for, wanted, without_hidden
from app.lookup import whole_profile
from app.runtime import Runtime


async def preview(
    rt: Runtime,
    call: Mapping[str, Any],
    priorities: Sequence[Rule],
    alerts: AlertRules,
    layouts: Sequence[Layout],
) -> dict[str, Any]:
    """Return service level, alerts and blocks of a call by the given rules, and by those that hold.

    The customer's facts are those of now. A call without a number has nobody.
    """
    number = (call.get("ani") or {}).get("e164")
    live = await whole_profile(rt, number or "")
    given = call.get("attestation") or {}
    attestation = Attestation(given.get("level"), given.get("verdict"))
    customer, whole = live.pop.customer, live.whole
    today = rt.clock().date()

    def seen(rules: Sequence[Rule], wants: AlertRules, shapes: Sequence[Layout]) -> dict[str, Any]:
        layout = layout_for(shapes, call.get("queue"))
        shown = without_hidden(whole, layout)
        found = priority(rules, customer, whole)
        all_alerts = alerts_for(attestation, customer, shown, today)
        if found:
            all_alerts = (*all_alerts, found.alert())
        return {
            "priority": found,
            "alerts": wanted(all_alerts, wants, shown, today),
            "held_back": [a for a in all_alerts if a not in wanted((a,), wants, shown, today)],
            "blocks": [
                {"name": name, "hidden": name in layout.hidden, "status": whole[name].status}
                for name in layout.blocks() or USUAL_ORDER
            ],
        }

    return {
        "customer": customer and customer["display_name"],
        "now": seen(rt.priorities, rt.alert_rules, rt.layouts),
        "then": seen(priorities, alerts, layouts),
    }
