/** A form drawn from the JSON Schema of a kind's settings; the server says what is wrong. */

import { useId, useState } from "preact/hooks";
import { Field, Wrong } from "./field";
import { Choices, Pairs, Secret, Secrets, Texts } from "./lists";
import {
  below,
  isFoldable,
  KEPT,
  memberOf,
  resolved,
  type Schema,
  shapeOf,
  strays,
  type Trouble,
  typedNumber,
  type Values,
  within,
  withValue,
} from "./schema";

interface FormProps {
  schema: Schema;
  /** What is typed; the parent keeps it, so that nothing is lost when the server refuses it. */
  values: Values;
  onChange: (values: Values) => void;
  /** The settings as the server showed them: where a secret reads "set", it is kept. */
  kept?: Values | null;
  errors?: readonly Trouble[];
  /** The pointer of the settings in what is sent. */
  pointer?: string;
}

export function SchemaForm(props: FormProps) {
  const { schema, values, onChange, kept = null, errors = [], pointer = "/settings" } = props;
  return (
    <div class="schema-form">
      <Group
        schema={schema}
        defs={schema.$defs ?? {}}
        values={values}
        kept={kept ?? {}}
        onChange={onChange}
        errors={errors}
        pointer={pointer}
      />
    </div>
  );
}

interface GroupProps {
  schema: Schema;
  defs: Readonly<Record<string, Schema>>;
  values: Values;
  kept: Values;
  onChange: (values: Values) => void;
  errors: readonly Trouble[];
  pointer: string;
  /** A field of the group that is not drawn: the union's own choice. */
  leaveOut?: string;
}

function Group({ schema, defs, values, kept, onChange, errors, pointer, leaveOut }: GroupProps) {
  const names = Object.keys(schema.properties ?? {}).filter((name) => name !== leaveOut);
  return (
    <>
      <Wrong errors={strays(errors, pointer, names)} />
      {names.map((name) => {
        const field = resolved(schema.properties?.[name] ?? {}, defs);
        if ("const" in field) return null;
        return (
          <Setting
            key={name}
            name={name}
            schema={field}
            defs={defs}
            isRequired={schema.required?.includes(name) ?? false}
            value={values[name]}
            kept={kept[name]}
            onChange={(value) => onChange(withValue(values, name, value))}
            errors={within(errors, below(pointer, name))}
            pointer={below(pointer, name)}
          />
        );
      })}
    </>
  );
}

export interface SettingProps {
  name: string;
  schema: Schema;
  defs: Readonly<Record<string, Schema>>;
  isRequired: boolean;
  value: unknown;
  kept: unknown;
  onChange: (value: unknown) => void;
  errors: readonly Trouble[];
  pointer: string;
}

function Setting(props: SettingProps) {
  const { name, schema, isRequired, value, onChange, errors } = props;
  const label = schema.title ?? name;
  const shared = { label, hint: schema.description, isRequired, errors };
  switch (shapeOf(schema)) {
    case "boolean":
      return <Switch {...props} label={label} />;
    case "choice":
      return (
        <Field {...shared}>
          {(control) => (
            <select
              {...control}
              value={String(value ?? schema.default ?? "")}
              onChange={(event) => onChange(event.currentTarget.value)}
            >
              {value === undefined && schema.default === undefined && <option value="" />}
              {schema.enum?.map((each) => (
                <option key={each} value={String(each)}>
                  {choiceWords(String(each))}
                </option>
              ))}
            </select>
          )}
        </Field>
      );
    case "secret":
      return (
        <Field {...shared}>
          {(control) => (
            <Secret control={control} value={value} kept={props.kept} onChange={onChange} />
          )}
        </Field>
      );
    case "sql":
      return (
        <Field {...shared}>
          {(control) => (
            <textarea
              {...control}
              class="code"
              rows={Math.min(14, Math.max(3, textOf(value).split("\n").length + 1))}
              spellcheck={false}
              value={textOf(value)}
              onInput={(event) => onChange(event.currentTarget.value || undefined)}
            />
          )}
        </Field>
      );
    case "integer":
    case "number":
      return (
        <Field {...shared}>
          {(control) => (
            <input
              {...control}
              type="text"
              inputMode={schema.type === "integer" ? "numeric" : "decimal"}
              autocomplete="off"
              placeholder={defaultWords(schema)}
              value={textOf(value)}
              onInput={(event) => onChange(typedNumber(event.currentTarget.value))}
            />
          )}
        </Field>
      );
    case "texts":
      return schema.items?.format === "password" ? (
        <Secrets {...props} label={label} />
      ) : (
        <Texts {...props} label={label} />
      );
    case "choices":
      return <Choices {...props} label={label} />;
    case "pairs":
      return <Pairs {...props} label={label} />;
    case "group":
      return <Fold {...props} label={label} />;
    case "union":
      return <Union {...props} label={label} />;
    case "text":
      return (
        <Field {...shared}>
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              placeholder={defaultWords(schema)}
              value={textOf(value)}
              onInput={(event) =>
                onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.value)
              }
            />
          )}
        </Field>
      );
    case "unknown":
      return (
        <Field
          {...shared}
          hint="This setting cannot be changed here; use the configuration file (screenpop apply)."
        >
          {(control) => <output {...control}>{JSON.stringify(value ?? schema.default)}</output>}
        </Field>
      );
  }
}

