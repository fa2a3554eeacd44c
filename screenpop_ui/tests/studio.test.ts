import { describe, expect, it } from "vitest";
import { factsOf } from "../src/admin/studio/agent-view";
import type { Fields, Source, SourceKind, Trial } from "../src/admin/studio/api";
import { outcomeOf } from "../src/admin/studio/connect";
import { asItLooks } from "../src/admin/studio/drop-zone";
import {
  asksAPerson,
  differences,
  isUnmapped,
  mappedNames,
  narrowed,
  oursOf,
  parametersOf,
  queryFor,
  stateOf,
  syncWords,
  withField,
} from "../src/admin/studio/state";
import { checksFrom, timeWords } from "../src/admin/studio/try";

const source: Source = {
  slug: "books",
  kind: "sql",
  name: "Ledger",
  settings: {},
  region: null,
  timeout_ms: 1500,
  cache_s: {},
  priority: 0,
  enabled: true,
  version: 1,
  has_draft: false,
  provides: [],
  fault: null,
  breaker: "closed",
  sync: {},
  authorisation: null,
  updated_at: "2026-11-21T10:00:00Z",
};

const fields: Fields = {
  kind: "sql",
  name: "Ledger",
  settings: { url: "set", queries: { contacts: "SELECT 1" } },
  region: null,
  timeout_ms: 1500,
  cache_s: {},
  priority: 0,
  enabled: true,
};

const trial = {
  fault: null,
  contacts: [{ display_name: "Kestrel" }],
  contacts_error: null,
  contacts_ms: 9.2,
  remote_id: "C1",
  sections: {
    balance: {
      status: "ok",
      data: { balance: "786.00", overdue_amount: null, open_invoices: [{ number: "I1" }] },
      sources: [{ elapsed_ms: 31 }],
    },
  },
  trace: [
    { asked: "connect", said: "connected", elapsed_ms: 3, values: {}, content: null, cut: false },
  ],
} as unknown as Trial;

describe("the state of a source", () => {
  it("says the worst first", () => {
    expect(stateOf(source).text).toBe("live");
    expect(stateOf({ ...source, breaker: "open", fault: "no such kind" }).text).toBe(
      "does not work",
    );
    expect(stateOf({ ...source, breaker: "open" }).tone).toBe("bad");
    expect(stateOf({ ...source, enabled: false, fault: "x" }).text).toBe("switched off");
  });

  it("says how far a sync is, and that nothing was ever read", () => {
    const sync = {
      started_at: "2026-11-21T10:00:00Z",
      finished_at: null,
      full_at: null,
      records: 40,
      numbers: 0,
      total: 100,
      kept: 0,
      rejected: [],
      rejected_count: 0,
      error: null,
    };
    expect(syncWords(sync, true)).toBe("reading: 40 of 100");
    expect(syncWords(null, false)).toBe("never read");
    expect(syncWords({ ...sync, error: "it is down" }, false)).toBe("it is down");
  });
});

describe("comparing the draft with what is live", () => {
  it("names each setting that differs, with both values", () => {
    const settings = { url: "set", queries: { contacts: "SELECT 2", balance: "SELECT 3" } };
    expect(differences(fields, { ...fields, settings })).toEqual([
      { name: "settings.queries.balance", live: "", draft: "SELECT 3" },
      { name: "settings.queries.contacts", live: "SELECT 1", draft: "SELECT 2" },
    ]);
  });

  it("says that a secret was replaced without showing either", () => {
    expect(differences(fields, fields, ["settings.url"])).toEqual([
      { name: "settings.url", live: "kept secret", draft: "another secret" },
    ]);
  });
});

describe("writing a query from a table", () => {
  const columns = [
    { name: "Cust No", ours: "remote_id" },
    { name: "name", ours: "display_name" },
    { name: "shoe_size", ours: "" },
  ];

  it("gives the known columns our names, and quotes what must be", () => {
    expect(queryFor("sales.customers", columns, "contacts")).toBe(
      'SELECT "Cust No" AS remote_id, name AS display_name\nFROM sales.customers\nORDER BY remote_id',
    );
  });

  it("asks for one customer where the query is of one", () => {
    expect(queryFor("items", columns, "balance")).toBe(
      'SELECT name AS display_name\nFROM items\nWHERE "Cust No" = :remote_id',
    );
  });

  it("finds parameters and placeholders, but not casts", () => {
    expect(parametersOf("WHERE a = :remote_id AND b::text = :e164 AND c > :since")).toEqual([
      "remote_id",
      "e164",
    ]);
    expect(parametersOf('["/customers/{external_id}"]')).toEqual(["external_id"]);
  });
});

