/** What an agent would see of a recent call by the rules as typed, beside what holds now. */

import { useEffect, useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { numberWords } from "../../ui/words";
import { wordsOf } from "../api";
import { useLoaded } from "../parts/loaded";
import { Empty, Failed } from "../parts/states";
import { BLOCKS, type Preview, type RuleSet, rulesApi, type Seen } from "./api";

const TYPING_MS = 400;

export function PreviewOnCall({ rules }: { rules: RuleSet }) {
  const calls = useLoaded(rulesApi.calls);
  const [chosen, setChosen] = useState<string | null>(null);
  const [seen, setSeen] = useState<Preview | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  const callId = chosen ?? calls.value?.[0]?.call_id ?? null;
  const sent = JSON.stringify(rules);
  useEffect(() => {
    if (callId === null) return;
    let isLate = false;
    const timer = setTimeout(async () => {
      try {
        const answer = await rulesApi.preview(callId, JSON.parse(sent));
        if (isLate) return;
        setSeen(answer);
        setTrouble(null);
      } catch (error) {
        if (!isLate) setTrouble(wordsOf(error));
      }
    }, TYPING_MS);
    return () => {
      isLate = true;
      clearTimeout(timer);
    };
  }, [callId, sent]);
  return (
    <section class="card preview" aria-labelledby="preview">
      <h2 id="preview">On a recent call</h2>
      {calls.error !== null && <Failed error={calls.error} onRetry={() => void calls.refresh()} />}
      {calls.value?.length === 0 && (
        <Empty>No call yet. Ring a test call, then see here what these rules make of it.</Empty>
      )}
      {calls.value && calls.value.length > 0 && (
        <div class="field">
          <label for="preview-call">Call</label>
          <select
            id="preview-call"
            value={callId ?? ""}
            onChange={(event) => setChosen(event.currentTarget.value)}
          >
            {calls.value.map((call) => (
              <option key={call.call_id} value={call.call_id}>
                {call.customer?.display_name ?? numberWords(call.ani)}
                {call.queue ? `, queue ${call.queue}` : ""}
              </option>
            ))}
          </select>
        </div>
      )}
      {trouble && (
        <p class="hint" role="status">
          As typed it cannot be tried: {trouble}
        </p>
      )}
      {seen && (
        <div class="sides">
          <View title="Now" seen={seen.now} />
          {isSame(seen) ? (
            <p class="quiet">As typed: nothing else for this call.</p>
          ) : (
            <View title="As typed" seen={seen.then} />
          )}
        </div>
      )}
    </section>
  );
}

const isSame = ({ now, then }: Preview) => JSON.stringify(now) === JSON.stringify(then);

function View({ title, seen }: { title: string; seen: Seen }) {
  return (
    <div class="stack-tight">
      <h3>{title}</h3>
      <p>
        {seen.priority ? (
          <>
            Level <strong>{seen.priority.level}</strong>: <bdi>{seen.priority.name}</bdi>
          </>
        ) : (
          "No level of service"
        )}
      </p>
      <ul class="seen-alerts">
        {seen.alerts.map((alert) => (
          <li key={alert.text} class={alert.level === "critical" ? "bad" : ""}>
            <Icon name={alert.level === "info" ? "info" : "warn"} /> <bdi>{alert.text}</bdi>
          </li>
        ))}
        {seen.held_back.map((alert) => (
          <li key={alert.text} class="quiet">
            <Icon name="cross" /> held back: <bdi>{alert.text}</bdi>
          </li>
        ))}
        {seen.alerts.length + seen.held_back.length === 0 && <li class="quiet">No alert</li>}
      </ul>
      <ol class="order">
        {seen.blocks.map((block) => (
          <li key={block.name} class={block.hidden ? "is-hidden" : ""}>
            <span class="order-name">{BLOCKS[block.name] ?? block.name}</span>
            {block.hidden && <span>not sent</span>}
          </li>
        ))}
      </ol>
    </div>
  );
}
