/** Secrets, lists of texts, lists of secrets, choices of several, and pairs of name and value. */

import type { ComponentChildren, TargetedInputEvent } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { type Control, Field, Wrong } from "./field";
import { at, below, KEPT, type Schema, strays, type Trouble } from "./schema";
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

interface RowsProps<Row> {
  label: string;
  schema: Schema;
  isRequired?: boolean;
  rows: readonly Row[];
  /** What is wrong with the list as a whole. */
  wrong: readonly Trouble[];
  /** The row that is added, how many fields it has, and what it is called. */
  blank: Row;
  fields?: number;
  named: (index: number) => string;
  onChange: (rows: Row[]) => void;
  children: (row: Row, index: number) => ComponentChildren;
}

/** Rows that can be taken away, and a button that adds one; the keyboard goes along. */
function Rows<Row>(props: RowsProps<Row>) {
  const { label, schema, isRequired, rows, wrong, blank, fields = 1, named, onChange } = props;
  const hintId = useId();
  const box = useRef<HTMLFieldSetElement>(null);
  // To a row that has just come, or the one after a removed row.
  const focus = (row: number) =>
    requestAnimationFrame(() => {
      const inputs = box.current?.querySelectorAll<HTMLInputElement>("li input");
      const add = box.current?.querySelector<HTMLElement>(".add");
      (inputs?.[Math.min(row * fields, inputs.length - 1)] ?? add)?.focus();
    });
  return (
    <fieldset
      class={fields > 1 ? "group list pairs" : "group list"}
      ref={box}
      aria-describedby={hintId}
    >
      <legend>
        {label}
        {isRequired && <span class="quiet"> (needed)</span>}
      </legend>
      <p class="hint" id={hintId}>
        {schema.description}
      </p>
      <Wrong errors={wrong} />
      <ul>
        {rows.map((row, index) => (
          <li key={index}>
            {props.children(row, index)}
            <button
              type="button"
              onClick={() => {
                onChange(rows.toSpliced(index, 1));
                focus(index);
              }}
            >
              Remove<span class="sr-only"> {named(index)}</span>
            </button>
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="add"
        onClick={() => {
          onChange([...rows, blank]);
          focus(rows.length);
        }}
      >
        Add<span class="sr-only"> to {label}</span>
      </button>
    </fieldset>
  );
}

type TextRowsProps = Pick<ListProps, "label" | "schema" | "onChange" | "errors" | "pointer"> & {
  isRequired?: boolean;
  rows: readonly string[];
  isSecret?: boolean;
  kept?: readonly string[];
};

/** Rows of one text each; what is wrong with the list as a whole marks each of its fields. */
function TextRows(props: TextRowsProps) {
  const { rows, isSecret, kept = [], onChange, errors, pointer, ...frame } = props;
  const own = strays(
    errors,
    pointer,
    rows.map((_, index) => String(index)),
  );
  const marked = own.length > 0 || undefined;
  const named = (index: number) => `${frame.label} ${index + 1}`;
  const change = (next: string[]) => onChange(next.length > 0 ? next : undefined);
  return (
    <Rows {...frame} rows={rows} wrong={own} blank="" named={named} onChange={change}>
      {(text, index) => (
        <Field label={named(index)} errors={at(errors, below(pointer, index))}>
          {(control) => {
            if (text === KEPT && kept[index] === KEPT) {
              return <input {...control} type="text" readOnly value="kept on the server" />;
            }
            const typed = {
              ...control,
              "aria-invalid": control["aria-invalid"] ?? marked,
              value: text,
              onInput: (event: TargetedInputEvent<HTMLInputElement>) =>
                change(rows.with(index, event.currentTarget.value)),
            };
            return isSecret ? (
              <input {...typed} type="password" autocomplete="new-password" />
            ) : (
              <input {...typed} type="text" autocomplete="off" />
            );
          }}
        </Field>
      )}
    </Rows>
  );
}

export function Texts({ label, schema, value, onChange, errors, pointer }: ListProps) {
  const rows = asTexts(value ?? schema.default);
  return <TextRows {...{ label, schema, rows, onChange, errors, pointer }} />;
}

/** Several secrets that hold side by side, such as an old and a new one. */
export function Secrets({ value, kept, ...list }: ListProps) {
  const { label, schema, isRequired, onChange, errors, pointer } = list;
  const given = asSecrets(value);
  const rows = given.length > 0 ? given : isRequired ? [""] : [];
  return (
    <TextRows
      {...{ label, schema, isRequired, rows, onChange, errors, pointer }}
      isSecret
      kept={asSecrets(kept)}
    />
  );
}

/** One secret stands for a list of one. */
const asSecrets = (value: unknown): string[] =>
  Array.isArray(value) ? asTexts(value) : value === undefined ? [] : [String(value)];

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
  const given = (value ?? schema.default ?? {}) as Record<string, unknown>;
  const [rows, setRows] = useState<Pair[]>(() => pairsOf(given));
  const sent = JSON.stringify(objectOf(rows));
  // Changed from outside, such as by a preset: what is typed here no longer holds.
  const shown = JSON.stringify(objectOf(pairsOf(given))) === sent ? rows : pairsOf(given);
  const change = (next: Pair[]) => {
    setRows(next);
    const object = objectOf(next);
    onChange(Object.keys(object).length > 0 ? object : undefined);
  };
  const own = strays(
    errors,
    pointer,
    shown.map((row) => row.name),
  );
  return (
    <Rows
      label={label}
      schema={schema}
      rows={shown}
      wrong={own}
      blank={{ name: "", text: "" }}
      fields={2}
      named={(index) => `row ${index + 1}`}
      onChange={change}
    >
      {(row, index) => (
        <>
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
          <Field
            label={`Value ${index + 1}`}
            errors={row.name === "" ? [] : at(errors, below(pointer, row.name))}
          >
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
        </>
      )}
    </Rows>
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
