/** The reducer on the cases that the server's `core/pop.py` is tested on as well. */

import { describe, expect, it } from "vitest";
import {
  forget,
  type LiveState,
  NO_CALLS,
  receive,
  type ServerMessage,
} from "../src/live/protocol";

interface Case {
  name: string;
  messages: ServerMessage[];
  /** `pops`: exactly these calls are live, each with at least these facts. `get`: asked for, in order. */
  expect: { pops: Record<string, object>; closed: Record<string, string>; get: string[] };
}

const files = import.meta.glob<Case>("./cases/*.json", { eager: true, import: "default" });
const cases = Object.values(files);

function play(messages: ServerMessage[]): { state: LiveState; gets: string[] } {
  let state = NO_CALLS;
  const gets: string[] = [];
  for (const message of messages) {
    const step = receive(state, message);
    state = step.state;
    if (step.get !== null) gets.push(step.get);
  }
  return { state, gets };
}

describe("the live pops", () => {
  it.each(cases.map((one) => [one.name, one] as const))(
    "%s",
    (_name, { messages, expect: told }) => {
      const { state, gets } = play(messages);
      expect([...state.pops.keys()].sort()).toEqual(Object.keys(told.pops).sort());
      for (const [callId, facts] of Object.entries(told.pops)) {
        expect(state.pops.get(callId)).toMatchObject(facts);
      }
      const closed = [...state.closed].map(([callId, { reason }]) => [callId, reason]);
      expect(Object.fromEntries(closed)).toEqual(told.closed);
      expect(gets).toEqual(told.get);
    },
  );

  it("never changes the state that it was given", () => {
    for (const { messages } of cases) {
      let state = NO_CALLS;
      for (const message of messages) {
        const before = structuredClone(state);
        const given = state;
        state = receive(state, message).state;
        expect(given).toEqual(before);
      }
    }
  });

  it("keeps a call named like a property of every object apart from those", () => {
    const hello = cases.find((one) => one.messages[0]?.type === "hello")?.messages[0];
    const { state, gets } = play([
      hello as ServerMessage,
      { type: "patch", call_id: "__proto__", version: 3 },
    ]);
    expect(gets).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).version).toBeUndefined();
    expect(state.pops.has("__proto__")).toBe(false);
  });

  it("lets go of a closed call when the agent is done with it", () => {
    const ended = cases.find((one) => one.name === "an answered call ends") as Case;
    const { state } = play(ended.messages);
    expect(forget(state, "pbx:c-1001").closed.size).toBe(0);
  });
});
