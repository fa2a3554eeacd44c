/** The call itself: state, timer, where it came in, what the phone system sent along. */

import type { Call } from "../../api/contract";
import { everySecond } from "../../live/clock";
import type { CloseReason } from "../../live/protocol";
import { timerText } from "../format";
import { Icon, type IconName } from "../icon";
import { Said } from "../pieces";
import { attestationWords, stateWords, timerStart } from "../words";

const ENDINGS: Record<CloseReason, string> = {
  ended: "Ended",
  transferred: "Transferred",
  answered_elsewhere: "Answered by a colleague",
  missed: "Missed",
  dismissed: "Dismissed",
};

interface Props {
  call: Call;
  closed: CloseReason | null;
  onDismiss: () => void;
}

export function Head({ call, closed, onDismiss }: Props) {
  return (
    <header class={`call-head is-${closed ? "closed" : call.state}`}>
      <p class="call-state">
        <strong>{closed ? ENDINGS[closed] : stateWords(call)}</strong>{" "}
        <Timer call={call} closed={closed !== null} />
        {closed && <span class="call-hint">finish the note</span>}
      </p>
      <CallFacts call={call} />
      <button type="button" class="plain" onClick={onDismiss}>
        {closed ? "Done" : "Dismiss"}
      </button>
    </header>
  );
}

/** Runs while the call does; in an ended one it stands still. */
export function Timer({ call, closed }: { call: Call; closed: boolean }) {
  const since = timerStart(call);
  if (since === null) return null;
  const end = call.ended_at ? Date.parse(call.ended_at) : null;
  if (closed && end === null) return null;
  return <span class="timer">{timerText(since, end ?? everySecond.value)}</span>;
}

function CallFacts({ call }: { call: Call }) {
  const attestation = attestationWords(call);
  const icon: IconName = attestation?.sure ? "check" : "warn";
  return (
    <ul class="call-facts">
      {call.queue && (
        <li>
          queue <Said>{call.queue}</Said>
        </li>
      )}
      {call.dnis && (
        <li>
          dialled <Said>{call.dnis}</Said>
        </li>
      )}
      {[...entries(call.collected, "keyed in "), ...entries(call.attached_data, "")].map((text) => (
        <li key={text}>
          <Said>{text}</Said>
        </li>
      ))}
      {attestation && (
        <li class={attestation.sure ? "" : "warned"}>
          <Icon name={icon} /> {attestation.text}
        </li>
      )}
    </ul>
  );
}

/** What the phone system sent along, as "name value"; only what can be read as text. */
function entries(facts: Record<string, unknown> | null, prefix: string): string[] {
  return Object.entries(facts ?? {})
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .slice(0, 4)
    .map(([name, value]) => `${prefix}${name.replaceAll("_", " ")} ${value}`);
}
