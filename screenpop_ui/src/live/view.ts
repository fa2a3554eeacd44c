/** What the main part of the page shows, and when a new call may take it. Pure. */

import type { CallRecord } from "../api/client";
import type { CallState } from "../api/contract";
import type { ClosedPop, LiveState } from "./protocol";

export type View =
  | { kind: "home" }
  | { kind: "call"; callId: string }
  | { kind: "caller"; phone: string; record: CallRecord | null };

/** Ringing asks for the eye first, then talking, then the rest. */
const URGENCY: Record<CallState, number> = {
  ringing: 0,
  answered: 1,
  held: 2,
  queued: 3,
  incoming: 4,
  ended: 5,
  missed: 6,
};

/** The live call that matters most now, or null. */
export function mostUrgent(state: LiveState): string | null {
  const pops = [...state.pops.values()];
  pops.sort((a, b) => URGENCY[a.call.state] - URGENCY[b.call.state]);
  return pops[0]?.call.call_id ?? null;
}

/**
 * The view after the calls changed. A new call takes the screen from everything but another live
 * call, and never while the agent is typing: then the page says that it rings.
 */
export function viewAfter(view: View, before: LiveState, after: LiveState, typing: boolean): View {
  const shown = view.kind === "call" ? view.callId : null;
  if (shown !== null && after.pops.has(shown)) return view;
  const isGone = shown !== null && !after.closed.has(shown);
  const arrived = [...after.pops.keys()].filter((callId) => !before.pops.has(callId));
  if (!isGone && (typing || arrived.length === 0)) return view;
  const next = mostUrgent(after);
  return next === null ? (isGone ? { kind: "home" } : view) : { kind: "call", callId: next };
}

/** A live call that rings while something else is shown: the page points to it. */
export function ringingElsewhere(view: View, state: LiveState): string | null {
  for (const [callId, pop] of state.pops) {
    const isShown = view.kind === "call" && view.callId === callId;
    if (!isShown && pop.call.state === "ringing") return callId;
  }
  return null;
}

/** Whether a call that went away stays for its note: only one on which this agent has spoken. */
export function isWorthFinishing(closed: ClosedPop): boolean {
  const wasAnswered = closed.pop.call.answered_at !== null;
  return wasAnswered && (closed.reason === "ended" || closed.reason === "transferred");
}
