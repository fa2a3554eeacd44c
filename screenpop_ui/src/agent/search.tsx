/** Search by number: what would be shown if that number called. */

import { useSignal } from "@preact/signals";
import type { Desk } from "../live/desk";

export function Search({ desk }: { desk: Desk }) {
  const typed = useSignal("");
  const submit = (event: Event) => {
    event.preventDefault();
    const phone = typed.value.trim();
    if (phone) desk.show({ kind: "caller", phone, record: null });
  };
  return (
    <form class="search" onSubmit={submit}>
      <label class="sr-only" for="search">
        Search by phone number
      </label>
      <input
        id="search"
        type="search"
        inputMode="tel"
        autocomplete="off"
        placeholder="Phone number"
        value={typed.value}
        onInput={(event) => {
          typed.value = event.currentTarget.value;
        }}
      />
      <button type="submit">Find</button>
    </form>
  );
}
