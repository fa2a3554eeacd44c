/** From the server's points, which leave out silent spans, to the even steps of a chart. Pure. */

import { dayText, timeText, weekdayTimeText } from "../../ui/format";

export interface Steps {
  starts: number[];
  labels: string[];
}

const A_DAY_AND_A_STEP = 25 * 3_600_000;

/** The starts of all spans from `since`, where one starts, up to now. */
export function stepsOf(since: string, asOf: string, stepMinutes: number, locale?: string): Steps {
  const now = Date.parse(asOf);
  const first = Date.parse(since);
  const starts: number[] = [];
  for (let at = first; at <= now; at += stepMinutes * 60_000) {
    starts.push(at);
  }
  const days = new Set(starts.map((at) => new Date(at).toDateString()));
  const labels = starts.map((at) => {
    const iso = new Date(at).toISOString();
    if (now - first > A_DAY_AND_A_STEP)
      return `${dayText(iso, now, locale)} ${timeText(iso, locale)}`;
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
