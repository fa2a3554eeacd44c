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

export interface Proposals {
  proposals: Proposal[];
  next: string | null;
  open: number;
  looked_at: string | null;
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
}

const aside = (kind: string) => `customers/quality/${part(kind)}/aside`;
const recordOf = ({ connector, remote_id }: Issue) => ({ connector, remote_id });

export const mending = {
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
  aside: () => get<{ items: Issue[] }>("customers/quality/aside").then(({ items }) => items),
};
