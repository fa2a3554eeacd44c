/** The calls about likely duplicates and about what is wrong in the sources' records. */

import { get, part, post, query } from "../api";

export interface SourceRecord {
  connector: string;
  remote_id: string;
  display_name: string;
  company_name?: string;
  external_id?: string;
  tax_number?: string;
  postal_address?: string;
  tier?: string;
  updated_at?: string;
  email_addresses?: string[];
  phone_numbers?: { raw: string; e164: string | null }[];
}

export interface Side {
  customer_id: string;
  display_name?: string;
  records: SourceRecord[];
}

export interface Proposal {
  proposal_id: number;
  score: number;
  reasons: string[];
  left: Side;
  right: Side;
}

/** How the look through all customers stands; `read`: how many so far, null while none goes on. */
export interface Scan {
  running: boolean;
  read: number | null;
  looked_at: string | null;
  /** Null before the first one. */
  next_at: string | null;
  any_customer: boolean;
}

export interface Proposals {
  proposals: Proposal[];
  next: string | null;
  open: number;
  looked_at: string | null;
  /** The connectors' names by their slugs. */
  names: Readonly<Record<string, string>>;
}

export interface Decided {
  proposal_id: number;
  decision: "same" | "different";
  left: { customer_id: string; display_name: string | null };
  right: { customer_id: string; display_name: string | null };
  decided_at: string;
  decided_by: string | null;
}

export interface Issue {
  connector: string;
  kind: string;
  remote_id: string;
  customer_id: string | null;
  display_name: string;
  text: string;
}

export interface IssueCount {
  connector: string;
  kind: string;
  count: number;
}

export interface Issues {
  issues: Issue[];
  next: string | null;
  counts: IssueCount[];
  looked_at: string | null;
  /** The connectors' names by their slugs. */
  names: Readonly<Record<string, string>>;
}

/** A record of a customer, and why it is its. */
export interface Linked extends SourceRecord {
  connector_name: string;
  link: { reasons: string[]; since: string | null; made_by: "rule" | "user" };
}

/** What was joined, and parted again; `kept_apart`: a record was taken out, and no rule joins it. */
export interface Merge {
  merge_id: number;
  survivor_id: string;
  gone_id: string;
  gone_name: string | null;
  made_by: "rule" | "user";
  user: { name: string | null };
  reasons: string[];
  merged_at: string;
  undone_at: string | null;
  undone_by: { name: string | null } | null;
  kept_apart: boolean;
}

export interface OneCustomer {
  customer_id: string;
  display_name: string;
  records: Linked[];
  merges: Merge[];
}

export interface FoundCustomer {
  customer_id: string;
  display_name: string;
  links: { connector: string }[];
}

const aside = (kind: string) => `customers/quality/${part(kind)}/aside`;
const recordOf = ({ connector, remote_id }: Issue) => ({ connector, remote_id });

export const mending = {
  scan: () => get<Scan>("customers/scan"),
  beginScan: () => post<unknown>("customers/scan"),
  duplicates: (q: string, after: string | null) =>
    get<Proposals>(`customers/duplicates${query({ q, after, limit: 20 })}`),
  decide: (id: number, decision: "same" | "different", survivor_id: string | null) =>
    post<unknown>(`customers/duplicates/${id}`, { decision, survivor_id }),
  undo: (id: number) => post<unknown>(`customers/duplicates/${id}/undo`),
  decided: () =>
    get<{ items: Decided[] }>("customers/duplicates/decided").then(({ items }) => items),
  issues: (kind: string, connector: string | null, q: string, after: string | null) =>
    get<Issues>(`customers/quality${query({ kind, connector, q, after, limit: 50 })}`),
  setAside: (issue: Issue) => post<void>(aside(issue.kind), recordOf(issue)),
  takeUp: (issue: Issue) => post<void>(`${aside(issue.kind)}/undo`, recordOf(issue)),
  find: (q: string) =>
    get<{ customers: FoundCustomer[] }>(`customers${query({ q, limit: 20 })}`).then(
      ({ customers }) => customers,
    ),
  customer: (id: string) => get<OneCustomer>(`customers/${part(id)}`),
  takeOut: (id: string, { connector, remote_id }: Linked, reason: string) =>
    post<{ calls: number; calls_kept: number }>(`customers/${part(id)}/take-out`, {
      connector,
      remote_id,
      reason: reason || null,
    }),
  putBack: (id: number) => post<{ joined: boolean }>(`customers/partings/${id}/undo`),
  undoMerge: (id: number) => post<unknown>(`customers/merges/${id}/undo`),
  aside: () => get<{ items: Issue[] }>("customers/quality/aside").then(({ items }) => items),
};
