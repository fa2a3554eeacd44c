/** The REST calls of the agent's page. Every failure is an `ApiError` in words for people. */

import type { Call, FollowUp, Profile } from "./contract";

export interface User {
  user_id: string;
  email: string;
  name: string;
  role: "agent" | "supervisor" | "admin";
  extensions: string[];
  queues: string[];
}

export interface CustomerName {
  customer_id: string;
  display_name: string | null;
}

export interface Note {
  note_id: string;
  text: string;
  author: { user_id: string; name: string } | null;
  updated_at: string;
}

export interface WrapUp {
  disposition: string | null;
  sentiment: string | null;
  follow_up: FollowUp | null;
}

/** A call as it is kept: the contract's Call, who it was, and what was written about it. */
export interface CallRecord extends Call {
  customer: CustomerName | null;
  notes: Note[];
  wrap_up: WrapUp | null;
}

export interface DueFollowUp {
  call_id: string;
  due_on: string;
  text: string | null;
  customer: CustomerName | null;
}

/** What the customer said to a suggestion. */
export interface SuggestionAnswerIn {
  item_id: string;
  connector: string | undefined;
  list: "next" | "goes_with";
  answer: "accepted" | "declined" | "snoozed";
}

/** A refused or failed request. `status` 0: the server was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: { pointer: string; detail: string }[] = [],
    /** The stable word for what went wrong, such as `changed_meanwhile`. */
    readonly code: string | null = null,
  ) {
    super(message);
  }
}

/** The folder in which the pages live: also below a path of a reverse proxy, or of the console. */
const page = globalThis.document;
export const base = new URL(
  page?.documentElement.dataset.root ?? ".",
  page?.baseURI ?? "http://localhost/",
);
/** Browsers refuse larger bodies for requests that shall outlive the page. */
const LONGEST_KEPT_ALIVE = 50_000;

/** Ask the server; the answer's JSON, undefined for an empty one. */
export async function ask<Answer>(
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<Answer> {
  const headers: Record<string, string> = { Accept: "application/json", ...more };
  const text = body === undefined ? undefined : JSON.stringify(body);
  if (method !== "GET") headers["X-Requested-With"] = "screenpop";
  if (text !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(new URL(`api/v1/${path}`, base), {
      method,
      headers,
      credentials: "same-origin",
      // A note on its way when the page is closed is still delivered.
      keepalive: method !== "GET" && (text?.length ?? 0) < LONGEST_KEPT_ALIVE,
      ...(text === undefined ? {} : { body: text }),
    });
  } catch {
    throw new ApiError(
      0,
      "The server cannot be reached. Check the network; this page tries again.",
    );
  }
  if (!response.ok) throw await problem(response);
  if (response.status === 204) return undefined as Answer;
  try {
    return (await response.json()) as Answer;
  } catch {
    throw new ApiError(response.status, "The server's answer could not be read.");
  }
}

/** An RFC 9457 body as an error; any other body by its status alone. */
export async function problem(response: Response): Promise<ApiError> {
  let told: { title?: unknown; detail?: unknown; errors?: unknown; code?: unknown } = {};
  try {
    told = (await response.json()) as typeof told;
  } catch {
    // Not JSON (a proxy's page): the status says enough.
  }
  const fields = Array.isArray(told.errors)
    ? told.errors.filter((entry) => typeof entry?.detail === "string")
    : [];
  const words = [told.detail, fields[0]?.detail, told.title].find(
    (text) => typeof text === "string" && text !== "",
  ) as string | undefined;
  return new ApiError(
    response.status,
    words ?? `The server answered with fault ${response.status}.`,
    fields,
    typeof told.code === "string" ? told.code : null,
  );
}

const part = encodeURIComponent;

export const api = {
  session: () => ask<{ user: User }>("GET", "session"),
  /** Whether there is nobody yet who could log in. */
  isFirstRun: () =>
    ask<{ needed: boolean }>("GET", "setup/first-admin").then(
      ({ needed }) => needed,
      () => false,
    ),
  logIn: (email: string, password: string) =>
    ask<{ user: User }>("POST", "session", { email, password }),
  logOut: () => ask<void>("DELETE", "session"),
  calls: (state: "missed" | "today", limit: number) =>
    ask<{ calls: CallRecord[] }>("GET", `calls?state=${state}&limit=${limit}`),
  call: (callId: string) => ask<CallRecord>("GET", `calls/${part(callId)}`),
  saveNote: (callId: string, noteId: string, text: string) =>
    ask<Note>("POST", `calls/${part(callId)}/notes`, { note_id: noteId, text }),
  saveWrapUp: (callId: string, wrapUp: WrapUp) =>
    ask<unknown>("PUT", `calls/${part(callId)}/wrap-up`, wrapUp),
  answerSuggestion: (callId: string, answer: SuggestionAnswerIn) =>
    ask<void>("POST", `calls/${part(callId)}/suggestions`, answer),
  undoSuggestion: (callId: string, itemId: string, connector: string | undefined) =>
    ask<void>(
      "DELETE",
      `calls/${part(callId)}/suggestions?item_id=${part(itemId)}${
        connector === undefined ? "" : `&connector=${part(connector)}`
      }`,
    ),
  followUps: () => ask<{ follow_ups: DueFollowUp[] }>("GET", "follow-ups"),
  finishFollowUp: (callId: string) => ask<void>("POST", `follow-ups/${part(callId)}/done`),
  dispositions: () => ask<{ dispositions: string[] }>("GET", "dispositions"),
  profile: (phone: string) => ask<Profile>("GET", `profiles?phone=${part(phone)}`),
};
