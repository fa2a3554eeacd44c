/** The outcomes that agents choose from after a call. */

import { useId } from "preact/hooks";
import { Field, Wrong } from "../../forms/field";
import { at, type Trouble, within } from "../../forms/schema";
import { moved } from "./api";

interface Props {
  names: readonly string[];
  usual: readonly string[];
  onChange: (names: string[]) => void;
  errors: readonly Trouble[];
}

export function Outcomes({ names, usual, onChange, errors }: Props) {
  const id = useId();
  return (
    <>
      <Wrong errors={at(errors, "/dispositions")} />
      <ul class="stack-tight" id={id}>
        {names.map((name, place) => (
          <li key={place} class="actions at-end">
            <Field label={`Outcome ${place + 1}`} errors={within(errors, `/dispositions/${place}`)}>
              {(control) => (
                <input
                  {...control}
                  type="text"
                  autocomplete="off"
                  value={name}
                  onInput={(event) => onChange(names.with(place, event.currentTarget.value))}
                />
              )}
            </Field>
            <button
              type="button"
              aria-label={`${name}: earlier`}
              disabled={place === 0}
              onClick={() => onChange(moved(names, place, -1))}
            >
              ↑
            </button>
            <button
              type="button"
              aria-label={`${name}: later`}
              disabled={place === names.length - 1}
              onClick={() => onChange(moved(names, place, 1))}
            >
              ↓
            </button>
            <button type="button" onClick={() => onChange(names.toSpliced(place, 1))}>
              Remove<span class="sr-only"> {name}</span>
            </button>
          </li>
        ))}
      </ul>
      <div class="actions">
        <button type="button" onClick={() => onChange([...names, ""])}>
          Add an outcome
        </button>
        <button type="button" onClick={() => onChange([...usual])}>
          The usual ones
        </button>
      </div>
      {!names.includes("complaint") && (
        <p class="hint">
          Without the outcome “complaint” no call can be marked as one, so the alert for complaints
          stays away.
        </p>
      )}
    </>
  );
}
