/**
 * The live pops of one agent as a pure reducer over what the server sends (contract section 4).
 *
 * The same JSON cases (`tests/cases/*.json`) hold for the server's `core/pop.py`.
 */

import type { Agent, Call, Pop, Profile, Sections } from "../api/contract";

export type CloseReason = "ended" | "answered_elsewhere" | "transferred" | "missed" | "dismissed";

export interface Patch extends Partial<Omit<Profile, "sections">> {
  type: "patch";
  call_id: string;
  version: number;
  call?: Call;
  sections?: Sections;
}

export type ServerMessage =
  | { type: "hello"; agent: Agent; server_time: string; pops: Pop[] }
  | { type: "pop"; pop: Pop }
  | Patch
  | { type: "close"; call_id: string; reason: CloseReason }
  | { type: "pong" }
  | { type: "error"; code: string; detail: string };

export type ClientMessage =
  | { type: "painted"; call_id: string; version: number; since_received_ms: number }
  | { type: "get"; call_id: string }
  | { type: "choose"; call_id: string; customer_id: string }
  | { type: "dismiss"; call_id: string }
  | { type: "ping" };

export interface ClosedPop {
  pop: Pop;
  reason: CloseReason;
}

export interface LiveState {
  agent: Agent | null;
  /** Live pops by call_id, in the order in which they came. */
  pops: ReadonlyMap<string, Pop>;
  /** Calls that went away while the page was open, until `forget`. */
  closed: ReadonlyMap<string, ClosedPop>;
  /** Calls asked for whole, and not yet received. */
  asked: ReadonlySet<string>;
}

export interface Step {
  state: LiveState;
  /** The call to ask the server for, because a version was missed. */
  get: string | null;
}

export const NO_CALLS: LiveState = {
  agent: null,
  pops: new Map(),
  closed: new Map(),
  asked: new Set(),
};

/** Fold one server message into the state. Unknown messages change nothing. */
export function receive(state: LiveState, message: ServerMessage): Step {
  switch (message.type) {
    case "hello":
      return { state: hello(state, message.agent, message.pops), get: null };
    case "pop":
      return { state: whole(state, message.pop), get: null };
    case "patch":
      return patch(state, message);
    case "close":
      return { state: close(state, message.call_id, message.reason), get: null };
    default:
      return { state, get: null };
  }
}

/** Drop a closed call that the agent has finished with. */
export function forget(state: LiveState, callId: string): LiveState {
  return { ...state, closed: without(state.closed, callId) };
}

function hello(state: LiveState, agent: Agent, pops: Pop[]): LiveState {
  const live = new Map(pops.map((pop) => [pop.call.call_id, pop]));
  const closed = new Map([...state.closed].filter(([callId]) => !live.has(callId)));
  for (const [callId, pop] of state.pops) {
    // It went away while the line was down: how is not known, that it is over is.
    if (!live.has(callId)) closed.set(callId, { pop, reason: "ended" });
  }
  return { agent, pops: live, closed, asked: new Set() };
}

function whole(state: LiveState, pop: Pop): LiveState {
  const callId = pop.call.call_id;
  const known = state.pops.get(callId);
  if (known && known.version > pop.version) return state;
  const asked = new Set(state.asked);
  asked.delete(callId);
  const pops = new Map(state.pops).set(callId, pop);
  return { ...state, pops, closed: without(state.closed, callId), asked };
}

function patch(state: LiveState, change: Patch): Step {
  const callId = change.call_id;
  const known = state.pops.get(callId);
  const isLateForClosed = !known && state.closed.has(callId);
  const isRepeat = known !== undefined && change.version <= known.version;
  if (isLateForClosed || isRepeat) return { state, get: null };
  if (known && change.version === known.version + 1) {
    const pops = new Map(state.pops).set(callId, patched(known, change));
    return { state: { ...state, pops }, get: null };
  }
  if (state.asked.has(callId)) return { state, get: null };
  return { state: { ...state, asked: new Set(state.asked).add(callId) }, get: callId };
}

function patched(pop: Pop, change: Patch): Pop {
  const { type: _type, call_id: _callId, sections, ...replaced } = change;
  return { ...pop, ...replaced, sections: { ...pop.sections, ...sections } };
}

function close(state: LiveState, callId: string, reason: CloseReason): LiveState {
  const pop = state.pops.get(callId);
  const asked = new Set(state.asked);
  asked.delete(callId);
  if (!pop) return { ...state, asked };
  const closed = new Map(state.closed).set(callId, { pop, reason });
  return { ...state, pops: without(state.pops, callId), closed, asked };
}

function without<Value>(map: ReadonlyMap<string, Value>, key: string): ReadonlyMap<string, Value> {
  if (!map.has(key)) return map;
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
