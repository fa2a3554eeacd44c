/** Step 3: a number is tried: what the source said, what was understood, what the agent sees. */

import { useId, useRef, useState } from "preact/hooks";
import { Field, focusWrong } from "../../forms/field";
import { at } from "../../forms/schema";
import { Icon } from "../../ui/icon";
import { StatusLine, useAction } from "../parts/action";
import { AgentView, Facts } from "./agent-view";
import { type Check, type CheckRun, sources, type Traced, type Trial, type Tried } from "./api";
import { Json, SeenRows } from "./seen";
import { partWords } from "./state";
import type { Desk } from "./studio";

export function TryStep({ desk }: { desk: Desk }) {
  const [number, setNumber] = useState("");
  const [remoteId, setRemoteId] = useState("");
  const [tried, setTried] = useState<Tried | null>(null);
  const [checked, setChecked] = useState<CheckRun | null>(null);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(null);
    setChecked(null);
    if (!number.trim() && !remoteId.trim()) {
      action.say({ kind: "bad", text: "Type a number, or a customer's id in the source." });
      return;
    }
    if (!(await desk.save())) return;
    const whom = remoteId.trim() ? { remote_id: remoteId.trim() } : { phone: number.trim() };
    const done = await action.run(() => sources.tryOut(desk.slug, whom), null);
    setTried(done);
    if (!done) focusWrong(form.current);
    else setChecked(await sources.runChecks(desk.slug, "draft").catch(() => null));
  };
  return (
    <div class="stack">
      <form class="form is-wide" onSubmit={(event) => void submit(event)} ref={form} noValidate>
        <div class="row-fields">
          <Field label="Number of a caller" errors={at(action.errors, "/phone")}>
            {(control) => (
              <input
                {...control}
                type="tel"
                autocomplete="off"
                value={number}
                onInput={(event) => setNumber(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="Or a customer's id in the source" errors={at(action.errors, "/remote_id")}>
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                value={remoteId}
                onInput={(event) => setRemoteId(event.currentTarget.value)}
              />
            )}
          </Field>
        </div>
        <div class="actions">
          <button type="submit" class="primary" disabled={action.isBusy}>
            Try it
          </button>
        </div>
        <StatusLine outcome={action.outcome} />
      </form>
      {checked && checked.total > 0 && (
        <p class={checked.passed === checked.total ? "good" : "bad"} role="status">
          <Icon name={checked.passed === checked.total ? "check" : "warn"} /> {checked.passed} of{" "}
          {checked.total} saved checks pass with the draft
        </p>
      )}
      {tried && (
        <div class={tried.live ? "sides" : "stack"}>
          <div class="stack">
            <Side title={titleOf(desk)} trial={tried.draft} isBeside={tried.live !== null} />
            <KeepAsChecks
              desk={desk}
              trial={tried.draft}
              whom={remoteId.trim() ? { remote_id: remoteId.trim() } : { phone: number.trim() }}
            />
          </div>
          {tried.live && (
            <Side title="Live now" trial={tried.live} against={tried.draft} isBeside />
          )}
        </div>
      )}
    </div>
  );
}

const titleOf = ({ source }: Desk): string =>
  !source ? "What it would show" : source.has_draft ? "Draft" : "Live now";

interface SideProps {
  title: string;
  trial: Trial;
  /** The other side: where both show the same, that is said. */
  against?: Trial;
  /** There are two sides to compare: what the agent sees comes first. */
  isBeside: boolean;
}

function Side({ title, trial, against, isBeside }: SideProps) {
  const titleId = useId();
  const sections = Object.entries(trial.sections).filter(([, section]) => section);
  const isSame =
    against !== undefined && JSON.stringify(shownOf(trial)) === JSON.stringify(shownOf(against));
  const cards = [
    <section key="said" class="card" aria-label={`${title}: the source said`}>
      <h3>The source said</h3>
      {trial.trace.length === 0 && <p class="quiet">It was not asked.</p>}
      {trial.trace
        .filter((entry) => entry.asked !== "connect")
        .map((entry, index) => (
          <Said key={index} entry={entry} />
        ))}
    </section>,
    <section key="understood" class="card" aria-label={`${title}: we understood`}>
      <h3>We understood</h3>
      {trial.contacts[0] && (
        <>
          <h4>Customer</h4>
          <ContactFacts contact={trial.contacts[0]} />
        </>
      )}
      {sections.map(([name, section]) => (
        <div key={name}>
          <h4>{partWords(name)}</h4>
          {section && <Facts section={section} />}
        </div>
      ))}
    </section>,
    <section key="agent" class="card" aria-label={`${title}: the agent sees`}>
      <h3>The agent sees</h3>
      <AgentView trial={trial} titleId={titleId} />
    </section>,
  ];
  return (
    <section class="stack-tight" aria-label={title}>
      <h2>
        <span id={titleId}>{title}</span>
        {against && <span class="quiet"> · {isSame ? "the same facts" : "other facts"}</span>}
      </h2>
      <p class="quiet">{timeWords(trial)}</p>
      {trial.fault && <p class="bad">{trial.fault}</p>}
      {trial.contacts_error && <p class="bad">Customers: {trial.contacts_error}</p>}
      {!trial.fault && trial.remote_id === null && !trial.contacts_error && (
        <p class="bad">Nobody in this source has this number.</p>
      )}
      <div class="tried">{isBeside ? cards.reverse() : cards}</div>
    </section>
  );
}

/** What is shown of a trial, without times. */
const shownOf = (trial: Trial) => [
  trial.contacts,
  Object.entries(trial.sections).map(([name, section]) => [name, section?.status, section?.data]),
];

/** "84 ms: connect 3 · customers 9 · owes 31". */
export function timeWords(trial: Trial): string {
  const connect = trial.trace
    .filter((entry) => entry.asked === "connect")
    .reduce((sum, entry) => sum + entry.elapsed_ms, 0);
  const parts: [string, number][] = [];
  if (connect > 0) parts.push(["connect", connect]);
  if (trial.contacts_ms !== null) parts.push(["customers", trial.contacts_ms]);
  const sections = Object.entries(trial.sections).flatMap(([name, section]): [string, number][] => {
    const took = section?.sources[0]?.elapsed_ms;
    return typeof took === "number" ? [[partWords(name).toLowerCase(), took]] : [];
  });
  parts.push(...sections);
  if (parts.length === 0) return "";
  // The blocks are asked side by side, after the customer is known; connecting is a part of it.
  const whole = (trial.contacts_ms ?? 0) + Math.max(0, ...sections.map(([, took]) => took));
  return `${ms(whole)} ms: ${parts.map(([name, took]) => `${name} ${ms(took)}`).join(" · ")}`;
}

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));

