import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  Connection,
  type LineStatus,
  PING_EVERY_MS,
  PONG_WITHIN_MS,
  readServerMessage,
  retryAfterMs,
  type SocketLike,
} from "../src/live/connection";
import type { ServerMessage } from "../src/live/protocol";

class Line implements SocketLike {
  onopen: SocketLike["onopen"] = null;
  onmessage: SocketLike["onmessage"] = null;
  onclose: SocketLike["onclose"] = null;
  sent: string[] = [];
  isClosed = false;
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.isClosed = true;
  }
  says(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code: number) {
    this.onclose?.({ code, reason: "" });
  }
}

const HELLO = { type: "hello", agent: null, server_time: "2026-11-21T10:00:00Z", pops: [] };
const PONG = { type: "pong" };

let lines: Line[];
let statuses: LineStatus[];
let messages: ServerMessage[];
let connection: Connection;

const line = () => lines.at(-1) as Line;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  statuses = [];
  messages = [];
  connection = new Connection(
    {
      open: () => {
        lines.push(new Line());
        return line();
      },
      after: (ms, run) => {
        const timer = setTimeout(run, ms);
        return () => clearTimeout(timer);
      },
      chance: () => 1,
    },
    { onMessage: (m) => messages.push(m), onStatus: (s) => statuses.push(s) },
  );
  connection.start();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the line to the server", () => {
  it("is connected once the server has said hello, not before", () => {
    expect(statuses).toEqual(["connecting"]);
    line().says(HELLO);
    expect(statuses).toEqual(["connecting", "connected"]);
    expect(messages).toHaveLength(1);
  });

  it("pings every 25 seconds and stays while the server answers", () => {
    line().says(HELLO);
    for (let round = 1; round <= 3; round += 1) {
      vi.advanceTimersByTime(PING_EVERY_MS);
      expect(line().sent).toHaveLength(round);
      expect(line().sent.at(-1)).toBe('{"type":"ping"}');
      line().says(PONG);
      vi.advanceTimersByTime(PONG_WITHIN_MS);
    }
    expect(lines).toHaveLength(1);
  });

  it("is given up when a ping is not answered, and opened again", () => {
    line().says(HELLO);
    vi.advanceTimersByTime(PING_EVERY_MS + PONG_WITHIN_MS);
    expect(line().isClosed).toBe(true);
    expect(statuses.at(-1)).toBe("reconnecting");
    vi.advanceTimersByTime(retryAfterMs(0, 1));
    expect(lines).toHaveLength(2);
    line().says(HELLO);
    expect(statuses.at(-1)).toBe("connected");
  });

  it("is opened again, ever more slowly, while the server is away", () => {
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      line().ends(1006);
      const opened = lines.length;
      let waited = 0;
      while (lines.length === opened) {
        vi.advanceTimersByTime(100);
        waited += 100;
      }
      waits.push(waited);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  });

  it("is given up when the server accepts it and then says nothing", () => {
    vi.advanceTimersByTime(10_000);
    expect(line().isClosed).toBe(true);
    expect(statuses.at(-1)).toBe("reconnecting");
  });

  it.each([
    [4401, "logged_out"],
    [4403, "refused"],
  ] as const)("is closed for good by code %i", (code, status) => {
    line().says(HELLO);
    line().ends(code);
    vi.advanceTimersByTime(120_000);
    expect(statuses.at(-1)).toBe(status);
    expect(lines).toHaveLength(1);
  });

  it.each([4408, 4429, 1001, 1012])("is opened again after code %i", (code) => {
    line().says(HELLO);
    line().ends(code);
    vi.advanceTimersByTime(1_000);
    expect(lines).toHaveLength(2);
  });

  it("opens again after a log-in, and is kept up as before", () => {
    line().ends(4401);
    connection.start();
    line().says(HELLO);
    line().ends(1006);
    vi.advanceTimersByTime(1_000);
    expect(lines).toHaveLength(3);
  });

  it("is opened at once when the machine wakes up", () => {
    line().ends(1006);
    connection.wake();
    expect(lines).toHaveLength(2);
  });

  it("takes nothing from a line that it has given up", () => {
    const old = line();
    old.ends(1006);
    connection.wake();
    old.says(HELLO);
    expect(messages).toEqual([]);
  });

  it("sends nothing while it is down", () => {
    connection.send({ type: "get", call_id: "pbx:1" });
    expect(line().sent).toEqual([]);
  });
});

describe("the wait before another try", () => {
  it("is spread by chance between half and all of its length", () => {
    expect(retryAfterMs(3, 0)).toBe(1000);
    expect(retryAfterMs(3, 1)).toBe(2000);
  });
});

describe("a frame", () => {
  it.each([
    ["not JSON", "<html>"],
    ["a list", "[]"],
    ["no type", "{}"],
    ["a pop without its call", '{"type":"pop","pop":{"version":1}}'],
    ["hello with a broken pop", '{"type":"hello","pops":[{}]}'],
    ["a patch without a version", '{"type":"patch","call_id":"pbx:1"}'],
    ["a type of a later version", '{"type":"confetti"}'],
  ])("is left out when it is %s", (_what, text) => {
    expect(readServerMessage(text)).toBeNull();
  });

  it("is left out when it is binary", () => {
    expect(readServerMessage(new ArrayBuffer(8))).toBeNull();
  });
});
