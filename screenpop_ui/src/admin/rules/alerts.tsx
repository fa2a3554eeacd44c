/** Which alerts show, and from what amount or age on. */

import { Wrong } from "../../forms/field";
import { type Trouble, typedNumber, within } from "../../forms/schema";
import { ALERTS, type AlertRules } from "./api";
import { TextField } from "./priorities";

interface Props {
  rules: AlertRules;
  onChange: (rules: AlertRules) => void;
  errors: readonly Trouble[];
}

export function Alerts({ rules, onChange, errors }: Props) {
  const off = rules.off ?? [];
  return (
    <>
      <fieldset class="group">
        <legend>Alerts that show</legend>
        <Wrong errors={within(errors, "/alerts/off")} />
        <div class="checks">
          {Object.entries(ALERTS).map(([code, words]) => (
            <label key={code} class="check">
              <input
                type="checkbox"
                checked={!off.includes(code)}
                onChange={(event) =>
                  onChange({
                    ...rules,
                    off: event.currentTarget.checked
                      ? off.filter((each) => each !== code)
                      : [...off, code],
                  })
                }
              />
              {words}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="row-fields">
        <TextField
          label="Overdue: only over this amount"
          value={rules.overdue_over ?? ""}
          errors={within(errors, "/alerts/overdue_over")}
          onInput={(text) => onChange({ ...rules, overdue_over: text.trim() || null })}
        />
        <TextField
          label="Overdue: only from this many days on"
          value={rules.overdue_days == null ? "" : String(rules.overdue_days)}
          errors={within(errors, "/alerts/overdue_days")}
          onInput={(text) => onChange({ ...rules, overdue_days: typedNumber(text) ?? null })}
        />
        <TextField
          label="Over the limit: only by more than"
          value={rules.over_limit_over ?? ""}
          errors={within(errors, "/alerts/over_limit_over")}
          onInput={(text) => onChange({ ...rules, over_limit_over: text.trim() || null })}
        />
      </div>
    </>
  );
}
