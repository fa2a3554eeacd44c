/** The calls about suggestions: fits, what came of them, and why a customer gets what. */

import { get, part, post, query } from "../api";

export interface Ranking {
  recall: number;
  ndcg: number;
  hit: number;
}

export interface Quality {
  customers: number;
  baskets: number;
  at: number;
  next: Partial<Record<"ours" | "personal" | "popular", Ranking>>;
  goes_with: Record<string, { hit: number }>;
}

export interface Fit {
  number: number;
  state: "live" | "former" | "failed";
  started_at: string;
  finished_at: string;
  lines: number;
  customers: number;
  items: number;
  error: string | null;
  quality: Quality | null;
}

export interface Running {
  running: boolean;
  step: string | null;
  share: number | null;
}

export interface Came {
  list: "next" | "goes_with";
  offered: number;
  accepted: number;
  declined: number;
  snoozed: number;
  bought: number;
}

export interface Report {
  since: string;
  bought_within_days: number;
  lists: Came[];
}

export interface Item {
  connector: string;
  item_id: string;
  name: string | null;
  reason?: string | null;
  numbers: Record<string, unknown>;
}

export interface LeftOut {
  list: string;
  connector: string;
  item_id: string;
  name: string;
  text: string;
}

export interface Explained {
  customer_id: string;
  display_name: string;
  fit: number | null;
  history: {
    baskets: number;
    items: number;
    first_day: string | null;
    last_day: string | null;
  } | null;
  blocked: unknown;
  next: Item[];
  goes_with: Item[];
  left_out: LeftOut[];
}

export interface FoundCustomer {
  customer_id: string;
  display_name: string;
  company_name: string | null;
}

export const suggestions = {
  fits: () => get<{ fits: Fit[] }>("suggestions/fits").then(({ fits }) => fits),
  running: () => get<Running>("suggestions/fits/running"),
  start: () => post<{ started: boolean }>("suggestions/fits"),
  use: (number: number) => post<void>(`suggestions/fits/${number}/use`),
  report: (days: number) => get<Report>(`suggestions/report${query({ days })}`),
  find: (q: string) =>
    get<{ customers: FoundCustomer[] }>(`customers${query({ q, limit: 8 })}`).then(
      ({ customers }) => customers,
    ),
  explain: (id: string) => get<Explained>(`customers/${part(id)}/suggestions/explain`),
};
