/** Who somebody is: name, e-mail, role, extensions, queues; a password for a new one. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Field, focusWrong, Wrong } from "../../forms/field";
import { strays, within } from "../../forms/schema";
import { isChangedMeanwhile } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { unsaved } from "../router";
import { type Person, people, type Role, textsOf } from "./api";

interface Props {
  person: Person | null;
  /** Filled in for a new one, as learned from the phone system. */
  extension?: string;
  queues?: string[];
  onSaved: (person: Person) => void;
}

const FIELDS = ["name", "email", "role", "extensions", "queues", "password"];

export function PersonForm({ person, extension = "", queues = [], onSaved }: Props) {
  const [typed, setTyped] = useState(() => ({
    ...typedFrom(person),
    ...(person ? {} : { extensions: extension, queues: queues.join(", ") }),
  }));
  const [version, setVersion] = useState(person?.version);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  useEffect(
    () => () => {
      unsaved.value = null;
    },
    [],
  );
  const change = (changes: Partial<typeof typed>) => {
    setTyped({ ...typed, ...changes });
    unsaved.value = typed.name || "a new person";
  };
  const text =
    (name: "name" | "email" | "extensions" | "queues" | "password") =>
    (event: { currentTarget: HTMLInputElement }) =>
      change({ [name]: event.currentTarget.value });
  const submit = async (event: Event) => {
    event.preventDefault();
    const fields = {
      name: typed.name,
      email: typed.email,
      role: typed.role,
      extensions: textsOf(typed.extensions),
      queues: textsOf(typed.queues),
    };
    const done = await action.run(() =>
      person
        ? people.change(person.user_id, fields, version)
        : people.add(typed.password ? { ...fields, password: typed.password } : fields),
    );
    if (!done) return focusWrong(form.current);
    unsaved.value = null;
    setVersion(done.version);
    setTyped(typedFrom(done));
    onSaved(done);
  };
  const { errors } = action;
  const take = async (isTheirs: boolean) => {
    if (!person) return;
    const now = await people.read(person.user_id);
    setVersion(now.version);
    if (isTheirs) {
      setTyped(typedFrom(now));
      unsaved.value = null;
    }
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
      <div class="row-fields">
        <Field label="Name" isRequired errors={within(errors, "/name")}>
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={typed.name}
              onInput={text("name")}
            />
          )}
        </Field>
        <Field label="E-mail" isRequired errors={within(errors, "/email")}>
          {(control) => (
            <input
              {...control}
              type="email"
              autocomplete="off"
              value={typed.email}
              onInput={text("email")}
            />
          )}
        </Field>
      </div>
      <Field
        label="Role"
        errors={within(errors, "/role")}
        hint="Agents see their own calls; supervisors all calls; administrators change the configuration."
      >
        {(control) => (
          <select
            {...control}
            value={typed.role}
            onChange={(event) => change({ role: event.currentTarget.value as Role })}
          >
            <option value="agent">Agent</option>
            <option value="supervisor">Supervisor</option>
            <option value="admin">Administrator</option>
          </select>
        )}
      </Field>
      <div class="row-fields">
        <Field
          label="Extensions"
          errors={within(errors, "/extensions")}
          hint="Several are separated by commas; the first one is shown."
        >
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={typed.extensions}
              onInput={text("extensions")}
            />
          )}
        </Field>
        <Field label="Queues" errors={within(errors, "/queues")} hint="Separated by commas.">
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={typed.queues}
              onInput={text("queues")}
            />
          )}
        </Field>
      </div>
      {person === null && (
        <Field
          label="First password"
          errors={within(errors, "/password")}
          hint="Tell it to them; without one only API tokens let them in."
        >
          {(control) => (
            <input
              {...control}
              type="password"
              autocomplete="new-password"
              value={typed.password}
              onInput={text("password")}
            />
          )}
        </Field>
      )}
      <Wrong errors={strays(errors, "", FIELDS)} />
      <div class="actions">
        <button type="submit" class="primary" disabled={action.isBusy}>
          {person ? "Save" : "Add"}
        </button>
        {isChangedMeanwhile(action.error) && (
          <>
            <button
              type="button"
              onClick={() => void action.run(() => take(true), "This is what they saved.")}
            >
              Show what they saved
            </button>
            <button
              type="button"
              onClick={() =>
                void action.run(
                  () => take(false),
                  "What you typed is kept: save again to put it over theirs.",
                )
              }
            >
              Keep what I typed
            </button>
          </>
        )}
        <StatusLine outcome={action.outcome} />
      </div>
    </form>
  );
}

const typedFrom = (person: Person | null) => ({
  name: person?.name ?? "",
  email: person?.email ?? "",
  role: person?.role ?? ("agent" as Role),
  extensions: person?.extensions.join(", ") ?? "",
  queues: person?.queues.join(", ") ?? "",
  password: "",
});
