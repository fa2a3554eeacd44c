/** A text to be pasted elsewhere, with a button that copies it. */

import { useId, useState } from "preact/hooks";

export function Copy({ label, text }: { label: string; text: string }) {
  const id = useId();
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("copied");
    } catch {
      // Without https a page has no clipboard of its own: the old way, else by hand.
      const field = document.getElementById(id) as HTMLInputElement | null;
      field?.focus();
      field?.select();
      setSaid(document.execCommand("copy") ? "copied" : "selected: press Ctrl+C");
    }
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <span class="secret">
        <input
          id={id}
          type="text"
          class="code"
          readOnly
          value={text}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" onClick={() => void copy()}>
          Copy<span class="sr-only"> {label}</span>
        </button>
      </span>
      <span class="hint" role="status">
        {said}
      </span>
    </div>
  );
}
