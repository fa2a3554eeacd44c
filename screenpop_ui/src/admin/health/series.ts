/** From the server's points, which leave out silent spans, to the even steps of a chart. Pure. */

import { dayText, timeText, weekdayTimeText } from "../../ui/format";

export interface Steps {
  starts: number[];
  labels: string[];
}

/** The starts of all spans of the last hours; spans start at multiples of their length since 1970. */
export function stepsOf(asOf: string, hours: number, stepMinutes: number, locale?: string): Steps {
  const step = stepMinutes * 60_000;
  const now = Date.parse(asOf);
  const starts: number[] = [];
  for (let at = Math.ceil((now - hours * 3_600_000) / step) * step; at <= now; at += step) {
    starts.push(at);
  }
  const days = new Set(starts.map((at) => new Date(at).toDateString()));
  const labels = starts.map((at) => {
    const iso = new Date(at).toISOString();
    if (hours > 24) return `${dayText(iso, now, locale)} ${timeText(iso, locale)}`;
    return days.size > 1 ? weekdayTimeText(iso, locale) : timeText(iso, locale);
  });
  return { starts, labels };
}

/** One value for each step: what the points of the step come to, null for a silent one. */
export function valuesAt<Point extends { at: string }>(
  { starts }: Steps,
  points: readonly Point[],
  read: (points: Point[]) => number | null,
): (number | null)[] {
  const byStart = new Map<number, Point[]>();
  for (const point of points) {
    const at = Date.parse(point.at);
    byStart.set(at, [...(byStart.get(at) ?? []), point]);
  }
  return starts.map((at) => {
    const here = byStart.get(at);
    return here ? read(here) : null;
  });
}

/** The highest of what is known; null when nothing is. */
export function highest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

export const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);
