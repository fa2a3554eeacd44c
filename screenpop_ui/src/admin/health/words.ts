/** Parts, errors and times in words. */

import { numberText } from "../../ui/format";
import type { PartName } from "./api";

export const PARTS: Readonly<Record<PartName, { title: string; means: string }>> = {
  delay: { title: "Arrived", means: "from the event at the phone system to its receipt here" },
  identified: { title: "Caller found", means: "from receipt to the number looked up" },
  first_push: { title: "Sent", means: "from receipt to the first pop sent to the agent" },
  complete: { title: "Whole", means: "from receipt to the last data source's answer" },
  drawn: { title: "Drawn", means: "the browser's own time, from having the pop to showing it" },
  painted: { title: "On the screen", means: "from receipt to the pop on the agent's screen" },
};

const ERRORS: Readonly<Record<string, string>> = {
  timeout: "too late",
  unavailable: "not reached",
  rate_limited: "asked too often",
  auth_expired: "log-in ended",
  auth_denied: "not allowed",
  not_found: "not there",
  bad_config: "wrong question",
  bad_data: "not readable",
  busy: "too many waiting",
};

export const errorWords = (code: string): string => ERRORS[code] ?? code.replaceAll("_", " ");

/** "35 ms", "1.2 s", a dash for what is not known. */
export function msText(ms: number | null): string {
  if (ms === null) return "–";
  return ms < 1000
    ? `${numberText(Math.round(ms))} ms`
    : `${numberText(Math.round(ms / 100) / 10)} s`;
}

/** "12 %"; a dash of none. */
export const shareText = (some: number, all: number): string =>
  all > 0 ? `${numberText(Math.round((some / all) * 1000) / 10)} %` : "–";
