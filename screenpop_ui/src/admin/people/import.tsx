/** People from a CSV file: what each line would do is shown before anything is done. */

import { useState } from "preact/hooks";
import { plural } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { StatusLine, useAction } from "../parts/action";
import { Rows } from "../parts/table";
import { type ImportLine, type ImportPlan, people } from "./api";

const EXAMPLE = "email,name,role,extensions,queues\nada@example.com,Ada,agent,101;102,sales";

export function Import({ onDone }: { onDone: () => void }) {
  const [text, setText] = useState("");
  const [plan, setPlan] = useState<ImportPlan | null>(null);
  const action = useAction();
  const look = async (next: string) => {
    setText(next);
    setPlan(next ? await action.run(() => people.previewImport(next), null) : null);
  };
  const apply = async () => {
    const done = await action.run(() => people.import(text), null);
    if (!done) return;
    action.say({
      kind: "good",
      text: `${plural(done.created, "person", "people")} added, ${done.changed} changed.`,
    });
    setPlan(null);
    setText("");
    onDone();
  };
  const isUsable = plan && !plan.fault && plan.wrong === 0 && plan.created + plan.changed > 0;
  return (
    <section class="card" aria-labelledby="import">
      <h2 id="import">Import from CSV</h2>
      <p class="hint">
        The first line names the columns: email, name, and if you like role, extensions, queues.
        Several extensions are separated by “;”. People who are not in the file stay as they are.
      </p>
      <div class="actions">
        <label class="button">
          Choose a file
          <input
            type="file"
            class="sr-only"
            accept=".csv,.txt,text/csv"
            onChange={(event) => {
              const file = event.currentTarget.files?.[0];
              if (file) void file.text().then(look);
            }}
          />
        </label>
        <span>or paste:</span>
      </div>
      <textarea
        class="code"
        rows={4}
        aria-label="Lines of the file"
        placeholder={EXAMPLE}
        value={text}
        onChange={(event) => void look(event.currentTarget.value)}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {plan && <Plan plan={plan} />}
      <div class="actions">
        {!plan && (
          <button type="button" disabled={text === ""} onClick={() => void look(text)}>
            See what it would do
          </button>
        )}
        {plan && (
          <button
            type="button"
            class="primary"
            disabled={!isUsable || action.isBusy}
            onClick={() => void apply()}
          >
            {isUsable
              ? `Import ${plural(plan.created + plan.changed, "person", "people")}`
              : "Import"}
          </button>
        )}
      </div>
      <StatusLine outcome={action.outcome} />
    </section>
  );
}

function Plan({ plan }: { plan: ImportPlan }) {
  if (plan.fault) {
    return (
      <p class="wrong" role="alert">
        <Icon name="warn" /> {plan.fault}
      </p>
    );
  }
  return (
    <>
      <p role="status">
        {plan.created} to add, {plan.changed} to change, {plan.unchanged} as they are,{" "}
        <span class={plan.wrong > 0 ? "bad strong" : ""}>{plan.wrong} wrong</span>
        {plan.wrong > 0 && ": mend these lines first; nothing is imported until then"}.
        {plan.ignored.length > 0 && ` Columns not used: ${plan.ignored.join(", ")}.`}
      </p>
      <Rows
        label="Lines of the file"
        rows={plan.lines.slice(0, 100)}
        keyOf={(line) => String(line.line)}
        columns={[
          { title: "Line", cell: (line) => line.line, isNumber: true },
          { title: "E-mail", cell: (line) => <bdi>{line.email}</bdi> },
          { title: "What becomes of it", cell: (line) => <Becomes line={line} /> },
        ]}
      />
    </>
  );
}

function Becomes({ line }: { line: ImportLine }) {
  switch (line.becomes) {
    case "wrong":
      return (
        <span class="bad">
          <Icon name="warn" />{" "}
          {line.errors.map((error) => `${error.column} ${error.detail}`).join("; ")}
        </span>
      );
    case "created":
      return <span>is added</span>;
    case "changed":
      return <span>changes: {line.changes.join(", ")}</span>;
    case "unchanged":
      return <span class="quiet">stays as it is</span>;
  }
}
