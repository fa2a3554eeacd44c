/** Two customers' facts, line by line, with what both have. Pure. */

import type { Side, SourceRecord } from "./api";

export interface Fact {
  title: string;
  left: string[];
  right: string[];
  /** What both sides have, in the form in which it is compared. */
  shared: ReadonlySet<string>;
}

type Names = Readonly<Record<string, string>>;
type Read = (record: SourceRecord, names: Names) => readonly (string | undefined)[];

const FACTS: readonly [string, Read][] = [
  ["Name", (r) => [r.display_name]],
  ["Company", (r) => [r.company_name]],
  ["Numbers", (r) => (r.phone_numbers ?? []).map((phone) => phone.e164 ?? phone.raw)],
  ["E-mail", (r) => r.email_addresses ?? []],
  ["Address", (r) => [r.postal_address]],
  ["Account number", (r) => [r.external_id]],
  ["Tax number", (r) => [r.tax_number]],
  ["Level", (r) => [r.tier]],
  ["In", (r, names) => [`${names[r.connector] ?? r.connector} ${r.remote_id}`]],
];

/** Spaces and case make no difference. */
export const plain = (value: string): string => value.trim().replace(/\s+/g, " ").toLowerCase();

/** The facts that at least one side has; `names`: the connectors' names by their slugs. */
export function compared(left: Side, right: Side, names: Names = {}): Fact[] {
  const facts: Fact[] = [];
  for (const [title, read] of FACTS) {
    const of = (side: Side) => distinct(side.records.flatMap((record) => read(record, names)));
    const ours = of(left);
    const theirs = of(right);
    if (ours.length === 0 && theirs.length === 0) continue;
    const known = new Set(theirs.map(plain));
    const shared = new Set(ours.map(plain).filter((value) => known.has(value)));
    facts.push({ title, left: ours, right: theirs, shared });
  }
  return facts;
}

function distinct(values: readonly (string | undefined)[]): string[] {
  const found = new Map<string, string>();
  for (const value of values) {
    if (value && !found.has(plain(value))) found.set(plain(value), value);
  }
  return [...found.values()];
}
