/** Amounts, dates and durations as text in the browser's locale. Pure, apart from the locale. */

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** A decimal string with the currency's digits, never through a float: "786.00", "-1,240.00". */
export function amountText(amount: string, currency: string | null, locale?: string): string {
  if (!DECIMAL.test(amount)) return amount;
  const written = amount.split(".")[1]?.length ?? 0;
  const digits = Math.min(20, Math.max(currencyDigits(currency), significant(amount, written)));
  const format = new Intl.NumberFormat(locale, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  // The text form is exact for any length; TypeScript's own type for it is `${number}`.
  return format.format(amount as `${number}`).replace(/^-/, "−");
}

/** "786.00 EUR". */
export function moneyText(amount: string, currency: string | null, locale?: string): string {
  const text = amountText(amount, currency, locale);
  return currency ? `${text} ${currency}` : text;
}

function significant(amount: string, written: number): number {
  return written === 0 ? 0 : (amount.split(".")[1]?.replace(/0+$/, "").length ?? 0);
}

function currencyDigits(currency: string | null): number {
  if (!currency) return 2;
  try {
    const format = new Intl.NumberFormat("en", { style: "currency", currency });
    return format.resolvedOptions().maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

export const isNegative = (amount: string): boolean => /^-0*[.\d]*[1-9]/.test(amount);
export const isZero = (amount: string): boolean => /^-?[0.]+$/.test(amount);
export const isPositive = (amount: string): boolean => !isZero(amount) && !amount.startsWith("-");
export const withoutSign = (amount: string): string => amount.replace(/^-/, "");

/** `part` of `whole` as 0..1 for drawing (not for showing); 0 when it cannot be told. */
export function share(part: string | null, whole: number): number {
  const value = Number(part ?? 0);
  return whole > 0 && Number.isFinite(value) ? Math.min(1, Math.max(0, value / whole)) : 0;
}

/** A count or a quantity: "1,204". */
export function numberText(value: string | number, locale?: string): string {
  if (typeof value === "string" && !DECIMAL.test(value)) return value;
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 6 });
  return format.format(value as `${number}` | number);
}

/** A date (`YYYY-MM-DD`) or an instant as "12 Nov", with the year when it is another one. */
export function dayText(value: string, now: number, locale?: string): string {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(value);
  const time = Date.parse(isDate ? `${value}T00:00:00Z` : value);
  if (Number.isNaN(time)) return value;
  const zone = isDate ? { timeZone: "UTC" } : {};
  const isThisYear = new Date(time).getUTCFullYear() === new Date(now).getUTCFullYear();
  return new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
    ...zone,
  }).format(time);
}

/** An instant as "10:02" in the agent's own time. */
export function timeText(value: string, locale?: string): string {
  const time = Date.parse(value);
  if (Number.isNaN(time)) return value;
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(time);
}

/** An instant as "Sun 10:02" in the agent's own time. */
export function weekdayTimeText(value: string, locale?: string): string {
  const time = Date.parse(value);
  if (Number.isNaN(time)) return value;
  return new Intl.DateTimeFormat(locale, {
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  }).format(time);
}

/** "Nov 2026" for the first day of a month. */
export function monthText(year: number, month: number, locale?: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  });
  return format.format(Date.UTC(year, month, 1));
}

/** How long ago, or null within the last ten seconds: "40 s", "2 min", "3 h", "5 days". */
export function ageText(asOf: string, now: number): string | null {
  const seconds = Math.floor((now - Date.parse(asOf)) / 1000);
  if (!(seconds >= 10)) return null;
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} days`;
}

/** A running time: "0:04", "12:30", "1:02:03". */
export function timerText(sinceIso: string, until: number): string {
  const seconds = Math.max(0, Math.floor((until - Date.parse(sinceIso)) / 1000));
  if (Number.isNaN(seconds)) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${numberText(count)} ${count === 1 ? one : many}`;

/** An address that may be opened: https only, since sources can write anything here. */
export function safeLink(address: string | null | undefined): string | null {
  if (!address) return null;
  try {
    const url = new URL(address);
    return url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
