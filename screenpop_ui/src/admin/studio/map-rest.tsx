/** The requests of a web service, mapped while looking at its raw answers. */

import { useId, useState } from "preact/hooks";
import { Field } from "../../forms/field";
import { isFoldable, type Values, withValue } from "../../forms/schema";
import { SchemaForm } from "../../forms/schema-form";
import { plural } from "../../ui/format";
import { StatusLine, useAction } from "../parts/action";
import { type Look, type SeenColumn, sources } from "./api";
import { Json } from "./seen";
import { asText, asValues, groupOf, mappedNames, oursOf, parametersOf, withField } from "./state";
import type { Desk } from "./studio";

export function MapRest({ desk }: { desk: Desk }) {
  const schema = desk.kind.settings_schema;
  const names = mappedNames("rest", schema);
  const [name, setName] = useState(names[0] ?? "contacts");
  const id = useId();
  if (!schema) return null;
  const operation = asValues(desk.typed.settings[name]);
  const change = (values: Record<string, unknown>) => {
    const next = Object.keys(values).length > 0 ? values : undefined;
    desk.change({ settings: withValue(desk.typed.settings, name, next) });
  };
  return (
    <div class="with-guide">
      <div class="stack-tight">
        <div class="field">
          <label for={id}>What shall the service bring?</label>
          <select id={id} value={name} onChange={(event) => setName(event.currentTarget.value)}>
            {names.map((each) => (
              <option key={each} value={each}>
                {schema.properties?.[each]?.title ?? each}
                {asValues(desk.typed.settings[each]).path ? " (set)" : ""}
              </option>
            ))}
          </select>
          <p class="hint">{schema.properties?.[name]?.description}</p>
        </div>
        <SchemaForm
          key={name}
          schema={groupOf(schema, name)}
          values={operation}
          onChange={change}
          errors={desk.errors}
          pointer={`/settings/${name}`}
        />
      </div>
      <Answer key={name} desk={desk} name={name} onChange={change} />
    </div>
  );
}

interface AnswerProps {
  desk: Desk;
  name: string;
  onChange: (values: Record<string, unknown>) => void;
}

function Answer({ desk, name, onChange }: AnswerProps) {
  const operation = asValues(desk.typed.settings[name]);
  const [values, setValues] = useState<Record<string, string>>({});
  const [look, setLook] = useState<Look | null>(null);
  const action = useAction();
  const schema = desk.kind.settings_schema;
  const knowsLines = schema !== null && "lines" in (groupOf(schema, name).properties ?? {});
  const wanted = parametersOf(JSON.stringify([operation.path, operation.query, operation.body]));
  const ask = async () => {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
    const { kind, region, settings } = desk.typed;
    setLook(
      await action.run(
        () => sources.look(desk.slug, { kind, settings, region, name, values: given }),
        null,
      ),
    );
  };
  return (
    <section class="card" aria-labelledby="answer">
      <h2 id="answer">What the service answers</h2>
      <p class="hint">Give the path, then ask. Secrets are never shown.</p>
      <div class="row-fields">
        {wanted.map((each) => (
          <Field key={each} label={`{${each}}`}>
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
        <button
          type="button"
          disabled={action.isBusy || !operation.path}
          onClick={() => void ask()}
        >
          Ask
        </button>
      </div>
      <StatusLine outcome={action.outcome} />
      {look && (
        <>
          <p class="quiet">
            <code>{asText(look.facts.asked)}</code> {asText(look.facts.said)},{" "}
            {asText(look.facts.elapsed_ms)} ms
          </p>
          <Json value={look.content} label="The raw answer" />
          {Object.entries(look.lists).map(([path, columns]) => (
            <Records
              key={path}
              path={path}
              columns={columns}
              ours={look.ours}
              operation={operation}
              knowsLines={knowsLines}
              onChange={onChange}
            />
          ))}
        </>
      )}
    </section>
  );
}

interface RecordsProps {
  path: string;
  columns: SeenColumn[];
  ours: string[];
  operation: Values;
  /** Whether the records may hold lines of their own, as orders do. */
  knowsLines: boolean;
  onChange: (values: Record<string, unknown>) => void;
}

/** One list of records in the answer, its fields mapped with a choice each. */
function Records({ path, columns, ours, operation, knowsLines, onChange }: RecordsProps) {
  const isChosen = (operation.records ?? "@") === path;
  const isMapped = [operation.fields, operation.line_fields].some((each) => !isFoldable(each));
  const take = () => {
    const given = { ...asValues(operation.fields), ...asValues(operation.line_fields) };
    const offered = columns.filter((column) => column.ours !== "" && !(column.ours in given));
    const mapped = offered.reduce(
      (before: Values, column) => withField(before, column.name, column.ours, knowsLines),
      operation,
    );
    onChange({ ...mapped, records: path });
  };
  const map = (theirs: string, our: string) =>
    onChange({ ...withField(operation, theirs, our, knowsLines), records: path });
  return (
    <details class="fold" open={isChosen && isMapped}>
      <summary>
        Records at <code>{path}</code> <span class="quiet">{plural(columns.length, "field")}</span>
      </summary>
      <div class="actions">
        <button type="button" onClick={take}>
          Take these records, with the fields that are known by name
        </button>
      </div>
      <ul class="mapping">
        {columns.map((column) => (
          <li key={column.name}>
            <MapOne
              theirs={column.name}
              sample={column.sample}
              ours={ours}
              chosen={isChosen ? oursOf(operation, column.name) : ""}
              onChoose={(our) => map(column.name, our)}
            />
          </li>
        ))}
      </ul>
    </details>
  );
}

interface MapOneProps {
  theirs: string;
  sample: string;
  ours: readonly string[];
  chosen: string;
  onChoose: (our: string) => void;
}

/** A field of the source, what stands there, and what it means to us. */
export function MapOne({ theirs, sample, ours, chosen, onChoose }: MapOneProps) {
  const id = useId();
  const listed = chosen && !ours.includes(chosen) ? [chosen, ...ours] : ours;
  return (
    <>
      <label for={id}>
        <bdi>{theirs}</bdi>
        <span class="quiet">
          {" "}
          <bdi>{sample || "(empty)"}</bdi>
        </span>
      </label>
      <select id={id} value={chosen} onChange={(event) => onChoose(event.currentTarget.value)}>
        <option value="">not used</option>
        {listed.map((our) => (
          <option key={our} value={our}>
            {our}
          </option>
        ))}
      </select>
    </>
  );
}
