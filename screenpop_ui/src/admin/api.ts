/** The console's calls. Each area has its own file beside its pages; what they share is here. */

import { ApiError, ask } from "../api/client";

export { ApiError };

/** Where in what was sent something is wrong (RFC 6901 pointer), and what. */
export interface FieldError {
  pointer: string;
  detail: string;
}

export interface PageOf<Item> {
  items: Item[];
  total: number;
}

export const part = encodeURIComponent;

/** A query string from what is set: `query({search: "x", limit: 50})` is "?search=x&limit=50". */
export function query(values: Record<string, string | number | boolean | null | undefined>) {
  const pairs = Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${part(String(value))}`);
  return pairs.length > 0 ? `?${pairs.join("&")}` : "";
}

export const get = <Answer>(path: string) => ask<Answer>("GET", path);
export const post = <Answer>(path: string, body: unknown = {}, version?: number | string | null) =>
  ask<Answer>("POST", path, body, ifMatch(version));
export const put = <Answer>(path: string, body: unknown, version?: number | string | null) =>
  ask<Answer>("PUT", path, body, ifMatch(version));
export const patch = <Answer>(path: string, body: unknown, version?: number | string | null) =>
  ask<Answer>("PATCH", path, body, ifMatch(version));
export const remove = (path: string, version?: number | string | null) =>
  ask<void>("DELETE", path, undefined, ifMatch(version));

/** The version that was looked at: the server refuses (409) when there is a newer one. */
function ifMatch(version: number | string | null | undefined): Record<string, string> {
  return version === undefined || version === null ? {} : { "If-Match": `"${version}"` };
}

/** A refused or failed call in words, whatever was thrown. */
export const wordsOf = (error: unknown): string =>
  error instanceof Error ? error.message : "Something went wrong. Try again.";

export const fieldsOf = (error: unknown): FieldError[] =>
  error instanceof ApiError ? error.fields : [];

/** Whether somebody else saved in between. */
export const isChangedMeanwhile = (error: unknown): boolean =>
  error instanceof ApiError && error.code === "changed_meanwhile";
