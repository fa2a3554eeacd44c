/** The calls about how all is. */

import { get, part, query } from "../api";

export interface Times {
  count: number;
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface Mark {
  level: "bad" | "warn";
  about: "pops" | "phone_system" | "connector";
  slug: string | null;
  text: string;
  advice: string;
}

export type PartName = "delay" | "identified" | "first_push" | "complete" | "drawn" | "painted";

export interface PopPoint {
  at: string;
  events: number;
  callers: number;
  identified_p95_ms: number | null;
  first_push_p95_ms: number | null;
  complete_p95_ms: number | null;
  painted_p95_ms: number | null;
}

export interface PhoneHealth {
  slug: string;
  name: string;
  fault: string | null;
  stream: { connected: boolean; since: string | null; error: string | null } | null;
  events: number;
  answers: Record<string, number>;
  delay: Times;
  last_event_at: string | null;
  level: Mark["level"] | null;
}

export interface ConnectorHealth extends Times {
  slug: string;
  name: string;
  enabled: boolean;
  fault: string | null;
  breaker: "closed" | "open" | "half_open" | null;
  budget_left: number | null;
  answers: number;
  cache_hits: number;
  errors: Record<string, number>;
  last_success_at: string | null;
  last_sync: { finished_at: string | null; error: string | null; records: number } | null;
  matched: number | null;
  level: Mark["level"] | null;
}

export interface Overview {
  as_of: string;
  hours: number;
  since: string;
  step_minutes: number;
  marks: Mark[];
  pops: {
    callers: number;
    matches: Record<string, number>;
    parts: (Times & { part: PartName })[];
    histogram: { up_to_ms: number | null; painted: number; complete: number }[];
    points: PopPoint[];
  };
  phone_systems: PhoneHealth[];
  connectors: ConnectorHealth[];
}

export interface SourcePoint extends Omit<Times, "count"> {
  section: string;
  at: string;
  answers: number;
  cache_hits: number;
  errors: Record<string, number>;
}

export interface SourceHealth {
  connector: string;
  since: string;
  step_minutes: number;
  sections: Omit<SourcePoint, "at">[];
  points: SourcePoint[];
  faults: { at: string; section: string; code: string; text: string | null }[];
}

export const health = {
  overview: (hours: number) => get<Overview>(`health/overview${query({ hours })}`),
  connector: (slug: string, hours: number) =>
    get<SourceHealth>(`connectors/${part(slug)}/health${query({ hours })}`),
};
