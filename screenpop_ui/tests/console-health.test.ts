import { describe, expect, it } from "vitest";
import { highest, stepsOf, valuesAt } from "../src/admin/health/series";
import { errorWords, msText, shareText } from "../src/admin/health/words";
import type { Fit } from "../src/admin/suggestions/api";
import { figures } from "../src/admin/suggestions/explain";
import { barsOf, measured, NEXT } from "../src/admin/suggestions/fits";
import { boughtText } from "../src/admin/suggestions/report";

describe("the steps of a chart", () => {
  const steps = stepsOf("2026-11-22T09:00:00Z", "2026-11-22T10:07:30Z", 10, "en-GB");

  it("start where the answer says, up to now", () => {
    expect(steps.starts.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual([
      "09:00",
      "09:10",
      "09:20",
      "09:30",
      "09:40",
      "09:50",
      "10:00",
    ]);
    expect(steps.labels).toHaveLength(7);
  });

  it("say the day too where the span passes midnight", () => {
    const asOf = "2026-11-22T10:07:30Z";
    const day = stepsOf("2026-11-21T11:00:00Z", asOf, 60, "en-GB").labels;
    expect(day[0]).toMatch(/^Sat,? \d\d:00$/);
    expect(day.at(-1)).toMatch(/^Sun,? \d\d:00$/);
    expect(new Set(day).size).toBe(day.length);
    expect(steps.labels[0]).toMatch(/^\d\d:00$/);
    expect(stepsOf("2026-11-21T11:00:00Z", asOf, 60, "de").labels[0]).toMatch(/^Sa/);
  });

  it("are null where nothing happened, and add up what lies in one step", () => {
    const points = [
      { at: "2026-11-22T09:20:00Z", count: 2 },
      { at: "2026-11-22T09:20:00Z", count: 3 },
      { at: "2026-11-22T10:00:00Z", count: 1 },
    ];
    const read = (here: { count: number }[]) => here.reduce((sum, each) => sum + each.count, 0);
    expect(valuesAt(steps, points, read)).toEqual([null, null, 5, null, null, null, 1]);
  });
});

it("takes the highest of what is known", () => {
  expect(highest([null, 3, 1])).toBe(3);
  expect(highest([null])).toBeNull();
});

it("says times, shares and errors as people do", () => {
  expect(msText(34.6)).toBe("35 ms");
  expect(msText(1240)).toBe("1.2 s");
  expect(msText(null)).toBe("–");
  expect(shareText(1, 8)).toBe("12.5 %");
  expect(shareText(0, 0)).toBe("–");
  expect(errorWords("timeout")).toBe("too late");
  expect(errorWords("brand_new")).toBe("brand new");
});

it("shows what was bought as a share of what was offered", () => {
  expect(boughtText({ bought: 12, offered: 150 })).toBe("12 (8 %)");
  expect(boughtText({ bought: 0, offered: 0 })).toBe("0");
});

it("draws only the fits that were measured, oldest first", () => {
  const tried = (number: number, next: object | null) =>
    ({ number, quality: next && { next, goes_with: {} } }) as Fit;
  const shown = measured([tried(3, { ours: { hit: 0.5 } }), tried(2, {}), tried(1, null)]);
  expect(shown.map(({ number }) => number)).toEqual([3]);
});

it("compares the newest fit with simpler ways and with the fit before it", () => {
  const tried = (hit: number) =>
    ({ quality: { next: { ours: { hit }, popular: { hit: 0.5 } }, goes_with: {} } }) as Fit;
  expect(barsOf([tried(0.9), tried(0.98)], NEXT)).toEqual([
    { name: "ours", percent: 98, before: 90, isOurs: true },
    { name: "what they bought most", percent: null, before: null, isOurs: false },
    { name: "what all buy", percent: 50, before: null, isOurs: false },
  ]);
  expect(barsOf([tried(0.9)], NEXT)[0]?.before).toBeNull();
});

it("lists the numbers behind an item one below another, without what is not known", () => {
  expect(figures({ score: 0.25, gap_days: null, item: { buyers: 11, name: "Hose" } })).toEqual([
    ["score", "0.25"],
    ["item: buyers", "11"],
    ["item: name", "Hose"],
  ]);
});
