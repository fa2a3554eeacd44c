/** The rules of the pop, and trying them on a recent call. */

import type { CallRecord } from "../../api/client";
import { get, patch, post } from "../api";

export interface Conditions {
  tier?: string[];
  tags?: string[];
  overdue_over?: string | null;
  lifetime_over?: string | null;
  open_complaint?: boolean | null;
  on_hold?: boolean | null;
}

export interface Priority {
  name: string;
  level: number;
  queue?: string | null;
  when?: Conditions;
}

export interface AlertRules {
  off?: string[];
  overdue_over?: string | null;
  overdue_days?: number | string | null;
  over_limit_over?: string | null;
}

export interface Layout {
  queue?: string | null;
  order?: string[];
  hidden?: string[];
}

export interface RuleSet {
  priorities: Priority[];
  alerts: AlertRules;
  dispositions: string[];
  pop_layout: Layout[];
}

export interface Rules extends RuleSet {
  usual_dispositions: string[];
  queues: string[];
  version: number;
}

export interface Seen {
  priority: { level: number; name: string; queue: string | null } | null;
  alerts: { level: string; code: string; text: string }[];
  held_back: { level: string; code: string; text: string }[];
  blocks: { name: string; hidden: boolean; status: string }[];
}

export interface Preview {
  customer: string | null;
  now: Seen;
  then: Seen;
}

export const rulesApi = {
  read: () => get<Rules>("rules"),
  save: (changes: Partial<RuleSet>, version: number) => patch<Rules>("rules", changes, version),
  calls: () => get<{ items: CallRecord[] }>("rules/calls").then(({ items }) => items),
  preview: (callId: string, rules: RuleSet) =>
    post<Preview>("rules/preview", { call_id: callId, ...rules }),
};

export const BLOCKS: Readonly<Record<string, string>> = {
  balance: "Owes",
  credit_terms: "Credit",
  interactions: "Last time and earlier calls",
  purchases: "Bought",
  suggestions: "Will likely want",
  tickets: "Cases",
};

export const ALERTS: Readonly<Record<string, string>> = {
  credit_hold: "On credit hold",
  over_limit: "Over the credit limit",
  overdue: "Money overdue",
  open_complaint: "The last call was a complaint",
  follow_up_due: "A promise is due",
  low_attestation: "The number may not be the caller's own",
  vip: "VIP customer",
  priority: "Level of service",
};

/** The blocks of a layout in their order, unnamed ones last. */
export function orderOf(layout: Layout): string[] {
  const named = layout.order ?? [];
  return [...named, ...Object.keys(BLOCKS).filter((name) => !named.includes(name))];
}

/** The order with the block moved by a place; past the ends nothing moves. */
export function moved<Item>(items: readonly Item[], place: number, by: -1 | 1): Item[] {
  const to = place + by;
  if (to < 0 || to >= items.length) return [...items];
  const next = [...items];
  const [item] = next.splice(place, 1);
  next.splice(to, 0, item as Item);
  return next;
}
