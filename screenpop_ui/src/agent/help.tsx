/** The line of keys, shown on `?`. */

import type { Signal } from "@preact/signals";
import { KEYS, keysOn, switchKeys } from "../ui/keys";

export function Help({ open }: { open: Signal<boolean> }) {
  return (
    <div class="help">
      <button
        type="button"
        class="link"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {open.value ? "Hide keys" : "Keys ?"}
      </button>
      {open.value && (
        <>
          <ul class="keys">
            {KEYS.map(({ key, does }) => (
              <li key={key}>
                <kbd>{key}</kbd> {does}
              </li>
            ))}
          </ul>
          <label class="keys-on">
            <input
              type="checkbox"
              checked={keysOn.value}
              onChange={(event) => switchKeys(event.currentTarget.checked)}
            />{" "}
            use keys
          </label>
        </>
      )}
    </div>
  );
}