describe("what is mapped apart from the form", () => {
  const schema = {
    properties: { base_url: { type: "string" }, find: { $ref: "#/$defs/Operation" } },
  };
  it("is the operations of a service, the queries of a database, the columns of a file", () => {
    expect(mappedNames("rest", schema)).toEqual(["find"]);
    expect(mappedNames("sql", schema)).toEqual(["queries"]);
    expect(mappedNames("stripe", schema)).toEqual([]);
    expect(Object.keys(narrowed(schema, ["find"], false).properties ?? {})).toEqual(["base_url"]);
  });

  it("takes from a file's look only what is not usual", () => {
    expect(asItLooks({ facts: { encoding: "utf-8-sig", delimiter: ";" } })).toEqual({
      delimiter: ";",
    });
  });
});

describe("testing the connection of a source that is not mapped yet", () => {
  const checked = { status: "bad_config", text: "no query is set", elapsed_ms: 9 };
  it("is told from a fault where the connection was proved", () => {
    expect(outcomeOf({ ...checked, proved: ["connected"] }, true)).toEqual({
      kind: "good",
      text: "It answers, in 9 ms. Nothing is mapped yet: go on to 2 Map.",
    });
    expect(outcomeOf({ ...checked, proved: [] }, true).text).toBe("no query is set");
    expect(outcomeOf({ ...checked, proved: ["connected"] }, false).kind).toBe("bad");
    const refused = { ...checked, status: "invalid_auth", proved: ["connected"] };
    expect(outcomeOf(refused, true).kind).toBe("bad");
  });

  it("knows what is mapped by hand", () => {
    const sql = { kind: "sql", settings_schema: {} } as SourceKind;
    expect(isUnmapped(sql, { url: "set", queries: {} })).toBe(true);
    expect(isUnmapped(sql, { queries: { contacts: "SELECT 1" } })).toBe(false);
    expect(isUnmapped({ ...sql, kind: "xero" }, {})).toBe(false);
  });
});

describe("a source that a person has to allow at the vendor", () => {
  const kind = { kind: "xero", redirect_uri: "https://pop.example/callback" } as SourceKind;
  it("is known by its kind, a web service by its credentials", () => {
    expect(asksAPerson(kind, {})).toBe(true);
    expect(asksAPerson({ ...kind, redirect_uri: null }, {})).toBe(false);
    const rest = { ...kind, kind: "rest" };
    expect(asksAPerson(rest, { auth: { kind: "basic" } })).toBe(false);
    expect(asksAPerson(rest, { auth: { kind: "oauth_code" } })).toBe(true);
  });
});

describe("mapping the fields of orders", () => {
  const order = { path: "/orders", fields: { order_number: "no" } };
  it("puts the fields of a list inside an order under its lines", () => {
    const mapped = withField(order, "lines[0].qty", "quantity", true);
    expect(mapped).toEqual({ ...order, lines: "lines", line_fields: { quantity: "qty" } });
    expect(oursOf(mapped, "lines[0].qty")).toBe("quantity");
    expect(oursOf(mapped, "no")).toBe("order_number");
    expect(oursOf(mapped, "other[0].qty")).toBe("");
    expect(withField(mapped, "lines[0].qty", "", true).line_fields).toEqual({});
  });

  it("forgets the lines of another list", () => {
    const mapped = withField(order, "lines[0].qty", "quantity", true);
    expect(withField(mapped, "parts[0].sku", "sku", true)).toEqual({
      ...order,
      lines: "parts",
      line_fields: { sku: "sku" },
    });
  });

  it("takes one of a list where records have no lines", () => {
    expect(withField({}, "phones[0].number", "phone", false)).toEqual({
      fields: { phone: "phones[0].number" },
    });
  });
});

describe("a trial", () => {
  it("says how long each part took", () => {
    expect(timeWords(trial)).toBe("40 ms: connect 3.0 · customers 9.2 · owes 31");
  });

  it("shows facts as names and values, unknown as unknown", () => {
    expect(factsOf(trial.sections.balance?.data)).toEqual([
      ["balance", "786.00"],
      ["overdue_amount", "not known"],
      ["open_invoices", "1"],
      ["first: number", "I1"],
    ]);
  });

  it("becomes checks of what was understood, never of what is unknown", () => {
    const checks = checksFrom(trial, { phone: "+442079460958" });
    expect(checks.map((check) => [check.section, check.field, check.expected])).toEqual([
      ["contact", "display_name", "Kestrel"],
      ["balance", "balance", "786.00"],
    ]);
  });
});