const textOf = (value: unknown): string =>
  value === undefined || value === null ? "" : String(value);

const choiceWords = (value: string) => value.replaceAll("_", " ") || "none";

const defaultWords = (schema: Schema): string | undefined => {
  const value = schema.default;
  return value === undefined || value === "" || value === null ? undefined : `if empty: ${value}`;
};

function Switch({ schema, value, onChange, errors, label }: SettingProps & { label: string }) {
  const id = useId();
  return (
    <div class={errors.length > 0 ? "field is-wrong" : "field"}>
      <div class="check">
        <input
          id={id}
          type="checkbox"
          checked={Boolean(value ?? schema.default ?? false)}
          aria-describedby={`${id}-hint ${id}-wrong`}
          aria-invalid={errors.length > 0 || undefined}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <label for={id}>{label}</label>
      </div>
      <Wrong id={`${id}-wrong`} errors={errors} />
      <p class="hint" id={`${id}-hint`}>
        {schema.description}
      </p>
    </div>
  );
}

const asValues = (value: unknown): Values =>
  typeof value === "object" && value !== null ? (value as Values) : {};

/** A group of settings: folded while it holds nothing and nothing in it is wrong. */
function Fold(props: SettingProps & { label: string }) {
  const { schema, defs, value, kept, onChange, errors, pointer, label, isRequired } = props;
  const [isOpen, setOpen] = useState(isRequired || !isFoldable(value));
  return (
    <details
      class="fold"
      open={isOpen || errors.length > 0}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>
        {label}
        {!isRequired && isFoldable(value) && <span class="quiet"> (nothing set)</span>}
      </summary>
      <p class="hint">{schema.description}</p>
      <Group
        schema={schema}
        defs={defs}
        values={asValues(value)}
        kept={asValues(kept)}
        onChange={(values) =>
          onChange(!isRequired && Object.keys(values).length === 0 ? undefined : values)
        }
        errors={errors}
        pointer={pointer}
      />
    </details>
  );
}

/** One of several groups. What was typed into the others is kept while the form is open. */
function Union(props: SettingProps & { label: string }) {
  const { schema, defs, value, kept, onChange, errors, pointer, label, isRequired } = props;
  const [typed, setTyped] = useState<Record<string, Values>>({});
  const name = schema.discriminator?.propertyName ?? "kind";
  const values = asValues(value);
  const { tag, members } = memberOf(schema, values, defs);
  const member = members.find((each) => each.tag === tag)?.schema;
  const keptValues = asValues(kept);
  const choose = (next: string) => {
    setTyped({ ...typed, [tag]: values });
    onChange(typed[next] ?? (keptValues[name] === next ? keptValues : { [name]: next }));
  };
  return (
    <fieldset class="group">
      <legend>{label}</legend>
      <Field
        label="Kind"
        hint={schema.description}
        isRequired={isRequired}
        errors={errors.filter((e) => e.pointer === pointer || e.pointer === below(pointer, name))}
      >
        {(control) => (
          <select {...control} value={tag} onChange={(event) => choose(event.currentTarget.value)}>
            {members.map((each) => (
              <option key={each.tag} value={each.tag}>
                {each.schema.title && !each.schema.title.match(/^[A-Z]\w+[A-Z]/)
                  ? each.schema.title
                  : choiceWords(each.tag)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {member && (
        <Group
          key={tag}
          schema={member}
          defs={defs}
          values={values}
          kept={keptValues[name] === tag ? keptValues : {}}
          onChange={(next) => onChange({ ...next, [name]: tag })}
          errors={errors.filter((e) => e.pointer !== pointer && e.pointer !== below(pointer, name))}
          pointer={pointer}
          leaveOut={name}
        />
      )}
    </fieldset>
  );
}

export { KEPT };
