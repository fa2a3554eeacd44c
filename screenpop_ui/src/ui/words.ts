/** What the pages say: every state in an agent's words. */

import type {
  Call,
  Candidate,
  Conflict,
  Interaction,
  Match,
  PhoneNumber,
  Pop,
  Profile,
  Section,
  Source,
} from "../api/contract";
import type { CloseReason } from "../live/protocol";
import { ageText, moneyText } from "./format";

export function numberWords(number: PhoneNumber | null): string {
  if (!number) return "Number not known yet";
  if (number.withheld) return "Number withheld";
  return number.international ?? number.e164 ?? number.raw ?? "Number not known";
}

/** The biggest words of the pop: who it is, or that it is not known. */
export function whoWords(profile: Profile, number: PhoneNumber | null): string {
  const { customer, match } = profile;
  const name = customer?.display_name ?? customer?.company_name;
  if (name) return name;
  if (number?.withheld || match.outcome === "withheld") return "Number withheld";
  if (match.outcome === "multiple") return "Who is calling?";
  return "Unknown caller";
}

export function stateWords(call: Call): string {
  switch (call.state) {
    case "incoming":
      return "Incoming";
    case "queued":
      return "In the queue";
    case "ringing":
      return call.direction === "outbound" ? "Calling" : "Ringing";
    case "answered":
      return "Talking";
    case "held":
      return "On hold";
    case "ended":
      return "Ended";
    case "missed":
      return "Missed";
  }
}

/** Since when the state's timer runs. */
export function timerStart(call: Call): string | null {
  if (call.state === "answered" || call.state === "held") return call.answered_at;
  return call.ringing_at ?? call.started_at;
}

export function attestationWords(call: Call): { text: string; sure: boolean } | null {
  const { level, verdict } = call.attestation ?? { level: null, verdict: null };
  if (verdict === "failed") return { text: "Number may be forged", sure: false };
  if (level === "A") return { text: "Number verified (A)", sure: true };
  if (level === "B") return { text: "Number partly verified (B)", sure: false };
  if (level === "C") return { text: "Number not verified (C)", sure: false };
  return verdict === "passed" ? { text: "Number verified", sure: true } : null;
}

export interface MatchWords {
  sure: "sure" | "maybe" | "open";
  text: string;
  why: string;
}

/** How sure we are, and why, in one line. */
export function matchWords(match: Match, chosen: Candidate | undefined): MatchWords {
  const why = chosen?.reasons.join(", ") ?? "";
  switch (match.outcome) {
    case "withheld":
      return { sure: "open", text: "Not known", why: "the caller hides the number" };
    case "none":
      return { sure: "open", text: "Not known", why: "no source has this number" };
    case "multiple":
      return {
        sure: "open",
        text: `${match.candidates_total} possible callers`,
        why:
          match.candidates_total > match.candidates.length
            ? `the first ${match.candidates.length} are below; ask who is calling`
            : "choose one below, or ask",
      };
    case "single":
      if (chosen?.level === "maybe") return { sure: "maybe", text: "Maybe", why };
      return {
        sure: "sure",
        text: "Known",
        why: why || (match.shared_number ? "several people use this number" : "number on record"),
      };
  }
}

const REASONS: Record<CloseReason, string> = {
  ended: "has ended",
  answered_elsewhere: "was answered by a colleague",
  transferred: "was transferred",
  missed: "was missed",
  dismissed: "was dismissed",
};

const callerOf = (pop: Pop): string => {
  const name = pop.customer?.display_name;
  return name ?? (pop.call.ani ? numberWords(pop.call.ani) : "an unknown caller");
};

export const closedWords = (pop: Pop, reason: CloseReason): string =>
  `The call from ${callerOf(pop)} ${REASONS[reason] ?? "is over"}.`;

/** Said once by a screen reader when a call rings. */
export function announcementOf(pop: Pop): string {
  const urgent = pop.alerts.filter((alert) => alert.level === "critical").map((a) => a.text);
  return [`${stateWords(pop.call)}: ${whoWords(pop, pop.call.ani)}`, ...urgent].join(". ");
}

const DIRECTIONS = { inbound: "they called", outbound: "we called", internal: "internal" };
export const directionWords = (direction: Call["direction"]): string =>
  direction ? DIRECTIONS[direction] : "";

export const dispositionWords = (value: string): string => value.replaceAll("_", " ");

export function agentWords(agent: Interaction["agent"]): string {
  return (typeof agent === "string" ? agent : agent?.name) ?? "";
}

