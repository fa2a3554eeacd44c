/** Short lines about calls: for the ear, for the window's title, and for a call not on show. */

import { useSignalEffect } from "@preact/signals";
import type { Pop } from "../api/contract";
import type { LineStatus } from "../live/connection";
import type { Desk } from "../live/desk";
import { mostUrgent, ringingElsewhere } from "../live/view";
import { Icon } from "./icon";
import { Timer } from "./pop/head";
import { stateWords, whoWords } from "./words";

const TITLE = "screenpop";

/** Says a new caller once to screen readers, and names the call in the window's title. */
export function Announcer({ desk }: { desk: Desk }) {
  useSignalEffect(() => {
    const callId = mostUrgent(desk.live.value);
    const pop = callId === null ? undefined : desk.live.value.pops.get(callId);
    document.title = pop ? `${stateWords(pop.call)}: ${whoWords(pop, pop.call.ani)}` : TITLE;
  });
  return (
    <div class="sr-only" aria-live="polite">
      {desk.announcement.value}
    </div>
  );
}

/** What the agent must know beside what is shown: the line is down, or another call rings. */
export function Lines({ desk }: { desk: Desk }) {
  const elsewhere = ringingElsewhere(desk.view.value, desk.live.value);
  const ringing = elsewhere === null ? undefined : desk.live.value.pops.get(elsewhere);
  return (
    <div class="lines">
      <LineDown status={desk.line.value} />
      {ringing && <RingingElsewhere desk={desk} pop={ringing} />}
      <p class="notice" role="status">
        <bdi>{desk.notice.value}</bdi>
      </p>
    </div>
  );
}

function LineDown({ status }: { status: LineStatus }) {
  if (status === "refused") {
    return (
      <p class="strip is-down" role="status">
        <Icon name="lock" /> Your account was changed, so calls no longer come here. Log out and in
        again, or ask your supervisor.
      </p>
    );
  }
  if (status !== "reconnecting") return null;
  return (
    <p class="strip is-down" role="status">
      <Icon name="warn" /> No connection. New calls do not show until it is back; your notes are
      kept here and saved then.
    </p>
  );
}

/** A call that rings while the agent writes or talks: one line, and a way to it. */
function RingingElsewhere({ desk, pop }: { desk: Desk; pop: Pop }) {
  return (
    <p class="strip is-ringing">
      <strong>{stateWords(pop.call)}</strong> <Timer call={pop.call} closed={false} />
      <bdi class="strip-name">{whoWords(pop, pop.call.ani)}</bdi>
      <button
        type="button"
        class="plain"
        onClick={() => desk.show({ kind: "call", callId: pop.call.call_id })}
      >
        Show
      </button>
    </p>
  );
}
