import { describe, expect, it } from "vitest";
import { factsOf } from "../src/admin/studio/agent-view";
import type { Fields, Source, Trial } from "../src/admin/studio/api";
import { asItLooks } from "../src/admin/studio/drop-zone";
import {
  differences,
  mappedNames,
  narrowed,
  parametersOf,
  queryFor,
  stateOf,
  syncWords,
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
    expect(queryFor("items", columns, "balance")).toContain('WHERE "Cust No" = :remote_id');
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
