import { describe, expect, it } from "vitest";
import { query } from "../src/admin/api";
import { PAGES, pageOf } from "../src/admin/pages";
import { dotsPath, highestOf, linePath } from "../src/admin/parts/chart";
import { textsOf } from "../src/admin/people/api";
import { replayedWords } from "../src/admin/phones/feed";
import { slugOf } from "../src/admin/phones/form";
import { blocksOf, inline } from "../src/admin/phones/guide";
import { outcomeOf } from "../src/admin/phones/test-call";
import { go, leave, leavingTo, path, pathOf, stay, unsaved } from "../src/admin/router";
import { moved, orderOf } from "../src/admin/rules/api";
import { nextStep, type SetupState, stepsOf } from "../src/admin/setup/state";

globalThis.history = { pushState: () => undefined } as unknown as History;

describe("the router", () => {
  it("finds a page by its path, and the slug of one that takes it", () => {
    expect(pageOf("")?.page.title).toBe("Overview");
    expect(pageOf("sources/books")?.slug).toBe("books");
    expect(pageOf("sources/books")?.page.path).toBe("sources/");
    expect(pageOf("rules/nothing")).toBeNull();
    expect(pageOf("nothing")).toBeNull();
  });

  it("reads the path below the console, also below a proxy's path", () => {
    expect(pathOf("/admin", "/admin")).toBe("");
    expect(pathOf("/pop/admin/phones/pbx", "/pop/admin")).toBe("phones/pbx");
    expect(pathOf("/admin/sources/a%20b", "/admin")).toBe("sources/a b");
    expect(pathOf("/admin/sources/%E0%A4%A", "/admin")).toBe("sources/%E0%A4%A");
  });

  it("asks before something typed is lost", () => {
    path.value = "people";
    unsaved.value = "Ada";
    go("rules");
    expect([path.value, leavingTo.value]).toEqual(["people", "rules"]);
    stay();
    expect([path.value, leavingTo.value]).toEqual(["people", null]);
    go("rules");
    leave();
    expect([path.value, unsaved.value]).toEqual(["rules", null]);
  });

  it("has every path once", () => {
    expect(new Set(PAGES.map((page) => page.path)).size).toBe(PAGES.length);
  });
});

describe("the first run", () => {
  const nothing: SetupState = {
    defaults: {
      default_region: null,
      default_currency: null,
      region_from_environment: null,
      version: 1,
    },
    phone_systems: [],
    connectors: 0,
    customers: 0,
    agents: 0,
    has_rung: false,
  };

  it("goes on with the first step that is not done", () => {
    expect(nextStep(stepsOf(nothing))?.key).toBe("defaults");
    const defaults = {
      ...nothing.defaults,
      region_from_environment: "GB",
      default_currency: "EUR",
    };
    expect(nextStep(stepsOf({ ...nothing, defaults }))?.key).toBe("phones");
    const system = { slug: "pbx", name: null, kind: "generic", last_event_at: null };
    const all = {
      ...nothing,
      defaults,
      phone_systems: [system],
      connectors: 1,
      agents: 1,
      has_rung: true,
    };
    expect(nextStep(stepsOf(all))).toBeNull();
  });
});

describe("a guide", () => {
  it("is read as headings, lists, code, tables and text", () => {
    const text =
      "# T\n\nOne\ntwo\n\n1. a\n   more\n2. b\n\n```\nx | <b>\n```\n\n| a | b |\n| --- | --- |\n| 1 | 2 |";
    expect(blocksOf(text)).toEqual([
      { kind: "heading", level: 1, text: "T" },
      { kind: "text", text: "One two" },
      { kind: "list", ordered: true, items: ["a more", "b"] },
      { kind: "code", text: "x | <b>" },
      {
        kind: "table",
        rows: [
          ["a", "b"],
          ["1", "2"],
        ],
      },
    ]);
  });

  it("ends whatever is written in it", () => {
    for (const text of ["```", "|", "- ", "#", "1.", "```\n- x", "a\n```\nb", "#x\n##"]) {
      expect(Array.isArray(blocksOf(text))).toBe(true);
    }
  });

  it("keeps what is no code, bold or link as text", () => {
    expect(inline("a <script> *b* & c")).toEqual(["a <script> *b* & c"]);
  });
});

describe("words", () => {
  it("say what came of a test call", () => {
    const rung = { status: 202, answer: "", call_id: "x", agents: ["Ada"], connected: 1 };
    expect(outcomeOf(rung).text).toBe("It rings on the screen of Ada.");
    expect(outcomeOf({ ...rung, connected: 0 }).text).toContain("no agent's page open");
    expect(outcomeOf({ ...rung, agents: [] }).kind).toBe("bad");
    expect(outcomeOf({ ...rung, status: 401, answer: "no" }).text).toContain("refused it (401)");
  });

  it("say what came of a replay", () => {
    const none = { verified: true, why: null, understood: [], call_ids: [] };
    expect(replayedWords({ ...none, verified: false, why: "old" }).text).toBe("Still refused: old");
    expect(replayedWords({ ...none, understood: [{}] }).text).toContain("1 event.");
  });

  it("make a short name of a name", () => {
    expect(["Main PBX", "Zürich (2)", "  ", "日本"].map((name) => slugOf(name, "a_b"))).toEqual([
      "main-pbx",
      "zu-rich-2",
      "a-b",
      "a-b",
    ]);
  });
});

describe("small things", () => {
  it("leave out of a query what is not set", () => {
    expect(query({ search: "a b", limit: 5, offset: 0, none: "" })).toBe(
      "?search=a%20b&limit=5&offset=0",
    );
    expect(query({})).toBe("");
  });

  it("read words with commas between", () => {
    expect(textsOf(" 101, ,102; 103 ")).toEqual(["101", "102", "103"]);
  });

  it("move an item by a place, never past the ends", () => {
    expect(moved(["a", "b", "c"], 1, -1)).toEqual(["b", "a", "c"]);
    expect(moved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
    expect(moved(["a", "b"], 1, 1)).toEqual(["a", "b"]);
  });

  it("put the blocks that are not named last", () => {
    expect(orderOf({ order: ["tickets"] })[0]).toBe("tickets");
    expect(new Set(orderOf({ order: ["tickets"] })).size).toBe(6);
  });
});

describe("a chart", () => {
  it("scales to the highest line, or the highest stack of bars", () => {
    const series = [
      { name: "a", values: [1, null, 3] },
      { name: "b", values: [2, null, 4] },
    ];
    expect([highestOf(series, "line"), highestOf(series, "bar")]).toEqual([4, 7]);
    expect(highestOf([{ name: "a", values: [null] }], "line")).toBeNull();
    expect(highestOf([{ name: "a", values: [0] }], "bar")).toBe(1);
  });

  it("lifts the pen at a gap", () => {
    expect(linePath([1, 1, null, 1, 1], 1).match(/M/g)).toHaveLength(2);
    expect(dotsPath([1, 1, null, 1, 1], 1)).toBe("");
  });

  it("draws a value without a neighbour as a dot, also at either end", () => {
    expect(linePath([1, null, 1, null, 1], 1)).toBe("");
    expect(dotsPath([1, null, 1, null, 1], 1).match(/h0/g)).toHaveLength(3);
    expect(dotsPath([1], 1)).toBe("M0 2h0");
    expect(linePath([1, 1, null, 1], 1)).not.toContain("320");
  });
});
