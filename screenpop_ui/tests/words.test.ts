import { describe, expect, it } from "vitest";
import type { Profile, Section, Source } from "../src/api/contract";
import { monthsOf } from "../src/ui/pop/months";
import { conflictWords, matchWords, sourceWords, troubleWords, whoWords } from "../src/ui/words";

const NOW = Date.parse("2026-11-21T10:00:00Z");

const source = (change: Partial<Source>): Source => ({
  connector: "books",
  name: "Ledger",
  status: "ok",
  remote_url: null,
  as_of: null,
  elapsed_ms: null,
  error: null,
  ...change,
});

const section = (status: Section<unknown>["status"], sources: Source[] = []): Section<unknown> => ({
  status,
  data: null,
  as_of: null,
  conflicts: [],
  sources,
});

describe("a block says why", () => {
  it("names the source that did not answer, and how long it had", () => {
    const slow = source({ status: "timeout", elapsed_ms: 1500 });
    expect(troubleWords(section("timeout", [slow]), NOW)).toBe(
      "Ledger did not answer in time (1.5 s).",
    );
  });

  it("names the source that failed, in its own words", () => {
    const error = { code: "auth_expired", text: "the log-in has expired" };
    expect(troubleWords(section("failed", [source({ status: "failed", error })]), NOW)).toBe(
      "Ledger failed: the log-in has expired.",
    );
  });

  it("tells nothing on record from a source that is not set up", () => {
    expect(troubleWords(section("empty", [source({})]), NOW)).toBe("Nothing on record in Ledger.");
    expect(troubleWords(section("not_configured"), NOW)).toContain("Not set up");
  });

  it("says nothing when all is well", () => {
    expect(troubleWords(section("ok", [source({})]), NOW)).toBeNull();
  });

  it("gives the age of what a source said", () => {
    expect(sourceWords(source({ as_of: "2026-11-21T08:00:00Z" }), NOW)).toBe("Ledger · 2 h old");
    expect(sourceWords(source({ as_of: "2026-11-21T09:59:59Z" }), NOW)).toBe("Ledger · live");
  });
});

it("a conflict names both sources and the one that is shown", () => {
  const values = [
    { connector: "shop", value: "1200.00", as_of: null },
    { connector: "books", value: "786.00", as_of: null },
  ];
  const both = section("ok", [source({}), source({ connector: "shop", name: "Shop" })]);
  const words = conflictWords({ field: "balance", values, chosen: "books" }, both, "EUR");
  expect(words).toMatch(/^Owes: Shop says 1.200.00 EUR · Ledger says 786.00 EUR, shown$/);
});

describe("who is calling", () => {
  const profile = (outcome: Profile["match"]["outcome"]): Profile => ({
    match: { outcome, shared_number: false, candidates: [], candidates_total: 0 },
    customer: null,
    sections: {},
    alerts: [],
  });

  it.each([
    ["withheld", "Number withheld"],
    ["none", "Unknown caller"],
    ["multiple", "Who is calling?"],
  ] as const)("with a match of %s is %s", (outcome, words) => {
    expect(whoWords(profile(outcome), null)).toBe(words);
  });

  it("is only maybe known when the match is a guess", () => {
    const candidate = {
      customer_id: "1",
      display_name: "A",
      company_name: null,
      tier: null,
      level: "maybe" as const,
      score: 0.4,
      reasons: ["last 8 digits"],
    };
    const match = {
      outcome: "single" as const,
      shared_number: false,
      candidates: [candidate],
      candidates_total: 1,
    };
    expect(matchWords(match, candidate)).toEqual({
      sure: "maybe",
      text: "Maybe",
      why: "last 8 digits",
    });
  });

  it("says of a number of very many how many there are, not how many are shown", () => {
    const { match } = profile("multiple");
    expect(matchWords({ ...match, candidates_total: 120 }, undefined)).toEqual({
      sure: "open",
      text: "120 possible callers",
      why: "the first 0 are below; ask who is calling",
    });
  });
});

describe("two years of orders", () => {
  const order = (order_date: string, total_amount: string, currency = "EUR") => ({
    order_number: order_date,
    order_date,
    status: null,
    total_amount,
    currency,
    line_items: [],
  });
  const purchases = (orders: ReturnType<typeof order>[], order_count: number) => ({
    currency: "EUR",
    orders,
    order_count,
    lifetime_amount: null,
    first_order_date: null,
  });

  it("are summed by month in the main currency", () => {
    const orders = [
      order("2026-11-12", "10.00"),
      order("2026-11-01", "5.00"),
      order("2026-10-01", "9", "USD"),
    ];
    const { values } = monthsOf(purchases(orders, 3), new Date(NOW));
    expect(values).toHaveLength(24);
    expect(values.slice(-2)).toEqual([0, 15]);
  });

  it("are not known before the oldest order when the source has more than it sent", () => {
    const { values, firstYear, firstMonth } = monthsOf(
      purchases([order("2026-10-01", "9.00")], 40),
      new Date(NOW),
    );
    expect(values.filter((value) => value !== null)).toEqual([9, 0]);
    expect([firstYear, firstMonth]).toEqual([2026, 9]);
  });
});
