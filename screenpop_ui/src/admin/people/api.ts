/** The calls about people. */

import { get, type PageOf, part, patch, post, put, query, remove } from "../api";

export type Role = "agent" | "supervisor" | "admin";

export interface PersonFields {
  email: string;
  name: string;
  role: Role;
  extensions: string[];
  queues: string[];
}

export interface Person extends PersonFields {
  user_id: string;
  disabled: boolean;
  has_password: boolean;
  created_at: string;
  version: number;
}

export interface Token {
  token_id: string;
  name: string | null;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  token: string | null;
}

export interface ImportLine {
  line: number;
  email: string;
  becomes: "created" | "changed" | "unchanged" | "wrong";
  changes: string[];
  fields: Partial<PersonFields> | null;
  errors: { column: string; detail: string }[];
}

export interface ImportPlan {
  fault: string | null;
  columns: Record<string, string>;
  ignored: string[];
  created: number;
  changed: number;
  unchanged: number;
  wrong: number;
  lines: ImportLine[];
}

export const people = {
  list: (search: string, limit: number, offset: number) =>
    get<PageOf<Person>>(`users${query({ search, limit, offset })}`),
  read: (id: string) => get<Person>(`users/${part(id)}`),
  add: (fields: PersonFields & { password?: string }) => post<Person>("users", fields),
  change: (id: string, fields: Partial<PersonFields> & { disabled?: boolean }, version?: number) =>
    patch<Person>(`users/${part(id)}`, fields, version),
  setPassword: (id: string, password: string) =>
    put<void>(`users/${part(id)}/password`, { password }),
  logOutEverywhere: (id: string) => remove(`users/${part(id)}/sessions`),
  tokens: (id: string) =>
    get<{ items: Token[] }>(`users/${part(id)}/tokens`).then(({ items }) => items),
  addToken: (id: string, name: string | null, expiresAt: string | null) =>
    post<Token>(`users/${part(id)}/tokens`, { name, expires_at: expiresAt }),
  revoke: (id: string, tokenId: string) => remove(`users/${part(id)}/tokens/${part(tokenId)}`),
  previewImport: (text: string) => post<ImportPlan>("users/import/preview", { text }),
  import: (text: string) => post<ImportPlan>("users/import", { text }),
};

/** "101, 102" as a list, without blanks. */
export const textsOf = (text: string): string[] =>
  text
    .split(/[,;]/)
    .map((each) => each.trim())
    .filter(Boolean);
