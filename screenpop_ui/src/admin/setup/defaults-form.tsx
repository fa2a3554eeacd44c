/** Region and currency, suggested from the browser's language; nothing is saved unasked. */

import { useRef, useState } from "preact/hooks";
import { Field, focusWrong } from "../../forms/field";
import { at } from "../../forms/schema";
import { isChangedMeanwhile } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { type Defaults, readSetup, saveDefaults } from "./state";

interface Props {
  defaults: Defaults;
  onSaved: () => void;
}

export function DefaultsForm({ defaults, onSaved }: Props) {
  const [region, setRegion] = useState(defaults.default_region ?? suggestedRegion());
  const [currency, setCurrency] = useState(defaults.default_currency ?? "");
  // Of what was looked at: what somebody else saves meanwhile is noticed when this is saved.
  const [version, setVersion] = useState(defaults.version);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const saved = await action.run(() =>
      saveDefaults(region.trim() || null, currency.trim() || null, version),
    );
    if (!saved) return focusWrong(form.current);
    setVersion(saved.version);
    onSaved();
  };
  const showTheirs = async () => {
    const { defaults: theirs } = await readSetup();
    setRegion(theirs.default_region ?? "");
    setCurrency(theirs.default_currency ?? "");
    setVersion(theirs.version);
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
      <div class="row-fields">
        <Field
          label="Region"
          errors={at(action.errors, "/default_region")}
          hint="Two letters, such as GB or DE: numbers without a country code are of there."
        >
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={region}
              onInput={(event) => setRegion(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field
          label="Currency"
          errors={at(action.errors, "/default_currency")}
          hint="Three letters, such as EUR: of amounts for which a data source names none."
        >
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={currency}
              onInput={(event) => setCurrency(event.currentTarget.value)}
            />
          )}
        </Field>
      </div>
      <div class="actions">
        <button type="submit" class="primary" disabled={action.isBusy}>
          Save region and currency
        </button>
        {isChangedMeanwhile(action.error) && (
          <button
            type="button"
            onClick={() => void action.run(showTheirs, "This is what they saved.")}
          >
            Show what they saved
          </button>
        )}
        <StatusLine outcome={action.outcome} />
      </div>
    </form>
  );
}

/** The region of the browser's language, "GB" of "en-GB"; "" when it says none. */
function suggestedRegion(): string {
  try {
    return new Intl.Locale(navigator.language).region ?? "";
  } catch {
    return "";
  }
}
