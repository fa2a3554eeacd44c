import { describe, expect, it } from "vitest";
import type { Pop } from "../src/api/contract";
import { type LiveState, NO_CALLS } from "../src/live/protocol";
import { isWorthFinishing, mostUrgent, ringingElsewhere, viewAfter } from "../src/live/view";
import complete from "./cases/complete.json";

const first = complete.messages.find((message) => message.type === "pop")?.pop as unknown as Pop;

const pop = (call_id: string, change: Partial<Pop["call"]> = {}): Pop => ({
  ...first,
  call: { ...first.call, call_id, ...change },
});

function desk(live: Pop[], closed: Pop[] = []): LiveState {
  return {
    ...NO_CALLS,
    pops: new Map(live.map((one) => [one.call.call_id, one])),
    closed: new Map(closed.map((one) => [one.call.call_id, { pop: one, reason: "ended" }])),
  };
}

const HOME = { kind: "home" } as const;
const shows = (callId: string) => ({ kind: "call", callId }) as const;

describe("a new call", () => {
  it("takes the screen from the home page", () => {
    expect(viewAfter(HOME, desk([]), desk([pop("a")]), false)).toEqual(shows("a"));
  });

  it("does not take it while the agent types", () => {
    expect(viewAfter(HOME, desk([]), desk([pop("a")]), true)).toEqual(HOME);
    expect(ringingElsewhere(HOME, desk([pop("a")]))).toBe("a");
  });

  it("does not take it from another live call", () => {
    const talking = pop("a", { state: "answered" });
    const after = desk([talking, pop("b")]);
    expect(viewAfter(shows("a"), desk([talking]), after, false)).toEqual(shows("a"));
    expect(ringingElsewhere(shows("a"), after)).toBe("b");
  });

  it("takes it from an ended call that waits for its note", () => {
    const after = desk([pop("b")], [pop("a")]);
    expect(viewAfter(shows("a"), desk([], [pop("a")]), after, false)).toEqual(shows("b"));
  });
});

describe("a call that went away", () => {
  it("leaves the screen to the next live call", () => {
    expect(viewAfter(shows("a"), desk([pop("a"), pop("b")]), desk([pop("b")]), true)).toEqual(
      shows("b"),
    );
  });

  it("leaves the home page when no call is left", () => {
    expect(viewAfter(shows("a"), desk([pop("a")]), desk([]), false)).toEqual(HOME);
  });

  it("stays while its note is being finished", () => {
    expect(viewAfter(shows("a"), desk([pop("a")]), desk([], [pop("a")]), false)).toEqual(
      shows("a"),
    );
  });

  it("is worth finishing only when this agent spoke on it", () => {
    const answered = pop("a", { answered_at: "2026-11-21T10:00:00Z" });
    expect(isWorthFinishing({ pop: answered, reason: "ended" })).toBe(true);
    expect(isWorthFinishing({ pop: answered, reason: "transferred" })).toBe(true);
    expect(isWorthFinishing({ pop: pop("a"), reason: "ended" })).toBe(false);
    expect(isWorthFinishing({ pop: answered, reason: "dismissed" })).toBe(false);
  });
});

it("a ringing call is more urgent than one on hold", () => {
  expect(mostUrgent(desk([pop("a", { state: "held" }), pop("b")]))).toBe("b");
});
