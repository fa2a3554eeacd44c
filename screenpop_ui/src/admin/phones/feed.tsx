/** The last webhooks: as they came, as understood, or why refused; each can be taken again. */

import { useState } from "preact/hooks";
import { plural } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { type Fed, phones, type Replayed } from "./api";

const EVERY_MS = 2_000;

export function Feed({ slug, version }: { slug: string; version: number }) {
  const feed = useLoaded(() => phones.feed(slug), version, { everyMs: EVERY_MS });
  return (
    <section class="stack-tight" aria-labelledby="feed">
      <h2 id="feed">Last events</h2>
      <p class="quiet">
        The last 50 webhooks of two days; numbers and secrets are hidden in what came. New ones show
        by themselves.
      </p>
      {feed.error !== null && <Failed error={feed.error} onRetry={() => void feed.refresh()} />}
      {feed.value === null && feed.error === null && <Loading />}
      {feed.value?.length === 0 && (
        <Empty>
          Nothing has come yet. Give the address above to the phone system, then call somebody; or
          ring a test call.
        </Empty>
      )}
      <ul class="feed">
        {feed.value?.map((fed) => (
          <Entry key={fed.id} slug={slug} fed={fed} onReplayed={() => void feed.refresh()} />
        ))}
      </ul>
    </section>
  );
}

function Entry({ slug, fed, onReplayed }: { slug: string; fed: Fed; onReplayed: () => void }) {
  const action = useAction();
  const [again, setAgain] = useState<Replayed | null>(null);
  const replay = async () => {
    setAgain(await action.run(() => phones.replay(slug, fed.id), null));
    onReplayed();
  };
  const what = fed.events.map((event) => String(event.event)).join(", ");
  return (
    <li class={fed.accepted ? "fed" : "fed is-refused"}>
      <details>
        <summary>
          <span class={`mark ${fed.accepted ? "is-good" : "is-bad"}`}>
            <Icon name={fed.accepted ? "check" : "cross"} />
            {fed.accepted ? "accepted" : refusedWords(fed.status)}
          </span>{" "}
          <strong>{what || (fed.accepted ? "nothing of interest" : "")}</strong>{" "}
          <span class="quiet">
            <Moment at={fed.received_at} />
          </span>
        </summary>
        {fed.why && <p class={fed.accepted ? "" : "bad"}>{fed.why}</p>}
        <div class="sides">
          <div>
            <h3>As it came</h3>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard. */}
            <pre class="code" tabIndex={0}>
              {fed.raw || "(empty)"}
            </pre>
          </div>
          <div>
            <h3>As understood</h3>
            {fed.events.length === 0 ? (
              <p class="quiet">{fed.accepted ? "Nothing of interest." : "Not understood."}</p>
            ) : (
              fed.events.map((event, index) => <Understood key={index} event={event} />)
            )}
          </div>
        </div>
        <div class="actions">
          <button type="button" disabled={action.isBusy} onClick={() => void replay()}>
            Take it again as a test call
          </button>
        </div>
        <StatusLine outcome={again ? replayedWords(again) : action.outcome} />
      </details>
    </li>
  );
}

function Understood({ event }: { event: Record<string, unknown> }) {
  return (
    <dl class="facts">
      {Object.entries(event).map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>
            <bdi>{factWords(value)}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function factWords(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, text]) => `${name}: ${text}`)
    .join(", ");
}

const refusedWords = (status: number): string =>
  status === 401 ? "refused" : status === 422 ? "not understood" : `failed (${status})`;

export function replayedWords(again: Replayed): { kind: "good" | "bad"; text: string } {
  if (!again.verified) {
    return { kind: "bad", text: `Still refused: ${again.why ?? "its signature is wrong"}` };
  }
  if (again.why) return { kind: "bad", text: `Not understood: ${again.why}` };
  if (again.understood.length === 0)
    return { kind: "good", text: "Accepted; nothing of interest." };
  return {
    kind: "good",
    text: `Accepted as a new test call with ${plural(again.understood.length, "event")}.`,
  };
}