function Said({ entry }: { entry: Traced }) {
  const values = Object.entries(entry.values);
  const rows = Array.isArray(entry.content) && entry.content.every(isRow) ? entry.content : null;
  return (
    <div class="said">
      <p>
        <code>{entry.asked}</code>{" "}
        <span class="quiet">
          {entry.said}, {ms(entry.elapsed_ms)} ms
        </span>
      </p>
      {values.length > 0 && (
        <p class="quiet">
          {values.map(([name, value]) => `:${name} = ${String(value ?? "not known")}`).join(", ")}
        </p>
      )}
      {rows ? (
        rows.length > 0 && <SeenRows label={`Rows of ${entry.asked}`} rows={rows} />
      ) : entry.content === null ? null : (
        <Json value={entry.content} label={`Answer to ${entry.asked}`} />
      )}
      {entry.cut && <p class="quiet">There was more; only the beginning is shown.</p>}
    </div>
  );
}

const isRow = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((each) => typeof each !== "object" || each === null);

function ContactFacts({ contact }: { contact: Record<string, unknown> }) {
  const known = Object.entries(contact).filter(([, value]) => {
    return value !== null && !(Array.isArray(value) && value.length === 0);
  });
  return (
    <dl class="facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>
            <bdi>{contactText(value)}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

const contactText = (value: unknown): string => {
  if (Array.isArray(value)) return value.map(contactText).join(", ");
  if (typeof value === "object" && value !== null) {
    const { raw, name, email } = value as Record<string, unknown>;
    return [raw, name, email].filter(Boolean).map(String).join(" ");
  }
  return String(value);
};

interface KeepProps {
  desk: Desk;
  trial: Trial;
  whom: { phone?: string; remote_id?: string };
}

/** What was understood now becomes what is expected from now on. */
function KeepAsChecks({ desk, trial, whom }: KeepProps) {
  const action = useAction();
  const found = checksFrom(trial, whom);
  if (found.length === 0) return null;
  return (
    <div>
      <button
        type="button"
        disabled={action.isBusy}
        onClick={() =>
          void action.run(async () => {
            const now = await sources.checks(desk.slug);
            await sources.saveChecks(desk.slug, [...now.checks, ...found], now.version);
          }, "Kept: see 4 Checks.")
        }
      >
        Expect this from now on ({found.length})
      </button>
      <StatusLine outcome={action.outcome} />
    </div>
  );
}

const TELLING: readonly [string, string][] = [
  ["balance", "balance"],
  ["balance", "overdue_amount"],
  ["credit_terms", "credit_limit"],
  ["purchases", "order_count"],
];

/** A check for the customer's name and each figure that matters most. */
export function checksFrom(trial: Trial, whom: { phone?: string; remote_id?: string }): Check[] {
  const base = { phone: whom.phone ?? null, remote_id: whom.remote_id ?? null, note: null };
  const name = trial.contacts[0]?.display_name;
  const own: Check[] =
    typeof name === "string" && whom.phone
      ? [{ ...base, section: "contact", field: "display_name", expected: name }]
      : [];
  for (const [section, field] of TELLING) {
    const data = trial.sections[section]?.data as Record<string, unknown> | null | undefined;
    const value = data?.[field];
    if (value === null || value === undefined) continue;
    own.push({ ...base, section, field, expected: String(value) });
  }
  return own;
}
