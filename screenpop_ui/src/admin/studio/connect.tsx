/** Step 1: where the source is and how it knows us; tested before anything is saved. */

import { useRef, useState } from "preact/hooks";
import { Field, focusWrong, Wrong } from "../../forms/field";
import { at, strays, typedNumber, within } from "../../forms/schema";
import { SchemaForm } from "../../forms/schema-form";
import { Icon } from "../../ui/icon";
import { type FieldError, fieldsOf } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { slugOf } from "../phones/form";
import { type Checked, type Fields, sources } from "./api";
import { DropZone } from "./drop-zone";
import { GrantPanel, GrantToCome } from "./grant";
import { asksAPerson, asText, isUnmapped, mappedNames, narrowed } from "./state";
import type { Desk } from "./studio";

const FIELDS = ["kind", "name", "region", "settings", "slug", "timeout_ms", "priority", "cache_s"];

export function ConnectStep({
  desk,
  onSlug,
}: {
  desk: Desk;
  onSlug: ((slug: string) => void) | null;
}) {
  const { kind, typed, change } = desk;
  const [tested, setTested] = useState<{ of: Fields; errors: FieldError[] } | null>(null);
  const form = useRef<HTMLDivElement>(null);
  // What a test refused is marked until something else is typed.
  const refused = tested?.of === typed ? tested.errors : [];
  const errors = refused.length > 0 ? refused : desk.errors;
  const onRefused = (wrong: FieldError[]) => {
    setTested({ of: typed, errors: wrong });
    focusWrong(form.current);
  };
  const schema = kind.settings_schema;
  const mapped = mappedNames(kind.kind, schema);
  const inMap = mapped.flatMap((name) => within(errors, `/settings/${name}`));
  const here = errors.filter((error) => !inMap.includes(error));
  return (
    <div class="stack">
      {desk.source?.authorisation ? (
        <GrantPanel slug={desk.slug} grant={desk.source.authorisation} />
      ) : (
        asksAPerson(kind, typed.settings) && <GrantToCome address={kind.redirect_uri} />
      )}
      <div class="form" ref={form}>
        <Field label="Name" errors={at(errors, "/name")} hint="As agents see it beside a figure.">
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={typed.name ?? ""}
              onInput={(event) => {
                const name = event.currentTarget.value;
                if (onSlug && desk.slug === slugOf(typed.name ?? "", kind.kind)) {
                  onSlug(slugOf(name, kind.kind));
                }
                change({ name: name || null });
              }}
            />
          )}
        </Field>
        {onSlug && (
          <Field
            label="Short name"
            isRequired
            errors={at(errors, "/slug")}
            hint="Stands in its address; it cannot be changed later."
          >
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                value={desk.slug}
                onInput={(event) => {
                  onSlug(event.currentTarget.value);
                  change({});
                }}
              />
            )}
          </Field>
        )}
        {kind.kind === "table" && <DropZone desk={desk} />}
        {schema && (
          <SchemaForm
            schema={narrowed(schema, mapped, false)}
            values={typed.settings}
            kept={desk.kept?.settings ?? null}
            onChange={(settings) => change({ settings })}
            errors={here}
          />
        )}
        <Further desk={desk} errors={errors} />
        {inMap.length > 0 && (
          <p class="wrong">
            <Icon name="warn" /> In 2 Map something is to be mended:{" "}
            {inMap.map((error) => error.detail).join("; ")}
          </p>
        )}
        <Wrong errors={strays(errors, "", FIELDS)} />
        <Test desk={desk} onRefused={onRefused} />
      </div>
    </div>
  );
}

function Further({ desk, errors }: { desk: Desk; errors: readonly FieldError[] }) {
  const { typed, change } = desk;
  return (
    <details class="fold">
      <summary>Region, waiting, precedence</summary>
      <Field
        label="Region of its numbers"
        errors={at(errors, "/region")}
        hint="How numbers without a country code are read: two letters, such as GB."
      >
        {(control) => (
          <input
            {...control}
            type="text"
            autocomplete="off"
            value={typed.region ?? ""}
            onInput={(event) => change({ region: event.currentTarget.value || null })}
          />
        )}
      </Field>
      <Field
        label="Longest wait (ms)"
        errors={at(errors, "/timeout_ms")}
        hint="After this an agent sees that the source did not answer."
      >
        {(control) => (
          <input
            {...control}
            type="text"
            inputMode="numeric"
            value={asText(typed.timeout_ms)}
            onInput={(event) =>
              change({ timeout_ms: typedNumber(event.currentTarget.value) as number })
            }
          />
        )}
      </Field>
      <Field
        label="Precedence"
        errors={at(errors, "/priority")}
        hint="Where two sources give the same field, the higher one is shown."
      >
        {(control) => (
          <input
            {...control}
            type="text"
            inputMode="numeric"
            value={asText(typed.priority)}
            onInput={(event) =>
              change({ priority: typedNumber(event.currentTarget.value) as number })
            }
          />
        )}
      </Field>
      <div class="field check">
        <input
          id="enabled"
          type="checkbox"
          checked={typed.enabled}
          onChange={(event) => change({ enabled: event.currentTarget.checked })}
        />
        <label for="enabled">In use</label>
      </div>
    </details>
  );
}

/** Test what is typed, saved or not. */
function Test({ desk, onRefused }: { desk: Desk; onRefused: (errors: FieldError[]) => void }) {
  const action = useAction();
  const [checked, setChecked] = useState<Checked | null>(null);
  const bare = isUnmapped(desk.kind, desk.typed.settings);
  const test = async () => {
    const asking = () =>
      sources.test(desk.slug, desk.typed).catch((error) => {
        onRefused(fieldsOf(error));
        throw error;
      });
    setChecked(await action.run(asking, null));
  };
  return (
    <section class="card" aria-labelledby="test-it">
      <h2 id="test-it">Test the connection</h2>
      <p class="hint">Asks the source with what is typed here; nothing is saved by it.</p>
      <div class="actions">
        <button type="button" disabled={action.isBusy} onClick={() => void test()}>
          Test
        </button>
      </div>
      <StatusLine outcome={checked ? outcomeOf(checked, bare) : action.outcome} />
      {checked && checked.proved.length > 0 && (
        <ul>
          {checked.proved.map((line) => (
            <li key={line}>
              <Icon name="check" /> {line}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** How a test went. What is not mapped yet is no fault of a connection that was proved. */
export function outcomeOf(
  checked: Checked,
  isBare = false,
): { kind: "good" | "bad"; text: string } {
  const answers = `It answers, in ${checked.elapsed_ms} ms.`;
  if (checked.status === "ok") return { kind: "good", text: answers };
  if (isBare && checked.status === "bad_config" && checked.proved.length > 0)
    return { kind: "good", text: `${answers} Nothing is mapped yet: go on to 2 Map.` };
  return { kind: "bad", text: checked.text };
}