export const SENTIMENTS: readonly { value: string; text: string }[] = [
  { value: "positive", text: "Happy" },
  { value: "neutral", text: "Neutral" },
  { value: "negative", text: "Upset" },
];

export const sentimentWords = (value: string): string =>
  SENTIMENTS.find((known) => known.value === value)?.text.toLowerCase() ?? value;

export const sourceName = (source: { connector: string; name?: string | null }): string =>
  source.name || (source.connector === "screenpop" ? "our notes" : source.connector);

const FIELDS: Record<string, string> = {
  balance: "Owes",
  overdue_amount: "Overdue",
  unapplied_credit: "Credit not used",
  credit_limit: "Limit",
  credit_used: "Used",
  credit_available: "Available",
  payment_terms: "Terms",
  on_hold: "On hold",
  currency: "Currency",
  days_until_due: "Days to pay",
  risk_rating: "Risk",
  hold_reason: "Reason for the hold",
};
const MONEY = new Set(Object.keys(FIELDS).slice(0, 6));

/** "Owes: Shop says 1,200.00 · Ledger says 786.00, shown". */
export function conflictWords(
  conflict: Conflict,
  section: Section<unknown>,
  currency: string | null,
): string {
  const says = conflict.values.map(({ connector, value }) => {
    const source = section.sources.find((entry) => entry.connector === connector);
    const isShown = conflict.chosen === connector || conflict.chosen === value;
    const text = valueWords(conflict.field, value, currency);
    return `${sourceName(source ?? { connector })} says ${text}${isShown ? ", shown" : ""}`;
  });
  const field = FIELDS[conflict.field] ?? capital(conflict.field.replaceAll("_", " "));
  return `${field}: ${says.join(" · ")}`;
}

function valueWords(field: string, value: unknown, currency: string | null): string {
  if (value === null || value === undefined || value === "") return "nothing";
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "object" ? "something else" : String(value);
  return MONEY.has(field) ? moneyText(text, currency) : text;
}

/** A source's own line at the foot of a block. */
export function sourceWords(source: Source, now: number): string {
  const name = sourceName(source);
  const age = source.as_of ? ageText(source.as_of, now) : null;
  switch (source.status) {
    case "loading":
      return `asking ${name}…`;
    case "ok":
    case "empty":
    case "partial":
      return age === null ? `${name} · live` : `${name} · ${age} old`;
    case "stale":
      return `${name} · ${age === null ? "kept from before" : `${age} old`}`;
    case "timeout":
      return `${name} · no answer in time`;
    case "failed":
      return `${name} · failed`;
    case "hidden":
      return `${name} · hidden`;
    case "not_configured":
      return `${name} · not set up`;
  }
}

const isMissing = (source: Source) => source.status === "failed" || source.status === "timeout";

/** Why a block does not show all, or nothing: one sentence, or null when all is well. */
export function troubleWords(section: Section<unknown>, now: number): string | null {
  const missing = section.sources.filter(isMissing);
  const told = missing.map((source) => capital(missingWords(source))).join(" ");
  const of = section.sources.map(sourceName).join(" and ");
  switch (section.status) {
    case "loading":
    case "ok":
      return told || null;
    case "stale": {
      const age = section.as_of ? ageText(section.as_of, now) : null;
      const old = age === null ? "An older answer" : `${age} old`;
      return told ? `${old}. ${told}` : `${old}: no newer answer could be had.`;
    }
    case "partial":
      return told || partialWords(section);
    case "timeout":
    case "failed":
      return told || "The source could not be asked.";
    case "empty":
      return of ? `Nothing on record in ${of}.` : "Nothing on record.";
    case "not_configured":
      return "Not set up: no source is connected for this.";
    case "hidden":
      return hiddenWords(section);
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function missingWords(source: Source): string {
  const name = sourceName(source);
  if (source.status === "timeout") {
    const seconds =
      source.elapsed_ms === null ? "" : ` (${(source.elapsed_ms / 1000).toFixed(1)} s)`;
    return `${name} did not answer in time${seconds}.`;
  }
  const why = source.error?.text;
  return why ? `${name} failed: ${why.replace(/\.?$/, ".")}` : `${name} could not be asked.`;
}

function partialWords(section: Section<unknown>): string {
  const why = section.sources.map((source) => source.error?.text).find((text) => text);
  return why ? `Not complete: ${why}` : "Not complete: the source has more than it sent.";
}

function hiddenWords(section: Section<unknown>): string {
  const why = section.sources.map((source) => source.error?.text).find((text) => text);
  return why ? `Hidden: ${why}` : "Hidden for your role. A supervisor can show it to you.";
}
