/** What was said before: the last note in full, and the earlier calls. */

import type { Interaction, Section } from "../../api/contract";
import { Day, Said } from "../pieces";
import { agentWords, directionWords, dispositionWords, sentimentWords } from "../words";
import { Block } from "./block";

type Calls = Section<Interaction[]> | undefined;

export function LastTime({ section }: { section: Calls }) {
  return (
    <Block name="last" title="Last time" section={asEmpty(section)}>
      {(calls) => {
        const last = calls.find((call) => call.note) ?? calls[0];
        return last && <LastCall call={last} open={openFollowUp(calls)} />;
      }}
    </Block>
  );
}

function LastCall({ call, open }: { call: Interaction; open: Interaction["follow_up"] }) {
  return (
    <>
      <p class="byline">
        <Facts call={call} />
      </p>
      {call.note ? (
        <blockquote class="last-note" dir="auto">
          {call.note}
        </blockquote>
      ) : (
        <p class="quiet">No note was written.</p>
      )}
      {open && (
        <p class="strong">
          Promised: <Said>{open.text ?? "to come back to them"}</Said>
          {open.due_on && (
            <>
              , due <Day value={open.due_on} />
            </>
          )}
        </p>
      )}
    </>
  );
}

export function EarlierCalls({ section }: { section: Calls }) {
  return (
    <Block name="earlier" title="Earlier calls" section={asEmpty(section)}>
      {(calls) => (
        <ol class="calls">
          {calls.map((call) => (
            <li key={call.call_id}>
              <span class="byline">
                <Facts call={call} />
              </span>
              {call.note && (
                <span class="calls-note" dir="auto">
                  {call.note}
                </span>
              )}
            </li>
          ))}
        </ol>
      )}
    </Block>
  );
}

function Facts({ call }: { call: Interaction }) {
  const agent = agentWords(call.agent);
  return (
    <>
      <Day value={call.started_at} />
      {agent && (
        <>
          {" · "}
          <Said>{agent}</Said>
        </>
      )}
      {call.direction && ` · ${directionWords(call.direction)}`}
      {call.disposition && ` · ${dispositionWords(call.disposition)}`}
      {call.sentiment && ` · ${sentimentWords(call.sentiment)}`}
    </>
  );
}

const openFollowUp = (calls: Interaction[]) =>
  calls.find((call) => call.follow_up && !call.follow_up.done)?.follow_up ?? null;

/** A list without entries says "nothing on record", as an empty section does. */
function asEmpty(section: Calls): Calls {
  const isBare = section?.status === "ok" && section.data?.length === 0;
  return section && isBare ? { ...section, status: "empty" } : section;
}
