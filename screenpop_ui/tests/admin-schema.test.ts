import { describe, expect, it } from "vitest";
import { objectOf } from "../src/forms/lists";
import {
  at,
  below,
  emptyValues,
  memberOf,
  resolved,
  type Schema,
  shapeOf,
  strays,
  typedNumber,
  within,
  withValue,
} from "../src/forms/schema";

const DEFS: Record<string, Schema> = {
  Key: {
    type: "object",
    title: "With a key",
    properties: { kind: { const: "key", type: "string" }, key: { type: "string" } },
  },
  None: { type: "object", properties: { kind: { const: "none", type: "string" } } },
};
const UNION: Schema = {
  oneOf: [{ $ref: "#/$defs/None" }, { $ref: "#/$defs/Key" }],
  discriminator: { propertyName: "kind" },
};

describe("the shapes that a form draws", () => {
  it.each<[string, Schema]>([
    ["text", { type: "string" }],
    ["secret", { type: "string", format: "password", writeOnly: true }],
    ["sql", { type: "string", format: "sql" }],
    ["choice", { type: "string", enum: ["a", "b"] }],
    ["integer", { type: "integer" }],
    ["number", { type: "number" }],
    ["boolean", { type: "boolean" }],
    ["texts", { type: "array", items: { type: "string" } }],
    ["choices", { type: "array", items: { type: "string", enum: ["a"] } }],
    ["pairs", { type: "object", additionalProperties: { type: "string" } }],
    ["group", { type: "object", properties: {} }],
    ["union", UNION],
    ["unknown", { type: "array", items: { type: "object" } }],
  ])("%s", (shape, schema) => {
    expect(shapeOf(schema)).toBe(shape);
  });

  it("takes what a setting refers to, with the setting's own words", () => {
    const found = resolved({ $ref: "#/$defs/Key", title: "Access" }, DEFS);
    expect([found.title, found.type]).toEqual(["Access", "object"]);
  });

  it("finds the member of a union by what was chosen, else the first", () => {
    expect(memberOf(UNION, {}, DEFS).tag).toBe("none");
    expect(memberOf({ ...UNION, default: { kind: "key" } }, {}, DEFS).tag).toBe("key");
    expect(memberOf(UNION, { kind: "key" }, DEFS).members.map((m) => m.tag)).toEqual([
      "none",
      "key",
    ]);
  });
});

describe("what is typed", () => {
  it("is a number when it is written as one, else stays as typed for the server to refuse", () => {
    expect(["12", "1.5", "-3"].map(typedNumber)).toEqual([12, 1.5, -3]);
    expect(["1.", "twelve", "1,5", "0x10", "007"].map(typedNumber)).toEqual([
      "1.",
      "twelve",
      "1,5",
      "0x10",
      "007",
    ]);
    expect(typedNumber("  ")).toBeUndefined();
  });

  it("goes back to the default when it is taken away", () => {
    expect(withValue({ a: 1, b: 2 }, "a", undefined)).toEqual({ b: 2 });
    expect(withValue({ a: 1 }, "a", 3)).toEqual({ a: 3 });
  });

  it("begins with what must be there", () => {
    const schema: Schema = {
      required: ["url", "queries"],
      properties: { url: { type: "string" }, queries: { $ref: "#/$defs/Key" } },
      $defs: DEFS,
    };
    expect(emptyValues(schema)).toEqual({ queries: {} });
  });

  it("sends every pair that has a name", () => {
    const rows = [
      { name: "a", text: "1" },
      { name: "", text: "half typed" },
    ];
    expect(objectOf(rows)).toEqual({ a: "1" });
  });
});

describe("the server's pointers", () => {
  const errors = [
    { pointer: "/settings/auth/key", detail: "is missing" },
    { pointer: "/settings/authority", detail: "is odd" },
    { pointer: "/settings", detail: "give one of both" },
  ];

  it("are steps of RFC 6901", () => {
    expect(below("/settings", "a/b~c")).toBe("/settings/a~1b~0c");
  });

  it("belong to the field at or above them, and to no field that only begins alike", () => {
    expect(within(errors, "/settings/auth").map((e) => e.detail)).toEqual(["is missing"]);
    expect(at(errors, "/settings").map((e) => e.detail)).toEqual(["give one of both"]);
  });

  it("are shown by the group when no field of it takes them: none is lost", () => {
    expect(strays(errors, "/settings", ["auth"]).map((e) => e.detail)).toEqual([
      "is odd",
      "give one of both",
    ]);
  });
});
