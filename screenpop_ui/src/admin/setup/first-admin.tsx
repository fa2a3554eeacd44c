/** The very first page on an empty data folder: who administers. No password is given by us. */

import { useRef, useState } from "preact/hooks";
import type { User } from "../../api/client";
import { Field, focusWrong, Wrong } from "../../forms/field";
import { at, strays } from "../../forms/schema";
import { ApiError, post } from "../api";
import { StatusLine, useAction } from "../parts/action";

export interface FirstRun {
  needed: boolean;
  code_needed: boolean;
}

interface Props {
  run: FirstRun;
  onDone: (user: User) => void;
  /** Somebody else was first. */
  onTaken: () => void;
}

const FIELDS = ["code", "name", "email", "password"];

export function FirstAdmin({ run, onDone, onTaken }: Props) {
  const [typed, setTyped] = useState({ code: "", name: "", email: "", password: "" });
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const change = (name: keyof typeof typed) => (event: { currentTarget: HTMLInputElement }) =>
    setTyped({ ...typed, [name]: event.currentTarget.value });
  const submit = async (event: Event) => {
    event.preventDefault();
    const { code, ...person } = typed;
    const done = await action.run(async () => {
      try {
        const sent = run.code_needed ? { ...person, code } : person;
        return (await post<{ user: User }>("setup/first-admin", sent)).user;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) onTaken();
        throw error;
      }
    }, null);
    if (done) onDone(done);
    else focusWrong(form.current);
  };
  const { errors } = action;
  return (
    <main class="login">
      <form class="wide" onSubmit={(event) => void submit(event)} ref={form} noValidate>
        <h1>Welcome to screenpop</h1>
        <p class="quiet">
          Nobody is here yet. Make the first administrator: you. The rest of the set-up follows, and
          each step can be left and resumed.
        </p>
        {run.code_needed && (
          <Field
            label="Set-up code"
            isRequired
            errors={at(errors, "/code")}
            hint="The server shows it in its log when it starts, because you are not at its machine."
          >
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                value={typed.code}
                onInput={change("code")}
              />
            )}
          </Field>
        )}
        <Field label="Your name" isRequired errors={at(errors, "/name")}>
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="name"
              value={typed.name}
              onInput={change("name")}
            />
          )}
        </Field>
        <Field label="E-mail" isRequired errors={at(errors, "/email")}>
          {(control) => (
            <input
              {...control}
              type="email"
              autocomplete="username"
              value={typed.email}
              onInput={change("email")}
            />
          )}
        </Field>
        <Field
          label="Password"
          isRequired
          errors={at(errors, "/password")}
          hint="Eight characters or more; a few words are good."
        >
          {(control) => (
            <input
              {...control}
              type="password"
              autocomplete="new-password"
              value={typed.password}
              onInput={change("password")}
            />
          )}
        </Field>
        <Wrong errors={strays(errors, "", FIELDS)} />
        <button type="submit" class="primary" disabled={action.isBusy}>
          {action.isBusy ? "Making the account…" : "Begin"}
        </button>
        <StatusLine outcome={errors.length > 0 ? null : action.outcome} />
      </form>
    </main>
  );
}
