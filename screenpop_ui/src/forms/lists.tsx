/** Secrets, lists of texts, lists of secrets, choices of several, and pairs of name and value. */

import { useId, useRef, useState } from "preact/hooks";
import { type Control, Field, Wrong } from "./field";
import { at, below, KEPT, strays } from "./schema";
import type { SettingProps } from "./schema-form";

interface SecretProps {
  control: Partial<Control>;
  value: unknown;
  kept: unknown;
  onChange: (value: unknown) => void;
  label?: string;
}

/** A secret is never shown: an empty field with one kept on the server keeps it. */
export function Secret({ control, value, kept, onChange, label }: SecretProps) {
  const isKept = value === KEPT && kept === KEPT;
  return (
    <span class="secret">
      <input
        {...control}
        aria-label={label}
        type="password"
        autocomplete="new-password"
        placeholder={kept === KEPT ? "kept; type to replace it" : undefined}
        value={isKept || value === undefined || value === null ? "" : String(value)}
        onInput={(event) => {
          const text = event.currentTarget.value;
          onChange(text !== "" ? text : kept === KEPT ? KEPT : undefined);
        }}
      />
      {isKept && (
        <button type="button" onClick={() => onChange(undefined)}>
          Remove<span class="sr-only"> the kept secret</span>
        </button>
      )}
      {kept === KEPT && value === undefined && (
        <button type="button" onClick={() => onChange(KEPT)}>
          Keep<span class="sr-only"> the secret that is on the server</span>
        </button>
      )}
    </span>
  );
}

type ListProps = SettingProps & { label: string };

const asTexts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Focus of a row that has just come, or of the one after a removed row. */
function useRows() {
  const box = useRef<HTMLFieldSetElement>(null);
  const focus = (index: number) =>
    requestAnimationFrame(() => {
      const rows = box.current?.querySelectorAll<HTMLInputElement>("li input");
      const add = box.current?.querySelector<HTMLElement>(".add");
      (rows?.[Math.min(index, rows.length - 1)] ?? add)?.focus();
    });
  return { box, focus };
}

