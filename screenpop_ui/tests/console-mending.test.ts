import { describe, expect, it } from "vitest";
import type { Scan, Side, SourceRecord } from "../src/admin/customers/api";
import { compared, plain } from "../src/admin/customers/compare";
import { nothingWords } from "../src/admin/customers/duplicates";
import { KINDS, kindWords } from "../src/admin/customers/kinds";
import { hasFailed, runningWords } from "../src/admin/customers/scan";

const side = (...records: Partial<SourceRecord>[]): Side => ({
  customer_id: "c-1",
  records: records.map((record, index) => ({
    connector: "books",
    remote_id: String(index),
    display_name: "Ann Bell",
    ...record,
  })),
});

describe("two customers beside each other", () => {
  it("marks what both have, whatever the spaces and the case", () => {
    const facts = compared(
      side({ email_addresses: ["Ann@Bell.example", "old@bell.example"] }),
      side({ display_name: "ann  bell", email_addresses: ["ann@bell.example"] }),
    );
    const mail = facts.find((fact) => fact.title === "E-mail");
    expect([...(mail?.shared ?? [])]).toEqual(["ann@bell.example"]);
    expect(facts.find((fact) => fact.title === "Name")?.shared.has("ann bell")).toBe(true);
  });

  it("leaves out what neither side has, and shows a number as it was typed when unreadable", () => {
    const facts = compared(side({ phone_numbers: [{ raw: "12", e164: null }] }), side({}));
    expect(facts.map((fact) => fact.title)).toEqual(["Name", "Numbers", "In"]);
    expect(facts[1]).toMatchObject({ left: ["12"], right: [] });
  });

  it("unites the records of a side without repeating what they agree on", () => {
    const facts = compared(side({ tier: "Gold" }, { tier: "gold" }), side({}));
    expect(facts.find((fact) => fact.title === "Level")?.left).toEqual(["Gold"]);
  });
});

it("names the systems as people do", () => {
  const facts = compared(side({}), side({ connector: "shop" }), { books: "Ledger" });
  expect(facts.at(-1)).toMatchObject({ title: "In", left: ["Ledger 0"], right: ["shop 0"] });
});

describe("a look through the customers", () => {
  const scan = (change: Partial<Scan>): Scan => ({
    running: false,
    read: null,
    looked_at: null,
    next_at: null,
    any_customer: true,
    ...change,
  });

  it("does not say that there are no duplicates before anybody looked", () => {
    expect(nothingWords("", null)).toContain("not known yet");
    expect(nothingWords("ann", null)).toContain("not known yet");
    expect(nothingWords("", "2026-11-22T02:00:00Z")).toContain("No likely duplicates");
    expect(nothingWords("ann", "2026-11-22T02:00:00Z")).toContain("“ann”");
  });

  it("says how far it is", () => {
    expect(runningWords(null)).not.toMatch(/\d/);
    expect(runningWords(4000)).toContain("4,000");
  });

  it("has failed when it is over for who watched and nothing was looked through", () => {
    const running = scan({ running: true, read: 0 });
    expect(hasFailed(null, scan({}))).toBe(false);
    expect(hasFailed(scan({}), running)).toBe(false);
    expect(hasFailed(running, running)).toBe(false);
    expect(hasFailed(running, scan({}))).toBe(true);
    expect(hasFailed(running, scan({ looked_at: "2026-11-22T10:00:00Z" }))).toBe(false);
  });
});

it("compares without spaces at the ends", () => {
  expect(plain("  Quay   Street ")).toBe("quay street");
});

it("has words and advice for every kind, and shows an unknown one by its name", () => {
  for (const { title, advice } of Object.values(KINDS)) {
    expect(title).not.toBe("");
    expect(advice.endsWith(".")).toBe(true);
  }
  expect(kindWords("new_kind").title).toBe("new_kind");
});
