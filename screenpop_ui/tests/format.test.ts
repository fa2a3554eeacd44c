import { describe, expect, it } from "vitest";
import {
  ageText,
  amountText,
  dayText,
  isNegative,
  isPositive,
  moneyText,
  safeLink,
  timerText,
} from "../src/ui/format";

const NOW = Date.parse("2026-11-21T10:00:00Z");

describe("an amount", () => {
  it.each([
    ["786.00", "EUR", "786.00"],
    ["4218366.75", "EUR", "4,218,366.75"],
    ["-1240500.5", "EUR", "−1,240,500.50"],
    ["98250000", "JPY", "98,250,000"],
    ["98250000.00", "JPY", "98,250,000"],
    ["1.234", "KWD", "1.234"],
    ["0.0055", "EUR", "0.0055"],
    ["12345678901234567890.12", "EUR", "12,345,678,901,234,567,890.12"],
    ["5", "not a currency", "5.00"],
  ])("%s %s is written %s, exactly", (amount, currency, text) => {
    expect(amountText(amount, currency, "en-GB")).toBe(text);
  });

  it("follows the agent's locale", () => {
    expect(moneyText("1240.50", "EUR", "de-DE")).toBe("1.240,50 EUR");
  });

  it("that is not a number is shown as the source wrote it", () => {
    expect(amountText("<b>12</b>", "EUR", "en-GB")).toBe("<b>12</b>");
  });

  it("knows its sign, and that zero has none", () => {
    expect([isNegative("-0.01"), isNegative("-0.00"), isNegative("5")]).toEqual([
      true,
      false,
      false,
    ]);
    expect([isPositive("0.01"), isPositive("0.00"), isPositive("-5")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("an age", () => {
  it.each([
    ["2026-11-21T09:59:55Z", null],
    ["2026-11-21T09:59:20Z", "40 s"],
    ["2026-11-21T09:58:00Z", "2 min"],
    ["2026-11-21T08:00:00Z", "2 h"],
    ["2026-11-20T07:00:00Z", "27 h"],
    ["2026-11-16T07:00:00Z", "5 days"],
  ])("of %s is %s", (asOf, text) => {
    expect(ageText(asOf, NOW)).toBe(text);
  });
});

describe("a day", () => {
  it("is the same day everywhere, with its year only when it is another one", () => {
    expect(dayText("2026-10-12", NOW, "en-GB")).toBe("12 Oct");
    expect(dayText("2025-02-01", NOW, "en-GB")).toBe("1 Feb 2025");
  });
});

describe("a timer", () => {
  it("counts minutes, and hours when there are any", () => {
    expect(timerText("2026-11-21T09:59:56Z", NOW)).toBe("0:04");
    expect(timerText("2026-11-21T08:57:57Z", NOW)).toBe("1:02:03");
  });

  it("does not run backwards when clocks differ", () => {
    expect(timerText("2026-11-21T10:00:05Z", NOW)).toBe("0:00");
  });
});

describe("a link", () => {
  it.each(["javascript:alert(1)", "data:text/html,x", "http://plain.example/", "//x", "", null])(
    "to %s is not opened",
    (address) => {
      expect(safeLink(address)).toBeNull();
    },
  );

  it("to an https address is", () => {
    expect(safeLink("https://ledger.example/c?id=1")).toBe("https://ledger.example/c?id=1");
  });
});
