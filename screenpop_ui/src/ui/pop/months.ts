/** Orders as sums by month, for drawing. Pure. */

import type { Purchases } from "../../api/contract";

const SHOWN = 24;

export interface MonthSums {
  /** Always 24, oldest first, in the main currency only; null = not known. */
  values: (number | null)[];
  /** The oldest month that is known. */
  firstYear: number;
  /** 0 = January. */
  firstMonth: number;
}

/**
 * The last 24 months. Where only the newest orders are listed, the months before the oldest of them
 * are not known, which is not the same as a month without orders.
 */
export function monthsOf(data: Purchases, now: Date): MonthSums {
  const last = now.getUTCFullYear() * 12 + now.getUTCMonth();
  const months = data.orders.map((order) => monthNumber(order.order_date));
  const listed = months.filter((month) => month !== null);
  const isAll = data.order_count === null || data.order_count <= data.orders.length;
  const oldest = listed.length > 0 ? Math.min(...listed) : last;
  const known = isAll ? SHOWN : Math.max(1, last - oldest + 1);
  const first = last - Math.min(SHOWN, known) + 1;
  const sums = new Array<number>(last - first + 1).fill(0);
  data.orders.forEach((order, index) => {
    const at = (months[index] ?? -1) - first;
    const isMain = order.currency === null || order.currency === data.currency;
    const sum = sums[at];
    if (sum !== undefined && isMain) sums[at] = sum + (Number(order.total_amount) || 0);
  });
  const values = [...new Array<null>(SHOWN - sums.length).fill(null), ...sums];
  return { values, firstYear: Math.floor(first / 12), firstMonth: first % 12 };
}

function monthNumber(date: string | null): number | null {
  const parts = date === null ? null : /^(\d{4})-(\d{2})/.exec(date);
  return parts ? Number(parts[1]) * 12 + Number(parts[2]) - 1 : null;
}
