/** The queries of a database, written while looking at its tables. */

import { useId, useState } from "preact/hooks";
import { Field } from "../../forms/field";
import { at, withValue } from "../../forms/schema";
import { plural } from "../../ui/format";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Failed, Loading } from "../parts/states";
import { type Look, sources } from "./api";
import { SeenRows } from "./seen";
import { asText, asValues, groupOf, parametersOf, partWords, queryFor } from "./state";
import type { Desk } from "./studio";

export function MapSql({ desk }: { desk: Desk }) {
  const schema = desk.kind.settings_schema;
  const queries = schema ? (groupOf(schema, "queries").properties ?? {}) : {};
  const written = asValues(desk.typed.settings.queries);
  const [name, setName] = useState("contacts");
  const id = useId();
  const write = (sql: string) => {
    const next = withValue(written, name, sql || undefined);
    desk.change({ settings: { ...desk.typed.settings, queries: next } });
  };
  const field = queries[name];
  const sql = asText(written[name]);
  return (
    <div class="with-guide">
      <div class="stack-tight">
        <div class="field">
          <label for={id}>What shall the database bring?</label>
          <select id={id} value={name} onChange={(event) => setName(event.currentTarget.value)}>
            {Object.entries(queries).map(([each, { title }]) => (
              <option key={each} value={each}>
                {title}
                {written[each] ? " (written)" : ""}
              </option>
            ))}
          </select>
        </div>
        <Field
          label={`Query: ${field?.title ?? name}`}
          hint={field?.description}
          errors={at(desk.errors, `/settings/queries/${name}`)}
        >
          {(control) => (
            <textarea
              {...control}
              class="code"
              rows={Math.min(18, Math.max(6, sql.split("\n").length + 1))}
              spellcheck={false}
              value={sql}
              onInput={(event) => write(event.currentTarget.value)}
            />
          )}
        </Field>
        <RunQuery key={name} desk={desk} name={name} sql={sql} />
      </div>
      <Tables desk={desk} name={name} onWrite={write} />
    </div>
  );
}

const SAMPLES: Readonly<Record<string, string>> = {
  remote_id: "Customer's id, such as C-100",
  external_id: "Customer's account number",
  e164: "Number, such as +442079460958",
  national: "Number, such as 02079460958",
  digits: "Number, such as 442079460958",
};

function RunQuery({ desk, name, sql }: { desk: Desk; name: string; sql: string }) {
  const [values, setValues] = useState<Record<string, string>>({});
  const [look, setLook] = useState<Look | null>(null);
  const action = useAction();
  const wanted = parametersOf(sql);
  const run = async () => {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    const { kind, region, settings } = desk.typed;
    setLook(
      await action.run(
        () => sources.look(desk.slug, { kind, settings, region, name, values: given }),
        null,
      ),
    );
  };
  const unused = look?.columns.filter((column) => column.ours === "") ?? [];
  return (
    <section class="card" aria-labelledby="run-query">
      <h2 id="run-query">Run it</h2>
      <p class="hint">At most five rows are read. Nothing can be written.</p>
      <div class="row-fields">
        {wanted.map((each) => (
          <Field key={each} label={`:${each}`} hint={SAMPLES[each]}>
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                value={values[each] ?? ""}
                onInput={(event) => setValues({ ...values, [each]: event.currentTarget.value })}
              />
            )}
          </Field>
        ))}
      </div>
      <div class="actions">
        <button type="button" disabled={action.isBusy || sql === ""} onClick={() => void run()}>
          Run the query
        </button>
      </div>
      <StatusLine outcome={action.outcome} />
      {look && (
        <>
          {look.missing && <p class="bad">{look.missing}</p>}
          {unused.length > 0 && (
            <p class="quiet">Not used: {unused.map((column) => column.name).join(", ")}</p>
          )}
          <SeenRows label={`Rows of ${name}`} rows={look.rows} />
          {look.plan.length > 0 && (
            <details>
              <summary>How the database runs it (EXPLAIN)</summary>
              <pre class="code">{look.plan.join("\n")}</pre>
            </details>
          )}
        </>
      )}
      <OurColumns desk={desk} name={name} look={look} />
    </section>
  );
}

