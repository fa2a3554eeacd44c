/** Step 4: numbers and what must be said of them, on every change and every night. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Field, focusWrong } from "../../forms/field";
import { at } from "../../forms/schema";
import { Icon } from "../../ui/icon";
import { isChangedMeanwhile } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { type Check, type CheckRun, sources } from "./api";
import { partWords } from "./state";
import type { Desk } from "./studio";

const SECTIONS = ["contact", "balance", "credit_terms", "purchases", "tickets"];
const NEW: Check = {
  phone: null,
  remote_id: null,
  section: "balance",
  field: "balance",
  expected: null,
  note: null,
};

export function ChecksStep({ desk }: { desk: Desk }) {
  const { slug, source } = desk;
  const loaded = useLoaded(() => sources.checks(slug), slug);
  const [checks, setChecks] = useState<Check[] | null>(null);
  const [version, setVersion] = useState(0);
  const [run, setRun] = useState<CheckRun | null>(null);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (loaded.value && checks === null) {
      setChecks(loaded.value.checks);
      setVersion(loaded.value.version);
      setRun(loaded.value.runs[0] ?? null);
    }
  }, [loaded.value]);
  if (loaded.error !== null && checks === null) {
    return loaded.error instanceof Error &&
      "status" in loaded.error &&
      loaded.error.status === 404 ? (
      <Empty>Save the draft first; then say what must come of which number.</Empty>
    ) : (
      <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
    );
  }
  if (checks === null) return <Loading />;
  const change = (index: number, changes: Partial<Check>) => {
    // What it found was of another question.
    setRun(run && { ...run, results: run.results.filter((each) => each.position !== index) });
    setChecks(checks.map((each, place) => (place === index ? { ...each, ...changes } : each)));
  };
  const save = async () => {
    const done = await action.run(() => sources.saveChecks(slug, checks, version));
    if (!done) {
      focusWrong(form.current);
      return null;
    }
    setVersion(done.version);
    return done;
  };
  const runNow = async (tried: "draft" | "live") => {
    if (!(await save())) return;
    const done = await action.run(() => sources.runChecks(slug, tried), null);
    if (done) {
      setRun(done);
      void loaded.refresh();
    }
  };
  const reread = () =>
    action.run(async () => {
      const now = await sources.checks(slug);
      setChecks(now.checks);
      setVersion(now.version);
    }, "These are the checks as they saved them.");
  return (
    <form
      class="stack"
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <p class="quiet">
        They run whenever the draft is tried or published, and on what is live every night. A draft
        that fails them is published only on purpose.
      </p>
      {checks.length === 0 && (
        <Empty>
          No checks yet. In 3 Try, “Expect this from now on” makes them of what you see there.
        </Empty>
      )}
      <ol class="check-list">
        {checks.map((check, index) => (
          <CheckRow
            key={index}
            index={index}
            check={check}
            result={run?.results.find((each) => each.position === index) ?? null}
            errors={action.errors}
            onChange={(changes) => change(index, changes)}
            onRemove={() => {
              setChecks(checks.toSpliced(index, 1));
              setRun(null);
            }}
          />
        ))}
      </ol>
      <div class="actions">
        <button type="button" onClick={() => setChecks([...checks, NEW])}>
          Add a check
        </button>
        <button type="submit" disabled={action.isBusy}>
          Save checks
        </button>
        <button
          type="button"
          class="primary"
          disabled={action.isBusy || checks.length === 0}
          onClick={() => void runNow(hasDraft(desk) ? "draft" : "live")}
        >
          Run them {hasDraft(desk) ? "on the draft" : "on what is live"}
        </button>
        {isChangedMeanwhile(action.error) && (
          <button type="button" onClick={() => void reread()}>
            Show what they saved
          </button>
        )}
      </div>
      <StatusLine outcome={action.outcome} />
      <Runs runs={loaded.value?.runs ?? []} isLive={source !== null} />
    </form>
  );
}

const hasDraft = (desk: Desk) => desk.source === null || desk.source.has_draft;

interface RowProps {
  index: number;
  check: Check;
  result: CheckRun["results"][number] | null;
  errors: { pointer: string; detail: string }[];
  onChange: (changes: Partial<Check>) => void;
  onRemove: () => void;
}

function CheckRow({ index, check, result, errors, onChange, onRemove }: RowProps) {
  const here = `/checks/${index}`;
  const text = (name: "phone" | "remote_id" | "field" | "expected", label: string) => (
    <Field label={label} errors={at(errors, `${here}/${name}`)}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          value={check[name] ?? ""}
          onInput={(event) => {
            const value = event.currentTarget.value;
            onChange({ [name]: name === "field" ? value : value || null });
          }}
        />
      )}
    </Field>
  );
  return (
    <li class="rule">
      <div class="row-fields">
        {text("phone", "Number")}
        {text("remote_id", "Or customer's id")}
        <Field label="Block" errors={at(errors, `${here}/section`)}>
          {(control) => (
            <select
              {...control}
              value={check.section}
              onChange={(event) => onChange({ section: event.currentTarget.value })}
            >
              {SECTIONS.map((name) => (
                <option key={name} value={name}>
                  {partWords(name)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {text("field", "Field")}
        {text("expected", "Expected (empty: nothing)")}
      </div>
      <div class="seen">
        {result ? (
          <span class={`mark is-${result.passed ? "good" : "bad"}`}>
            <Icon name={result.passed ? "check" : "warn"} />
            {result.passed ? "as expected" : (result.why ?? `found: ${result.found ?? "nothing"}`)}
          </span>
        ) : (
          <span class="quiet">not run yet</span>
        )}
        <button type="button" onClick={onRemove}>
          Remove<span class="sr-only"> check {index + 1}</span>
        </button>
      </div>
    </li>
  );
}

const OCCASIONS: Readonly<Record<string, string>> = {
  asked: "asked for",
  publish: "before publishing",
  night: "every night",
};

function Runs({ runs, isLive }: { runs: CheckRun[]; isLive: boolean }) {
  if (runs.length === 0) return isLive ? <p class="quiet">They have not run yet.</p> : null;
  return (
    <details class="fold">
      <summary>How they came out of late</summary>
      <ul>
        {runs.slice(0, 20).map((run) => (
          <li key={run.at + run.occasion}>
            <span class={run.passed === run.total ? "good" : "bad"}>
              {run.passed} of {run.total}
            </span>{" "}
            {OCCASIONS[run.occasion] ?? run.occasion}, on{" "}
            {run.tried === "live" ? "what is live" : "the draft"}, <Moment at={run.at} />
          </li>
        ))}
      </ul>
    </details>
  );
}
