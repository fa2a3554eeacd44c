/** Who gets a higher level of service: rules tried from the top, the first that fits counts. */

import { Field } from "../../forms/field";
import { below, type Trouble, within } from "../../forms/schema";
import { textsOf } from "../people/api";
import { type Conditions, moved, type Priority } from "./api";

interface Props {
  rules: readonly Priority[];
  onChange: (rules: Priority[]) => void;
  errors: readonly Trouble[];
}

export function Priorities({ rules, onChange, errors }: Props) {
  const set = (index: number, rule: Priority) => onChange(rules.with(index, rule));
  return (
    <>
      {rules.length === 0 && <p class="quiet">No rule yet: everybody gets the same service.</p>}
      <ol class="stack-tight">
        {rules.map((rule, index) => (
          <Rule
            key={index}
            rule={rule}
            number={index + 1}
            count={rules.length}
            errors={within(errors, `/priorities/${index}`)}
            pointer={`/priorities/${index}`}
            onChange={(next) => set(index, next)}
            onMove={(by) => onChange(moved(rules, index, by))}
            onRemove={() => onChange(rules.toSpliced(index, 1))}
          />
        ))}
      </ol>
      <div>
        <button
          type="button"
          onClick={() => onChange([...rules, { name: "", level: 5, when: {}, queue: null }])}
        >
          Add a rule
        </button>
      </div>
    </>
  );
}

interface RuleProps {
  rule: Priority;
  number: number;
  count: number;
  errors: readonly Trouble[];
  pointer: string;
  onChange: (rule: Priority) => void;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
}

function Rule({ rule, number, count, errors, pointer, onChange, onMove, onRemove }: RuleProps) {
  const when = rule.when ?? {};
  const setWhen = (changes: Partial<Conditions>) =>
    onChange({ ...rule, when: { ...when, ...changes } });
  const wrong = (...path: string[]) => within(errors, path.reduce(below, pointer));
  return (
    <li class="rule">
      <div class="row-fields">
        <TextField
          label={`Name of rule ${number}`}
          value={rule.name}
          errors={wrong("name")}
          onInput={(name) => onChange({ ...rule, name })}
        />
        <Field label="Level, 9 is the best" errors={wrong("level")}>
          {(control) => (
            <select
              {...control}
              value={rule.level}
              onChange={(event) => onChange({ ...rule, level: Number(event.currentTarget.value) })}
            >
              {[9, 8, 7, 6, 5, 4, 3, 2, 1].map((level) => (
                <option key={level} value={level}>
                  {level}
                </option>
              ))}
            </select>
          )}
        </Field>
        <TextField
          label="Queue to hint at"
          value={rule.queue ?? ""}
          errors={wrong("queue")}
          onInput={(queue) => onChange({ ...rule, queue: queue || null })}
        />
      </div>
      <p class="hint">For customers for whom all of this holds; what is empty asks for nothing:</p>
      <div class="row-fields">
        <ListField
          label="Tier is one of"
          values={when.tier ?? []}
          errors={wrong("when", "tier")}
          onInput={(tier) => setWhen({ tier })}
        />
        <ListField
          label="Has one of the tags"
          values={when.tags ?? []}
          errors={wrong("when", "tags")}
          onInput={(tags) => setWhen({ tags })}
        />
        <TextField
          label="Overdue is over"
          value={when.overdue_over ?? ""}
          errors={wrong("when", "overdue_over")}
          onInput={(text) => setWhen({ overdue_over: text.trim() || null })}
        />
        <TextField
          label="Bought in all is over"
          value={when.lifetime_over ?? ""}
          errors={wrong("when", "lifetime_over")}
          onInput={(text) => setWhen({ lifetime_over: text.trim() || null })}
        />
        <YesNo
          label="The last call was a complaint"
          value={when.open_complaint ?? null}
          onChange={(open_complaint) => setWhen({ open_complaint })}
        />
        <YesNo
          label="Is on credit hold"
          value={when.on_hold ?? null}
          onChange={(on_hold) => setWhen({ on_hold })}
        />
      </div>
      <div class="actions">
        <button type="button" disabled={number === 1} onClick={() => onMove(-1)}>
          Earlier<span class="sr-only"> rule {number}</span>
        </button>
        <button type="button" disabled={number === count} onClick={() => onMove(1)}>
          Later<span class="sr-only"> rule {number}</span>
        </button>
        <button type="button" onClick={onRemove}>
          Remove<span class="sr-only"> rule {number}</span>
        </button>
      </div>
    </li>
  );
}

interface TextProps {
  label: string;
  value: string;
  errors: readonly Trouble[];
  onInput: (text: string) => void;
}

export function TextField({ label, value, errors, onInput }: TextProps) {
  return (
    <Field label={label} errors={errors}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

interface ListFieldProps {
  label: string;
  values: readonly string[];
  errors: readonly Trouble[];
  onInput: (values: string[]) => void;
}

/** Several words with commas between; split when the field is left, so that typing goes on. */
function ListField({ label, values, errors, onInput }: ListFieldProps) {
  return (
    <Field label={label} errors={errors}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          key={values.join()}
          defaultValue={values.join(", ")}
          onChange={(event) => onInput(textsOf(event.currentTarget.value))}
        />
      )}
    </Field>
  );
}

interface YesNoProps {
  label: string;
  value: boolean | null;
  onChange: (value: boolean | null) => void;
}

function YesNo({ label, value, onChange }: YesNoProps) {
  return (
    <Field label={label}>
      {(control) => (
        <select
          {...control}
          value={String(value)}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            onChange(chosen === "null" ? null : chosen === "true");
          }}
        >
          <option value="null">does not matter</option>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      )}
    </Field>
  );
}
