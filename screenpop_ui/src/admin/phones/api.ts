/** The calls about phone systems. */

import type { Schema, Values } from "../../forms/schema";
import { get, part, post, put, query, remove } from "../api";

export interface PhoneKind {
  kind: string;
  title: string;
  summary: string;
  settings_schema: Schema;
}

export interface PhoneSystem {
  slug: string;
  kind: string;
  name: string | null;
  settings: Values | null;
  region: string | null;
  url: string;
  fault: string | null;
  health: { connected: boolean; since: string | null; error: string | null } | null;
  updated_at: string;
  version: number;
}

export interface PhoneFields {
  kind: string;
  name: string | null;
  settings: Values;
  region: string | null;
}

export interface Fed {
  id: number;
  received_at: string;
  status: number;
  accepted: boolean;
  raw: string;
  headers: string[];
  events: Record<string, unknown>[];
  why: string | null;
}

export interface Rung {
  status: number;
  answer: string;
  call_id: string;
  agents: string[];
  connected: number;
}

export interface Replayed {
  verified: boolean;
  why: string | null;
  understood: Record<string, unknown>[];
  call_ids: string[];
}

export interface SeenExtension {
  extension: string;
  phone_system: string;
  events: number;
  queues: string[];
  last_seen_at: string;
}

export const phones = {
  kinds: () => get<{ items: PhoneKind[] }>("phone-system-kinds").then(({ items }) => items),
  guide: (kind: string) =>
    get<{ text: string | null }>(`phone-system-kinds/${part(kind)}/guide`).then((g) => g.text),
  list: () => get<{ items: PhoneSystem[] }>("phone-systems").then(({ items }) => items),
  read: (slug: string) => get<PhoneSystem>(`phone-systems/${part(slug)}`),
  save: (slug: string, fields: PhoneFields, version: number) =>
    put<PhoneSystem>(`phone-systems/${part(slug)}`, fields, version),
  remove: (slug: string) => remove(`phone-systems/${part(slug)}`),
  feed: (slug: string) =>
    get<{ items: Fed[] }>(`phone-systems/${part(slug)}/feed${query({ limit: 50 })}`).then(
      ({ items }) => items,
    ),
  ring: (slug: string, ani: string, extension: string) =>
    post<Rung>(`phone-systems/${part(slug)}/test-call`, { ani, extension }),
  replay: (slug: string, id: number) =>
    post<Replayed>(`phone-systems/${part(slug)}/replay`, { body_id: id }),
  unknownExtensions: () =>
    get<{ items: SeenExtension[] }>("phone-systems/extensions/seen").then(({ items }) => items),
};
