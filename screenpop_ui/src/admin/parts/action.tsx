/** Doing something: one at a time, its outcome said in a line beside it, never in a pop-up. */

import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { type FieldError, fieldsOf, wordsOf } from "../api";

export type Outcome = { kind: "good" | "bad" | "busy"; text: string } | null;

export interface Action {
  isBusy: boolean;
  outcome: Outcome;
  /** Where in what was sent something is wrong. */
  errors: FieldError[];
  error: unknown;
  /** Do `work`; answers its value, or null when it failed. */
  run: <Value>(work: () => Promise<Value>, done?: string | null) => Promise<Value | null>;
  say: (outcome: Outcome) => void;
  clear: () => void;
}

export function useAction(): Action {
  const [state, setState] = useState<{ outcome: Outcome; error: unknown }>({
    outcome: null,
    error: null,
  });
  const busy = useRef(false);
  const run = async <Value,>(work: () => Promise<Value>, done: string | null = "Saved.") => {
    if (busy.current) return null;
    busy.current = true;
    setState({ outcome: { kind: "busy", text: "…" }, error: null });
    try {
      const value = await work();
      setState({ outcome: done === null ? null : { kind: "good", text: done }, error: null });
      return value;
    } catch (error) {
      // What is wrong at a field is said there, by who draws `errors`.
      const text =
        fieldsOf(error).length > 0 ? "Mend what is marked, then try again." : wordsOf(error);
      setState({ outcome: { kind: "bad", text }, error });
      return null;
    } finally {
      busy.current = false;
    }
  };
  return {
    isBusy: state.outcome?.kind === "busy",
    outcome: state.outcome,
    errors: fieldsOf(state.error),
    error: state.error,
    run,
    say: (outcome) => setState({ outcome, error: null }),
    clear: () => setState({ outcome: null, error: null }),
  };
}

/** The line that says how it went; it keeps its place, so that nothing jumps. */
export function StatusLine({ outcome }: { outcome: Outcome }) {
  return (
    <p class={`status is-${outcome?.kind ?? "none"}`} role="status" aria-live="polite">
      {outcome?.kind === "good" && <Icon name="check" />}
      {outcome?.kind === "bad" && <Icon name="warn" />} {outcome?.text}
    </p>
  );
}

interface ConfirmProps {
  /** What the button says before it was pressed: "Remove". */
  children: ComponentChildren;
  /** What is asked at its place then: "Remove Books?" */
  question: string;
  /** The button that does it: "Remove it". */
  yes: string;
  onYes: () => void;
  disabled?: boolean;
}

/** A button that asks once more at its own place. */
export function Confirm({ children, question, yes, onYes, disabled = false }: ConfirmProps) {
  const [isAsking, setAsking] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setAsking(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  if (!isAsking) {
    return (
      <button type="button" ref={opener} disabled={disabled} onClick={() => setAsking(true)}>
        {children}
      </button>
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the question around its buttons.
    <span
      class="confirm"
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <span role="alert">{question}</span>
      <button
        type="button"
        class="danger"
        ref={(node) => node?.focus()}
        onClick={() => {
          close();
          onYes();
        }}
      >
        {yes}
      </button>
      <button type="button" onClick={close}>
        Keep
      </button>
    </span>
  );
}
