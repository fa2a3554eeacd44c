import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Keeper } from "../src/live/keeper";

const AT = "2026-11-21T10:02:00Z";
class Refused extends Error {}

let saved: string[];
let answer: (value: string) => Promise<string>;
let keeper: Keeper<string>;

beforeEach(() => {
  vi.useFakeTimers();
  saved = [];
  answer = async (value) => {
    saved.push(value);
    return AT;
  };
  keeper = new Keeper(
    {
      save: (value) => answer(value),
      isFinal: (error) => error instanceof Refused,
      isSame: (a, b) => a === b,
    },
    600,
    "",
  );
});

afterEach(() => {
  vi.useRealTimers();
});

describe("a note", () => {
  it("is saved 600 ms after the last key", async () => {
    keeper.edit("Th");
    await vi.advanceTimersByTimeAsync(500);
    keeper.edit("Third pump");
    await vi.advanceTimersByTimeAsync(599);
    expect(saved).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(saved).toEqual(["Third pump"]);
    expect(keeper.status.value).toEqual({ kind: "saved", at: AT });
  });

  it("is saved at once when the field is left", async () => {
    keeper.edit("leaks");
    keeper.flush();
    await vi.advanceTimersByTimeAsync(0);
    expect(saved).toEqual(["leaks"]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(saved).toEqual(["leaks"]);
  });

  it("is kept and tried again while the server is away", async () => {
    const up = answer;
    answer = async () => {
      throw new Error("cannot be reached");
    };
    keeper.edit("leaks");
    await vi.advanceTimersByTimeAsync(600);
    expect(keeper.status.value).toMatchObject({ kind: "not_saved", retries: true });
    expect(keeper.value.value).toBe("leaks");
    answer = up;
    await vi.advanceTimersByTimeAsync(2_000);
    expect(saved).toEqual(["leaks"]);
    expect(keeper.isUnsaved).toBe(false);
  });

  it("is not sent again and again when the server refuses it", async () => {
    let tries = 0;
    answer = async () => {
      tries += 1;
      throw new Refused("too long");
    };
    keeper.edit("x");
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tries).toBe(1);
    expect(keeper.status.value).toEqual({ kind: "not_saved", why: "too long", retries: false });
  });

  it("is not sent in another agent's name after its author has left", async () => {
    let tries = 0;
    answer = async () => {
      tries += 1;
      throw new Error("logged out");
    };
    keeper.edit("leaks");
    keeper.flush();
    keeper.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tries).toBe(1);
  });

  it("that grows during a save is saved once more, newest last", async () => {
    const done: (() => void)[] = [];
    answer = (value) =>
      new Promise((resolve) => {
        done.push(() => {
          saved.push(value);
          resolve(AT);
        });
      });
    keeper.edit("one");
    await vi.advanceTimersByTimeAsync(600);
    keeper.edit("one two");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(done).toHaveLength(1);
    done[0]?.();
    await vi.advanceTimersByTimeAsync(600);
    done[1]?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(saved).toEqual(["one", "one two"]);
    expect(keeper.status.value.kind).toBe("saved");
  });

  it("is read back after a refresh without being sent again", async () => {
    expect(keeper.load("from before", AT)).toBe(true);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(keeper.value.value).toBe("from before");
    expect(saved).toEqual([]);
  });

  it("that was begun before the old one was read back stays as typed", () => {
    keeper.edit("new words");
    expect(keeper.load("old words", AT)).toBe(false);
    expect(keeper.value.value).toBe("new words");
  });
});