export function Texts({ label, schema, value, onChange, errors, pointer }: ListProps) {
  const hintId = useId();
  const rows = asTexts(value ?? schema.default);
  const { box, focus } = useRows();
  const change = (next: string[]) => onChange(next.length > 0 ? next : undefined);
  // Of the list as a whole: then each of its fields is marked.
  const own = strays(
    errors,
    pointer,
    rows.map((_, index) => String(index)),
  );
  const marked = own.length > 0 || undefined;
  return (
    <fieldset class="group list" ref={box} aria-describedby={hintId}>
      <legend>{label}</legend>
      <p class="hint" id={hintId}>
        {schema.description}
      </p>
      <Wrong errors={own} />
      <ul>
        {rows.map((text, index) => (
          <li key={index}>
            <Field label={`${label} ${index + 1}`} errors={at(errors, below(pointer, index))}>
              {(control) => (
                <input
                  {...control}
                  aria-invalid={control["aria-invalid"] ?? marked}
                  type="text"
                  autocomplete="off"
                  value={text}
                  onInput={(event) => change(rows.with(index, event.currentTarget.value))}
                />
              )}
            </Field>
            <button
              type="button"
              onClick={() => {
                change(rows.toSpliced(index, 1));
                focus(index);
              }}
            >
              Remove
              <span class="sr-only">
                {" "}
                {label} {index + 1}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="add"
        onClick={() => {
          change([...rows, ""]);
          focus(rows.length);
        }}
      >
        Add<span class="sr-only"> to {label}</span>
      </button>
    </fieldset>
  );
}

/** Several secrets that hold side by side, such as an old and a new one. */
export function Secrets({
  label,
  schema,
  value,
  kept,
  onChange,
  errors,
  pointer,
  isRequired,
}: ListProps) {
  const hintId = useId();
  const given = Array.isArray(value) ? asTexts(value) : value === undefined ? [] : [String(value)];
  const keptTexts = Array.isArray(kept) ? asTexts(kept) : kept === undefined ? [] : [String(kept)];
  const rows = given.length > 0 ? given : isRequired ? [""] : [];
  const { box, focus } = useRows();
  const change = (next: string[]) => onChange(next.length > 0 ? next : undefined);
  // Of the list as a whole: then each of its fields is marked.
  const own = strays(
    errors,
    pointer,
    rows.map((_, index) => String(index)),
  );
  const marked = own.length > 0 || undefined;
  return (
    <fieldset class="group list" ref={box} aria-describedby={hintId}>
      <legend>
        {label}
        {isRequired && <span class="quiet"> (needed)</span>}
      </legend>
      <p class="hint" id={hintId}>
        {schema.description}
      </p>
      <Wrong errors={own} />
      <ul>
        {rows.map((text, index) => (
          <li key={index}>
            <Field label={`${label} ${index + 1}`} errors={at(errors, below(pointer, index))}>
              {(control) =>
                text === KEPT && keptTexts[index] === KEPT ? (
                  <input {...control} type="text" readOnly value="kept on the server" />
                ) : (
                  <input
                    {...control}
                    aria-invalid={control["aria-invalid"] ?? marked}
                    type="password"
                    autocomplete="new-password"
                    value={text}
                    onInput={(event) => change(rows.with(index, event.currentTarget.value))}
                  />
                )
              }
            </Field>
            <button
              type="button"
              onClick={() => {
                change(rows.toSpliced(index, 1));
                focus(index);
              }}
            >
              Remove
              <span class="sr-only">
                {" "}
                {label} {index + 1}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="add"
        onClick={() => {
          change([...rows, ""]);
          focus(rows.length);
        }}
      >
        Add<span class="sr-only"> to {label}</span>
      </button>
    </fieldset>
  );
}

export function Choices({ label, schema, value, onChange, errors }: ListProps) {
  const id = useId();
  const chosen = asTexts(value ?? schema.default);
  return (
    <fieldset class="group" aria-describedby={id}>
      <legend>{label}</legend>
      <p class="hint" id={id}>
        {schema.description}
      </p>
      <Wrong errors={errors} />
      <div class="checks">
        {schema.items?.enum?.map((each) => {
          const text = String(each);
          return (
            <label key={text} class="check">
              <input
                type="checkbox"
                checked={chosen.includes(text)}
                onChange={(event) => {
                  const rest = chosen.filter((other) => other !== text);
                  const next = event.currentTarget.checked ? [...rest, text] : rest;
                  onChange(next.length > 0 ? next : undefined);
                }}
              />
              {text.replaceAll("_", " ")}
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}

interface Pair {
  name: string;
  text: string;
}

/** Names and values. Half-typed rows are kept here; what is sent has every row with a name. */
export function Pairs({ label, schema, value, onChange, errors, pointer }: ListProps) {
  const hintId = useId();
  const given = (value ?? schema.default ?? {}) as Record<string, unknown>;
  const [rows, setRows] = useState<Pair[]>(() => pairsOf(given));
  const sent = JSON.stringify(objectOf(rows));
  // Changed from outside, such as by a preset: what is typed here no longer holds.
  const shown = JSON.stringify(objectOf(pairsOf(given))) === sent ? rows : pairsOf(given);
  const { box, focus } = useRows();
  const change = (next: Pair[]) => {
    setRows(next);
    const object = objectOf(next);
    onChange(Object.keys(object).length > 0 ? object : undefined);
  };
  return (
    <fieldset class="group list pairs" ref={box} aria-describedby={hintId}>
      <legend>{label}</legend>
      <p class="hint" id={hintId}>
        {schema.description}
      </p>
      <Wrong
        errors={strays(
          errors,
          pointer,
          shown.map((row) => row.name),
        )}
      />
      <ul>
        {shown.map((row, index) => {
          const wrong = row.name === "" ? [] : at(errors, below(pointer, row.name));
          return (
            <li key={index}>
              <Field label={`Name ${index + 1}`} errors={doubled(shown, index)}>
                {(control) => (
                  <input
                    {...control}
                    type="text"
                    autocomplete="off"
                    value={row.name}
                    onInput={(event) =>
                      change(shown.with(index, { ...row, name: event.currentTarget.value }))
                    }
                  />
                )}
              </Field>
              <Field label={`Value ${index + 1}`} errors={wrong}>
                {(control) => (
                  <input
                    {...control}
                    type="text"
                    autocomplete="off"
                    value={row.text}
                    onInput={(event) =>
                      change(shown.with(index, { ...row, text: event.currentTarget.value }))
                    }
                  />
                )}
              </Field>
              <button
                type="button"
                onClick={() => {
                  change(shown.toSpliced(index, 1));
                  focus(index * 2);
                }}
              >
                Remove<span class="sr-only"> row {index + 1}</span>
              </button>
            </li>
          );
        })}
      </ul>
      <button
        type="button"
        class="add"
        onClick={() => {
          change([...shown, { name: "", text: "" }]);
          focus(shown.length * 2);
        }}
      >
        Add<span class="sr-only"> to {label}</span>
      </button>
    </fieldset>
  );
}

const pairsOf = (given: Record<string, unknown>): Pair[] =>
  Object.entries(given).map(([name, text]) => ({ name, text: String(text ?? "") }));

export const objectOf = (rows: readonly Pair[]): Record<string, string> =>
  Object.fromEntries(rows.filter((row) => row.name !== "").map((row) => [row.name, row.text]));

function doubled(rows: readonly Pair[], index: number) {
  const name = rows[index]?.name ?? "";
  const isDouble = name !== "" && rows.findIndex((row) => row.name === name) !== index;
  return isDouble ? [{ pointer: "", detail: "this name stands above already" }] : [];
}
