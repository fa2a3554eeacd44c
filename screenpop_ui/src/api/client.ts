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

/** A refused or failed request. `status` 0: the server was not reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fields: { pointer: string; detail: string }[] = [],
  ) {
    super(message);
  }
}

/** The folder in which the pages live: also below a path of a reverse proxy. */
export const base = new URL(".", globalThis.document?.baseURI ?? "http://localhost/");

async function ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Requested-With"] = "screenpop";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(new URL(`api/v1/${path}`, base), {
      method,
      headers,
      credentials: "same-origin",
      // A note on its way when the page is closed is still delivered.
      keepalive: method !== "GET",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
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
async function problem(response: Response): Promise<ApiError> {
  let told: { title?: unknown; detail?: unknown; errors?: unknown } = {};
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
  );
}

const part = encodeURIComponent;

export const api = {
  session: () => ask<{ user: User }>("GET", "session"),
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
  followUps: () => ask<{ follow_ups: DueFollowUp[] }>("GET", "follow-ups"),
  finishFollowUp: (callId: string) => ask<void>("POST", `follow-ups/${part(callId)}/done`),
  dispositions: () => ask<{ dispositions: string[] }>("GET", "dispositions"),
  profile: (phone: string) => ask<Profile>("GET", `profiles?phone=${part(phone)}`),
};
