/** What a data source is to be called, how it stands, and what of it is mapped. Pure. */

import { isFoldable, resolved, type Schema, type Values } from "../../forms/schema";
import { plural } from "../../ui/format";
import type { IconName } from "../../ui/icon";
import type { Fields, Source, SourceKind, Sync, Version } from "./api";

export interface State {
  tone: "good" | "warn" | "bad" | "quiet";
  icon: IconName;
  text: string;
}

/** How a live source stands, the worst first. */
export function stateOf(source: Source): State {
  if (!source.enabled) return { tone: "quiet", icon: "lock", text: "switched off" };
  if (source.fault) return { tone: "bad", icon: "warn", text: "does not work" };
  if (source.authorisation?.state === "missing")
    return { tone: "bad", icon: "warn", text: "not connected yet" };
  if (source.authorisation?.state === "auth_expired")
    return { tone: "bad", icon: "warn", text: "connect it again" };
  if (source.breaker === "open")
    return { tone: "bad", icon: "cross", text: "does not answer, left alone for a while" };
  if (source.breaker === "half_open")
    return { tone: "warn", icon: "half", text: "did not answer, tried again" };
  if (Object.values(source.sync).some((sync) => sync.error))
    return { tone: "warn", icon: "warn", text: "the last sync failed" };
  return { tone: "good", icon: "check", text: "live" };
}

const BRINGS: Readonly<Record<string, string>> = {
  contacts: "customers and their numbers",
  find: "search by number",
  balance: "what is owed",
  purchases: "orders",
  credit_terms: "credit terms",
  tickets: "cases",
  history: "purchase history for suggestions",
  catalogue: "catalogue",
};

export const bringsWords = (names: readonly string[]): string =>
  names.map((name) => BRINGS[name] ?? name.replaceAll("_", " ")).join(", ");

const SECTIONS: Readonly<Record<string, string>> = {
  balance: "Owes",
  purchases: "Bought",
  credit_terms: "Credit",
  tickets: "Cases",
  contacts: "Customers",
  contact: "Customer",
  history: "Purchase history",
  catalogue: "Catalogue",
};

export const partWords = (name: string): string => SECTIONS[name] ?? name.replaceAll("_", " ");

/** How far a sync is, or how it went. */
export function syncWords(sync: Sync | null, isRunning: boolean): string {
  if (!sync) return isRunning ? "waiting" : "never read";
  const isUnderWay = sync.started_at !== null && sync.finished_at === null && !sync.error;
  if (isRunning && isUnderWay) {
    const of = sync.total ? ` of ${sync.total}` : "";
    return `reading: ${sync.records}${of}`;
  }
  if (sync.error) return sync.error;
  const rejected =
    sync.rejected_count > 0 ? `, ${plural(sync.rejected_count, "row")} of no use` : "";
  return `${plural(sync.kept, "record")} known${rejected}`;
}

const OPERATIONS = /^#\/\$defs\/(Orders)?Operation$/;

/** The settings that are mapped in step 2, not filled in step 1. */
export function mappedNames(kind: string, schema: Schema | null): string[] {
  if (kind === "sql") return ["queries"];
  if (kind === "table") return ["columns"];
  if (kind !== "rest") return [];
  return Object.entries(schema?.properties ?? {})
    .filter(([, field]) => OPERATIONS.test(field.$ref ?? ""))
    .map(([name]) => name);
}

/** Whether nothing of a source that is mapped by hand is mapped yet. */
export function isUnmapped(kind: SourceKind, settings: Values): boolean {
  const names = mappedNames(kind.kind, kind.settings_schema);
  return names.length > 0 && names.every((name) => isFoldable(settings[name]));
}

/** Whether a person has to say yes at the vendor, as the settings stand. */
export const asksAPerson = (kind: SourceKind, settings: Values): boolean =>
  kind.redirect_uri !== null &&
  (kind.kind !== "rest" || asValues(settings.auth).kind === "oauth_code");

/** A schema without some of its settings, or with only them. */
export function narrowed(schema: Schema, names: readonly string[], isOnly: boolean): Schema {
  const kept = Object.entries(schema.properties ?? {}).filter(
    ([name]) => names.includes(name) === isOnly,
  );
  return { ...schema, properties: Object.fromEntries(kept) };
}

/** The schema of one setting that is a group, with what it refers to. */
export function groupOf(schema: Schema, name: string): Schema {
  const defs = schema.$defs ?? {};
  return { ...resolved(schema.properties?.[name] ?? {}, defs), $defs: defs };
}

export const asValues = (value: unknown): Values =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};

export const asText = (value: unknown): string =>
  value === undefined || value === null ? "" : String(value);

/** What a new source begins with: its kind's required groups, or a preset. */
export function newFields(kind: SourceKind, presetName: string | null): Fields {
  const preset = kind.presets.find((each) => each.name === presetName);
  const settings: Record<string, unknown> = { ...(preset?.settings ?? {}) };
  for (const name of mappedNames(kind.kind, kind.settings_schema)) {
    if (name === "queries" || name === "columns") settings[name] ??= {};
  }
  return {
    kind: kind.kind,
    name: preset?.title ?? null,
    settings,
    region: null,
    timeout_ms: 1500,
    cache_s: {},
    priority: 0,
    enabled: true,
  };
}

