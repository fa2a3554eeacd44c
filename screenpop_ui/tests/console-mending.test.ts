import { describe, expect, it } from "vitest";
import type { Side, SourceRecord } from "../src/admin/customers/api";
import { compared, plain } from "../src/admin/customers/compare";
import { KINDS, kindWords } from "../src/admin/customers/kinds";

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
