/** The words of the outside contract (version 1): what the server sends, as the pages read it. */

export interface PhoneNumber {
  raw: string | null;
  e164: string | null;
  national: string | null;
  international: string | null;
  region: string | null;
  line_type: string | null;
  withheld: boolean;
}

export type CallState =
  | "incoming"
  | "queued"
  | "ringing"
  | "answered"
  | "held"
  | "ended"
  | "missed";

export interface Agent {
  user_id: string;
  name: string;
  extension: string | null;
}

export interface Call {
  call_id: string;
  phone_system: string;
  direction: "inbound" | "outbound" | "internal" | null;
  state: CallState;
  ani: PhoneNumber | null;
  dnis: string | null;
  cnam: string | null;
  queue: string | null;
  agent: Agent | null;
  extension: string | null;
  attestation: {
    level: "A" | "B" | "C" | null;
    verdict: "passed" | "failed" | "none" | null;
  } | null;
  collected: Record<string, unknown>;
  attached_data: Record<string, unknown>;
  started_at: string | null;
  ringing_at: string | null;
  answered_at: string | null;
  ended_at: string | null;
  ended_reason: string | null;
  parent_call_id: string | null;
}

export interface Candidate {
  customer_id: string;
  display_name: string | null;
  company_name: string | null;
  tier: string | null;
  level: "known" | "maybe";
  score: number;
  reasons: string[];
}

export interface Match {
  outcome: "none" | "single" | "multiple" | "withheld";
  shared_number: boolean;
  candidates: Candidate[];
  candidates_total: number;
}

export interface Customer {
  customer_id: string;
  display_name: string | null;
  company_name: string | null;
  tier: string | null;
  tags: string[];
  language: string | null;
  phone_numbers: { e164: string | null; raw: string; type: string | null; is_primary: boolean }[];
  email_addresses: string[];
  owner: { name: string | null; email: string | null } | null;
  links: {
    connector: string;
    remote_id: string;
    remote_url: string | null;
    name?: string | null;
  }[];
}

export type SectionStatus =
  | "loading"
  | "ok"
  | "empty"
  | "stale"
  | "partial"
  | "timeout"
  | "failed"
  | "not_configured"
  | "hidden";

export interface Source {
  connector: string;
  /** The name people gave the connector, where the server sends it. */
  name?: string | null;
  status: SectionStatus;
  remote_url: string | null;
  as_of: string | null;
  elapsed_ms: number | null;
  error: { code: string; text: string } | null;
}

export interface Conflict {
  field: string;
  values: { connector: string; value: unknown; as_of: string | null }[];
  chosen: unknown;
}

export interface Section<Data> {
  status: SectionStatus;
  data: Data | null;
  as_of: string | null;
  conflicts: Conflict[];
  sources: Source[];
}

/** Money is a decimal string; it is never turned into a float to be shown. */
export type Money = string;

export interface Invoice {
  number: string | null;
  issue_date: string | null;
  due_date: string | null;
  total_amount: Money | null;
  amount_due: Money;
  days_overdue: number | null;
}

export interface Aging {
  current: Money;
  days_1_30: Money;
  days_31_60: Money;
  days_61_90: Money;
  days_over_90: Money;
}

export interface Balance {
  currency: string;
  balance: Money;
  overdue_amount: Money | null;
  unapplied_credit: Money | null;
  oldest_due_date: string | null;
  aging: Aging | null;
  open_invoices: Invoice[];
  open_invoice_count?: number | null;
  payments: {
    transaction_date: string | null;
    total_amount: Money;
    payment_method: string | null;
  }[];
  other_currencies?: { currency: string; balance: Money; overdue_amount: Money | null }[];
}

export interface LineItem {
  item_id: string | null;
  sku: string | null;
  name: string | null;
  quantity: string | null;
  unit_price: Money | null;
  total_amount: Money | null;
}

export interface Order {
  order_number: string;
  order_date: string | null;
  status: string | null;
  total_amount: Money | null;
  currency: string | null;
  line_items: LineItem[];
}

export interface Purchases {
  currency: string | null;
  orders: Order[];
  order_count: number | null;
  lifetime_amount: Money | null;
  first_order_date: string | null;
}

export interface CreditTerms {
  currency: string | null;
  credit_limit: Money | null;
  credit_used: Money | null;
  credit_available: Money | null;
  exposure_includes_orders: boolean | null;
  payment_terms: string | null;
  days_until_due: number | null;
  on_hold: boolean | null;
  hold_reason: string | null;
  risk_rating: string | null;
}

export interface Suggestion {
  item_id: string;
  sku: string | null;
  name: string | null;
  score: number | null;
  reason: string | null;
  unit_price: Money | null;
  currency: string | null;
  inventory_quantity: string | null;
  connector?: string;
  remote_url?: string | null;
  /** It is there because everybody buys it. */
  popular?: boolean;
  above_credit?: boolean;
  answer?: SuggestionAnswer | null;
}

export interface SuggestionAnswer {
  answer: "accepted" | "declined" | "snoozed";
  by: string | null;
  at: string;
  until: string | null;
}

export interface Suggestions {
  next: Suggestion[];
  goes_with: Suggestion[];
  blocked?: "credit_hold" | null;
  popular?: boolean;
}

export interface FollowUp {
  due_on: string | null;
  text: string | null;
  /** True once the promise was kept; only in what was read, not in what is sent. */
  done?: boolean;
}

export interface Interaction {
  call_id: string;
  started_at: string | null;
  direction: Call["direction"];
  agent: { name: string | null } | string | null;
  disposition: string | null;
  note: string | null;
  sentiment: string | null;
  follow_up: FollowUp | null;
}

export interface Ticket {
  number: string;
  subject: string | null;
  status: string | null;
  priority: string | null;
  updated_at: string | null;
  url: string | null;
  source: string | null;
}

export interface Sections {
  balance?: Section<Balance>;
  purchases?: Section<Purchases>;
  credit_terms?: Section<CreditTerms>;
  suggestions?: Section<Suggestions>;
  interactions?: Section<Interaction[]>;
  tickets?: Section<Ticket[]>;
}

export interface Alert {
  level: "info" | "warning" | "critical";
  code: string;
  text: string;
}

/** What is known about a caller: the pop without its call. */
export interface Profile {
  match: Match;
  customer: Customer | null;
  sections: Sections;
  alerts: Alert[];
}

export interface Pop extends Profile {
  call: Call;
  version: number;
  timing: Record<string, unknown> | null;
  /** The order of the blocks, by section, as an administrator set it for the queue; null: the usual. */
  blocks?: string[] | null;
}

/** A pop has no `call_id` of its own beside its call's. */
export const callIdOf = (pop: Pop): string => pop.call.call_id;
