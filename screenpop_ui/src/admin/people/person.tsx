/** One person: who they are, their password, their sessions, their tokens. */

import { useRef, useState } from "preact/hooks";
import { Field, focusWrong } from "../../forms/field";
import { within } from "../../forms/schema";
import { me } from "../me";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Failed, Heading, Loading } from "../parts/states";
import { type Person, people } from "./api";
import { PersonForm } from "./form";
import { Tokens } from "./tokens";

const UP = { to: "people", title: "People" };

export function OnePerson({ id }: { id: string }) {
  const loaded = useLoaded(() => people.read(id), id);
  const person = loaded.value;
  if (person === null) {
    return loaded.error !== null ? (
      <>
        <Heading title="Person" up={UP} />
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      </>
    ) : (
      <Loading />
    );
  }
  return (
    <>
      <Heading title={person.name} up={UP}>
        {person.disabled ? "Disabled: cannot log in." : person.email}
      </Heading>
      <div class="stack">
        <section class="stack-tight" aria-label="Who it is">
          <PersonForm person={person} onSaved={loaded.set} key={String(person.disabled)} />
        </section>
        <Access person={person} onChanged={loaded.set} />
        <Tokens userId={id} />
      </div>
    </>
  );
}

function Access({ person, onChanged }: { person: Person; onChanged: (person: Person) => void }) {
  const action = useAction();
  const isMe = me.value?.user_id === person.user_id;
  const disable = async (disabled: boolean) => {
    const done = await action.run(
      () => people.change(person.user_id, { disabled }),
      disabled ? "Disabled and logged out everywhere." : "May log in again.",
    );
    if (done) onChanged(done);
  };
  return (
    <section class="card" aria-labelledby="access">
      <h2 id="access">Access</h2>
      <NewPassword person={person} />
      <div class="actions">
        <button
          type="button"
          disabled={action.isBusy}
          onClick={() =>
            void action.run(
              () => people.logOutEverywhere(person.user_id),
              "Logged out everywhere: open pages close within seconds.",
            )
          }
        >
          Log out everywhere
        </button>
        {person.disabled ? (
          <button type="button" onClick={() => void disable(false)}>
            Let them log in again
          </button>
        ) : (
          !isMe && (
            <Confirm
              question="They are logged out and get no calls; what they wrote stays."
              yes={`Disable ${person.name}`}
              onYes={() => void disable(true)}
            >
              Disable
            </Confirm>
          )
        )}
        <StatusLine outcome={action.outcome} />
      </div>
    </section>
  );
}

function NewPassword({ person }: { person: Person }) {
  const [password, setPassword] = useState("");
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const work = () => people.setPassword(person.user_id, password).then(() => true);
    const done = await action.run(work, "The new password holds; they are logged out everywhere.");
    if (done) setPassword("");
    else focusWrong(form.current);
  };
  return (
    <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
      <Field
        label="New password"
        errors={within(action.errors, "/password")}
        hint={person.has_password ? undefined : "None yet: only API tokens let them in."}
      >
        {(control) => (
          <span class="secret">
            <input
              {...control}
              type="password"
              autocomplete="new-password"
              value={password}
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
            <button type="submit" disabled={password === "" || action.isBusy}>
              Set
            </button>
          </span>
        )}
      </Field>
      <StatusLine outcome={action.outcome} />
    </form>
  );
}
