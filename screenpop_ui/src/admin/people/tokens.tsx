/** API tokens: shown once when made, ended at once when revoked. */

import { useRef, useState } from "preact/hooks";
import { Field, focusWrong } from "../../forms/field";
import { within } from "../../forms/schema";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { Copy } from "../parts/copy";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Failed, Loading } from "../parts/states";
import { Rows } from "../parts/table";
import { people, type Token } from "./api";

const LIVES: readonly { days: number | null; text: string }[] = [
  { days: 30, text: "30 days" },
  { days: 90, text: "90 days" },
  { days: 365, text: "a year" },
  { days: null, text: "no end" },
];

export function Tokens({ userId }: { userId: string }) {
  const tokens = useLoaded(() => people.tokens(userId), userId);
  const [name, setName] = useState("");
  const [days, setDays] = useState<number | null>(90);
  const [made, setMade] = useState<Token | null>(null);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const expires = days === null ? null : new Date(Date.now() + days * 86_400_000).toISOString();
    const token = await action.run(
      () => people.addToken(userId, name.trim() || null, expires),
      null,
    );
    if (!token) return focusWrong(form.current);
    setMade(token);
    setName("");
    void tokens.refresh();
  };
  const revoke = async (token: Token) => {
    await action.run(() => people.revoke(userId, token.token_id), "Revoked.");
    if (made?.token_id === token.token_id) setMade(null);
    void tokens.refresh();
  };
  return (
    <section class="card" aria-labelledby="tokens">
      <h2 id="tokens">API tokens</h2>
      <p class="hint">A token lets a program do what this person may do.</p>
      {tokens.error !== null && (
        <Failed error={tokens.error} onRetry={() => void tokens.refresh()} />
      )}
      {tokens.value === null && tokens.error === null && <Loading lines={2} />}
      {tokens.value && tokens.value.length > 0 && (
        <Rows
          label="API tokens"
          rows={tokens.value}
          keyOf={(token) => token.token_id}
          columns={[
            { title: "Name", cell: (token) => <bdi>{token.name ?? "no name"}</bdi> },
            { title: "Made", cell: (token) => <Moment at={token.created_at} />, isExtra: true },
            {
              title: "Until",
              cell: (token) =>
                token.expires_at === null ? "no end" : <time>{token.expires_at.slice(0, 10)}</time>,
            },
            {
              title: "State",
              cell: (token) =>
                token.revoked_at ? (
                  <span class="quiet">revoked</span>
                ) : (
                  <Confirm
                    question="Programs that use it stop at once."
                    yes="Revoke it"
                    onYes={() => void revoke(token)}
                  >
                    Revoke<span class="sr-only"> {token.name ?? "the token without a name"}</span>
                  </Confirm>
                ),
            },
          ]}
        />
      )}
      {made?.token && (
        <div class="ask">
          <Copy label="The new token: copy it now, it is never shown again" text={made.token} />
        </div>
      )}
      <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
        <div class="row-fields">
          <Field label="What it is for" errors={within(action.errors, "/name")}>
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                value={name}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="How long it holds" errors={within(action.errors, "/expires_at")}>
            {(control) => (
              <select
                {...control}
                value={String(days)}
                onChange={(event) => {
                  const chosen = event.currentTarget.value;
                  setDays(chosen === "null" ? null : Number(chosen));
                }}
              >
                {LIVES.map((life) => (
                  <option key={life.text} value={String(life.days)}>
                    {life.text}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <div class="actions">
          <button type="submit" disabled={action.isBusy}>
            Make a token
          </button>
        </div>
        <StatusLine outcome={action.outcome} />
      </form>
    </section>
  );
}
