import { afterEach, expect, test, vi } from "vitest";
import type { Suggestion, Suggestions } from "../src/api/contract";
import { Answering } from "../src/live/answering";

const item = (id: string, more: Partial<Suggestion> = {}): Suggestion => ({
  item_id: id,
  connector: "shop",
  sku: null,
  name: id,
  score: 0.5,
  reason: null,
  unit_price: null,
  currency: null,
  inventory_quantity: null,
  ...more,
});
const shown: Suggestions = { next: [item("hose")], goes_with: [item("clip")] };

function serverThatAnswers(status: number): { method: string; url: string; body: unknown }[] {
  const asked: { method: string; url: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (url: URL, init: RequestInit) => {
    const body = init.body ? JSON.parse(String(init.body)) : null;
    asked.push({ method: init.method ?? "", url: `${url.pathname}${url.search}`, body });
    const detail = status === 204 ? null : JSON.stringify({ detail: "not yours" });
    return new Response(detail, { status });
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

test("s goes round the suggestions of both lists", () => {
  const answering = new Answering("pbx:1");
  const marked = () => {
    answering.onKey("s", shown);
    const [first, second] = [shown.next[0], shown.goes_with[0]];
    return [
      first && answering.isMarked({ item: first, list: "next" }),
      second && answering.isMarked({ item: second, list: "goes_with" }),
    ];
  };
  expect([marked(), marked(), marked()]).toEqual([
    [true, false],
    [false, true],
    [true, false],
  ]);
});

test("the marked suggestion is answered by one key", async () => {
  const asked = serverThatAnswers(204);
  const answering = new Answering("pbx:1");
  answering.onKey("s", shown);
  expect(answering.onKey("d", shown)).toBe(true);
  await vi.waitUntil(() => !answering.busy.value);
  expect(asked).toEqual([
    {
      method: "POST",
      url: "/api/v1/calls/pbx%3A1/suggestions",
      body: { item_id: "hose", connector: "shop", list: "next", answer: "declined" },
    },
  ]);
});

test("without a mark the keys are not used, nor when there is nothing to suggest", () => {
  const asked = serverThatAnswers(204);
  const answering = new Answering("pbx:1");
  expect(["y", "d", "l", "u"].some((key) => answering.onKey(key, shown))).toBe(false);
  expect(answering.onKey("s", null)).toBe(false);
  expect(asked).toEqual([]);
});

test("an answer is taken back by u and not given twice", async () => {
  const asked = serverThatAnswers(204);
  const answering = new Answering("pbx:1");
  const given = { answer: "accepted", by: "Ada", at: "2026-11-22T10:00:00Z", until: null } as const;
  const data = { next: [item("hose", { answer: given })], goes_with: [] };
  answering.onKey("s", data);
  expect(answering.onKey("y", data)).toBe(false);
  expect(answering.onKey("u", data)).toBe(true);
  await vi.waitUntil(() => !answering.busy.value);
  expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "DELETE /api/v1/calls/pbx%3A1/suggestions?item_id=hose&connector=shop",
  ]);
});

test("a refusal is told in the server's words", async () => {
  serverThatAnswers(404);
  const answering = new Answering("pbx:1");
  await answering.answer({ item: item("hose"), list: "next" }, "accepted");
  expect(answering.failed.value).toBe("not yours");
  expect(answering.busy.value).toBe(false);
});