/** The columns that the query may have, and which of them it has. */
function OurColumns({ desk, name, look }: { desk: Desk; name: string; look: Look | null }) {
  const schema = desk.kind.settings_schema;
  const words = schema ? groupOf(schema, "queries").properties?.[name]?.description : "";
  if (!look || look.ours.length === 0) return words ? null : null;
  const has = new Set(look.columns.map((column) => column.name));
  return (
    <p class="quiet">
      {partWords(name)} may have:{" "}
      {look.ours.map((each, index) => (
        <span key={each}>
          {index > 0 && ", "}
          {has.has(each) ? <strong>{each}</strong> : each}
        </span>
      ))}
    </p>
  );
}

function Tables({
  desk,
  name,
  onWrite,
}: {
  desk: Desk;
  name: string;
  onWrite: (sql: string) => void;
}) {
  const { kind, region, settings } = desk.typed;
  const [typed, setTyped] = useState("");
  const tables = useLoaded(() => sources.look(desk.slug, { kind, region, settings }), desk.slug);
  const wanted = typed.trim().toLowerCase();
  const found = (tables.value?.tables ?? []).filter(
    (table) =>
      table.name.toLowerCase().includes(wanted) ||
      table.columns.some((column) => column.name.toLowerCase().includes(wanted)),
  );
  return (
    <section class="card" aria-labelledby="tables">
      <h2 id="tables">Tables of the database</h2>
      {tables.error !== null && (
        <Failed error={tables.error} onRetry={() => void tables.refresh()} />
      )}
      {tables.isComing && tables.value === null && <Loading />}
      {tables.value && (
        <>
          <div class="table-search">
            <label for="table-search">Table or column</label>
            <input
              id="table-search"
              type="search"
              autocomplete="off"
              value={typed}
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
            <span class="quiet" role="status">
              {plural(found.length, "table")}
            </span>
          </div>
          {found.slice(0, 50).map((table) => (
            <details key={table.name} class="fold">
              <summary>
                <code>{table.name}</code>{" "}
                <span class="quiet">{plural(table.columns.length, "column")}</span>
              </summary>
              <p>
                {table.columns.map((column, index) => (
                  <span key={column.name}>
                    {index > 0 && ", "}
                    <code>{column.name}</code> <small class="quiet">{column.type}</small>
                  </span>
                ))}
              </p>
              <Sample desk={desk} table={table.name} name={name} onWrite={onWrite} />
            </details>
          ))}
          {found.length > 50 && <p class="quiet">Search to see the others.</p>}
        </>
      )}
    </section>
  );
}

interface SampleProps {
  desk: Desk;
  table: string;
  name: string;
  onWrite: (sql: string) => void;
}

function Sample({ desk, table, name, onWrite }: SampleProps) {
  const action = useAction();
  const [rows, setRows] = useState<Look["rows"] | null>(null);
  const { kind, region, settings } = desk.typed;
  const read = () => sources.look(desk.slug, { kind, region, settings, table, name });
  return (
    <>
      <div class="actions">
        <button
          type="button"
          onClick={() =>
            void action.run(async () => {
              setRows((await read()).rows);
            }, null)
          }
        >
          Five rows<span class="sr-only"> of {table}</span>
        </button>
        <button
          type="button"
          onClick={() =>
            void action.run(async () => {
              onWrite(queryFor(table, (await read()).columns, name));
            }, "Written beside, with the columns whose names are known. Look it over.")
          }
        >
          Begin the query from it<span class="sr-only"> with {table}</span>
        </button>
      </div>
      <StatusLine outcome={action.outcome} />
      {rows && <SeenRows label={`Rows of ${table}`} rows={rows} />}
    </>
  );
}
