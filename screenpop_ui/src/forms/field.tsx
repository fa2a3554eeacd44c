/** Label, hint, control and what is wrong: the frame of every field. */

import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "../ui/icon";
import type { Trouble } from "./schema";

export interface Control {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
  "aria-required": boolean | undefined;
}

interface Props {
  label: string;
  hint?: ComponentChildren;
  isRequired?: boolean;
  errors?: readonly Trouble[];
  /** The control, with what ties it to its label, hint and faults. */
  children: (control: Control) => JSX.Element;
}

export function Field({ label, hint, isRequired = false, errors = [], children }: Props) {
  const id = useId();
  const described = [hint && `${id}-hint`, errors.length > 0 && `${id}-wrong`].filter(Boolean);
  return (
    <div class={errors.length > 0 ? "field is-wrong" : "field"}>
      <label for={id}>
        {label}
        {isRequired && <span class="quiet"> (needed)</span>}
      </label>
      {children({
        id,
        "aria-describedby": described.join(" ") || undefined,
        "aria-invalid": errors.length > 0 || undefined,
        "aria-required": isRequired || undefined,
      })}
      <Wrong id={`${id}-wrong`} errors={errors} />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** What is wrong, said at its place. */
export function Wrong({ id, errors }: { id?: string; errors: readonly Trouble[] }) {
  if (errors.length === 0) return null;
  return (
    <p class="wrong" id={id} role="alert">
      <Icon name="warn" /> {errors.map((error) => error.detail).join("; ")}
    </p>
  );
}

/** The first field in which something is wrong gets the keyboard. */
export function focusWrong(form: HTMLElement | null): void {
  requestAnimationFrame(() => {
    form?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  });
}