export const fieldsOfVersion = (version: Version): Fields => ({
  ...version.fields,
  settings: version.fields.settings ?? {},
});

export interface Difference {
  name: string;
  live: string;
  draft: string;
}

/** In what two versions differ, down to single settings. Secrets read "set" on both sides. */
export function differences(
  live: Fields | null,
  draft: Fields,
  changed: readonly string[] = [],
): Difference[] {
  const before = flat(live ?? {});
  const after = flat(draft);
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const found = names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => ({ name, live: before.get(name) ?? "", draft: after.get(name) ?? "" }));
  // The server compares what is never sent: a secret that was replaced.
  for (const name of changed) {
    const isSeen = found.some((each) => each.name === name || each.name.startsWith(`${name}.`));
    if (!isSeen && live) found.push({ name, live: "kept secret", draft: "another secret" });
  }
  return found;
}

function flat(value: unknown, path = "", found = new Map<string, string>()): Map<string, string> {
  const isGroup = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isGroup) {
    for (const [name, each] of Object.entries(value)) {
      flat(each, path ? `${path}.${name}` : name, found);
    }
  } else if (value !== undefined && value !== null && value !== "") {
    found.set(path, typeof value === "string" ? value : JSON.stringify(value));
  }
  return found;
}

/** A field inside a list of the record: `lines[0].sku` is the `sku` of its `lines`. */
const IN_LINES = /^([^[\]]+)\[0\]\.([^[\]]+)$/;

/** Which of our names a field of the answer has in an operation, "" when none. */
export function oursOf(operation: Values, theirs: string): string {
  const named = (fields: unknown, name: string) =>
    Object.entries(asValues(fields)).find(([, at]) => at === name)?.[0];
  const [, list, inside] = theirs.match(IN_LINES) ?? [];
  const ofLine =
    list !== undefined && operation.lines === list
      ? named(operation.line_fields, inside ?? "")
      : undefined;
  return ofLine ?? named(operation.fields, theirs) ?? "";
}

/** An operation with a field of the answer under another of our names; "": it is not used.
 *
 * Where the operation knows lines, a field of a list inside the record is one of theirs.
 */
export function withField(
  operation: Values,
  theirs: string,
  our: string,
  knowsLines: boolean,
): Values {
  const [, list, inside] = (knowsLines && theirs.match(IN_LINES)) || [];
  const key = list === undefined ? "fields" : "line_fields";
  const at = inside ?? theirs;
  // The lines are those of one list: fields of another no longer hold.
  const before = list !== undefined && operation.lines !== list ? {} : asValues(operation[key]);
  const rest = Object.entries(before).filter(([name, value]) => value !== at && name !== our);
  const fields = Object.fromEntries(our ? [...rest, [our, at]] : rest);
  return { ...operation, ...(list === undefined ? {} : { lines: list }), [key]: fields };
}

/** A query for a table, with its columns under our names where they are known. */
export function queryFor(
  table: string,
  columns: readonly { name: string; ours: string }[],
  name: string,
): string {
  const plain = /^[a-z_][a-z0-9_]*$/;
  const quoted = (text: string) => (plain.test(text) ? text : `"${text.replaceAll('"', '""')}"`);
  const isAll = name === "contacts" || name === "history" || name === "catalogue";
  // Of one customer: whose it is stands in the condition.
  const isAsked = (ours: string) =>
    ours !== "" && (isAll || name === "find" || ours !== "remote_id");
  const chosen = columns.filter((column) => isAsked(column.ours));
  const listed = (chosen.length > 0 ? chosen : columns).map((column) =>
    column.ours && column.ours !== column.name
      ? `${quoted(column.name)} AS ${column.ours}`
      : quoted(column.name),
  );
  const from = table.split(".").map(quoted).join(".");
  const id = columns.find((column) => column.ours === "remote_id")?.name ?? "customer_id";
  const order = { contacts: "remote_id", history: "order_number", catalogue: "item_id" }[name];
  if (name === "find") return `SELECT ${listed.join(", ")}\nFROM ${from}\nWHERE phone = :national`;
  const tail = isAll ? `ORDER BY ${order}` : `WHERE ${quoted(id)} = :remote_id`;
  return `SELECT ${listed.join(", ")}\nFROM ${from}\n${tail}`;
}

/** The names of a query's parameters (`:remote_id`) or an operation's placeholders (`{remote_id}`). */
export function parametersOf(text: string): string[] {
  const found = text.matchAll(/(?<![:\w]):([a-z][a-z0-9_]*)|\{([a-z][a-z0-9_]*)\}/g);
  return [...new Set([...found].map((each) => each[1] ?? each[2] ?? ""))].filter(
    (name) => name !== "since",
  );
}
