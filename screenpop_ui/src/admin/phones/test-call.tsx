/** Ring an extension through the real webhook, and say what came of it. */

import { useId, useRef, useState } from "preact/hooks";
import { base } from "../../api/client";
import { Field, focusWrong } from "../../forms/field";
import { at } from "../../forms/schema";
import { StatusLine, useAction } from "../parts/action";
import { phones, type Rung } from "./api";

interface Props {
  slug: string;
  extension: string;
  onRung?: () => void;
}

export function TestCall({ slug, extension: own, onRung }: Props) {
  const [ani, setAni] = useState("");
  const [extension, setExtension] = useState(own);
  const [rung, setRung] = useState<Rung | null>(null);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const id = useId();
  const submit = async (event: Event) => {
    event.preventDefault();
    const done = await action.run(() => phones.ring(slug, ani, extension), null);
    setRung(done);
    if (done) onRung?.();
    else focusWrong(form.current);
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
      <div class="row-fields">
        <Field label="Caller's number" isRequired errors={at(action.errors, "/ani")}>
          {(control) => (
            <input
              {...control}
              type="tel"
              autocomplete="off"
              value={ani}
              onInput={(event) => setAni(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Extension that rings" isRequired errors={at(action.errors, "/extension")}>
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={extension}
              onInput={(event) => setExtension(event.currentTarget.value)}
            />
          )}
        </Field>
      </div>
      <div class="actions">
        <button type="submit" class="primary" disabled={action.isBusy} id={id}>
          Ring
        </button>
        <a href={base.pathname} target="_blank" rel="noopener">
          Open the agent's page
          <span class="sr-only"> (opens a new tab)</span>
        </a>
      </div>
      <StatusLine outcome={rung ? outcomeOf(rung) : action.outcome} />
    </form>
  );
}

export function outcomeOf(rung: Rung): { kind: "good" | "bad"; text: string } {
  if (rung.status >= 300) {
    return { kind: "bad", text: `The webhook refused it (${rung.status}): ${rung.answer}` };
  }
  if (rung.agents.length === 0) {
    return {
      kind: "bad",
      text: "The webhook took it, but nobody has this extension: give it to somebody under People.",
    };
  }
  const who = rung.agents.join(", ");
  const text =
    rung.connected === 0
      ? `It rings for ${who}, who has no agent's page open: open it to see the pop.`
      : `It rings on the screen of ${who}.`;
  return { kind: "good", text };
}
