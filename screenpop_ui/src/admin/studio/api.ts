/** The calls about data sources (connectors). */

import { ApiError, base, problem } from "../../api/client";
import type { Profile, Section } from "../../api/contract";
import type { Schema, Values } from "../../forms/schema";
import { type FieldError, get, part, post, put, query, remove } from "../api";

export interface Preset {
  name: string;
  title: string;
  summary: string;
  needs: Record<string, string>;
  settings: Values;
}

export interface SourceKind {
  kind: string;
  title: string;
  summary: string;
  settings_schema: Schema | null;
  brings: string[] | null;
  needs: string[];
  presets: Preset[];
  /** What to register with the vendor, where a person may have to say yes there. */
  redirect_uri: string | null;
  broken: string | null;
}

export interface Sync {
  started_at: string | null;
  finished_at: string | null;
  full_at: string | null;
  records: number;
  numbers: number;
  total: number | null;
  kept: number;
  rejected: { where: string; why: string }[] | [string, string][];
  rejected_count: number;
  error: string | null;
}

export interface Grant {
  state: "connected" | "missing" | "auth_expired";
  text: string;
  connected_at: string | null;
  connected_by: string | null;
  expires_at: string | null;
  redirect_uri?: string;
}

export interface Source {
  slug: string;
  kind: string;
  name: string | null;
  settings: Values | null;
  region: string | null;
  timeout_ms: number;
  cache_s: Record<string, number>;
  priority: number;
  enabled: boolean;
  version: number | null;
  has_draft: boolean;
  provides: string[];
  fault: string | null;
  breaker: "closed" | "open" | "half_open" | null;
  sync: Record<string, Sync>;
  authorisation: Grant | null;
  updated_at: string;
}

/** What is saved of a source, live or draft. */
export interface Fields {
  kind: string;
  name: string | null;
  settings: Values;
  region: string | null;
  timeout_ms: number;
  cache_s: Record<string, number>;
  priority: number;
  enabled: boolean;
}

export interface Version {
  number: number;
  state: "draft" | "live" | "past" | "removed";
  author: string;
  note: string | null;
  created_at: string;
  published_at: string | null;
  changed: string[];
  fields: Omit<Fields, "settings"> & { settings: Values | null };
  faults: FieldError[];
}

export interface Checked {
  status: string;
  text: string;
  proved: string[];
  elapsed_ms: number;
}

export interface Traced {
  asked: string;
  said: string;
  elapsed_ms: number;
  values: Record<string, unknown>;
  content: unknown;
  cut: boolean;
}

export interface Trial {
  fault: string | null;
  contacts: Record<string, unknown>[];
  contacts_error: string | null;
  contacts_ms: number | null;
  remote_id: string | null;
  sections: { [Name in keyof Profile["sections"]]: Profile["sections"][Name] } & Record<
    string,
    Section<unknown> | undefined
  >;
  trace: Traced[];
}

export interface Tried {
  draft: Trial;
  live: Trial | null;
}

export interface SeenColumn {
  name: string;
  type: string;
  sample: string;
  ours: string;
  is_offered: boolean;
}

export interface Look {
  ours: string[];
  tables: { name: string; columns: SeenColumn[] }[];
  columns: SeenColumn[];
  rows: Record<string, unknown>[];
  plan: string[];
  lists: Record<string, SeenColumn[]>;
  content: unknown;
  facts: Record<string, unknown>;
  missing: string | null;
  rejected: [string, string][];
  rejected_count: number;
  cut: boolean;
}

export interface Wanted {
  kind: string;
  settings: Values;
  region: string | null;
  name?: string;
  table?: string;
  values?: Record<string, string>;
}

export interface Check {
  phone: string | null;
  remote_id: string | null;
  section: string;
  field: string;
  expected: string | null;
  note: string | null;
}

export interface CheckRun {
  at: string;
  occasion: string;
  tried: string;
  passed: number;
  total: number;
  results: { position: number; passed: boolean; found: string | null; why: string | null }[];
}

export interface Checks {
  checks: Check[];
  runs: CheckRun[];
  version: number;
}

export interface Uploaded {
  path: string;
  name: string;
  bytes: number;
}

const of = (slug: string) => `connectors/${part(slug)}`;

export const sources = {
  kinds: () => get<{ items: SourceKind[] }>("connector-kinds").then(({ items }) => items),
  list: () => get<{ items: Source[] }>("connectors").then(({ items }) => items),
  drafts: () => get<{ items: Unpublished[] }>("connector-drafts").then(({ items }) => items),
  read: (slug: string) => get<Source>(of(slug)),
  versions: (slug: string) =>
    get<{ items: Version[] }>(`${of(slug)}/versions`).then(({ items }) => items),
  remove: (slug: string) => remove(of(slug)),
  /** `seen` is when the draft that was looked at was saved; null: there was none. */
  saveDraft: (
    slug: string,
    fields: Fields,
    note: string | null,
    live: number,
    seen: string | null,
  ) =>
    put<Version>(`${of(slug)}/draft${query({ seen: seen ?? "none" })}`, { ...fields, note }, live),
  dropDraft: (slug: string) => remove(`${of(slug)}/draft`),
  publish: (slug: string, live: number, anyway: boolean) =>
    post<Version>(`${of(slug)}/draft/publish${query({ anyway: anyway || null })}`, {}, live),
  rollBack: (slug: string, number: number, live: number, anyway: boolean) =>
    post<Version>(
      `${of(slug)}/versions/${number}/publish${query({ anyway: anyway || null })}`,
      {},
      live,
    ),
  test: (slug: string, fields: Fields) =>
    post<Checked>("connectors/check", {
      slug,
      kind: fields.kind,
      settings: fields.settings,
      region: fields.region,
    }),
  look: (slug: string, wanted: Wanted) => post<Look>(`${of(slug)}/draft/look`, wanted),
  tryOut: (slug: string, whom: { phone: string } | { remote_id: string }) =>
    post<Tried>(`${of(slug)}/draft/try`, whom),
  checks: (slug: string) => get<Checks>(`${of(slug)}/checks`),
  saveChecks: (slug: string, checks: Check[], version: number) =>
    put<Checks>(`${of(slug)}/checks`, { checks }, version),
  runChecks: (slug: string, tried: "draft" | "live") =>
    post<CheckRun>(`${of(slug)}/checks/run`, { tried }),
  sync: (slug: string) =>
    get<{ running: boolean; parts: Record<string, Sync | null> }>(`${of(slug)}/sync`),
  startSync: (slug: string, full: boolean) => post(`${of(slug)}/sync`, { full }),
  grant: (slug: string) => get<Grant>(`${of(slug)}/authorisation`),
  connect: (slug: string) => post<{ authorize_url: string }>(`${of(slug)}/authorisation`),
  disconnect: (slug: string) => remove(`${of(slug)}/authorisation`),
  upload,
};

/** Hand a file over as it is. */
async function upload(file: File): Promise<Uploaded> {
  const url = new URL(`api/v1/uploads${query({ name: file.name })}`, base);
  const headers = { "Content-Type": "application/octet-stream" };
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", headers, body: file });
  } catch {
    throw new ApiError(0, "The file could not be sent: it may be larger than 64 MiB.");
  }
  if (!response.ok) throw await problem(response);
  return (await response.json()) as Uploaded;
}

/** A source that has never been live. */
export interface Unpublished {
  slug: string;
  kind: string;
  name: string | null;
  author: string;
  created_at: string;
}
