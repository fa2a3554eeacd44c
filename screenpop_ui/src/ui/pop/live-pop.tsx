/** The pop of the call that is shown, with its head, its note and its keys. */

import { useEffect } from "preact/hooks";
import type { Desk } from "../../live/desk";
import { listenForKeys } from "../keys";
import { Head } from "./head";
import { AnsweringHere } from "./likely";
import { NoteBlock } from "./note";
import { PopView } from "./pop";

export function LivePop({ desk }: { desk: Desk }) {
  const shown = desk.shown.value;
  const callId = shown?.pop.call.call_id ?? "";
  useEffect(() => listenForKeys((key) => onKey(desk, key)), [desk]);
  if (!shown) return null;
  const { pop, closed } = shown;
  return (
    <AnsweringHere.Provider value={closed ? null : desk.answeringOn(callId)}>
      <PopView
        key={callId}
        profile={pop}
        number={pop.call.ani}
        cnam={pop.call.cnam}
        head={<Head call={pop.call} closed={closed} onDismiss={() => desk.dismiss(callId)} />}
        note={<NoteBlock work={desk.workOn(callId)} dispositions={desk.dispositions.value} />}
        order={pop.blocks ?? null}
        onChoose={closed ? null : (customerId) => desk.choose(callId, customerId)}
      />
    </AnsweringHere.Provider>
  );
}

/** The keys of a shown call. True when the key was used. */
function onKey(desk: Desk, key: string): boolean {
  const shown = desk.shown.value;
  if (!shown) return false;
  const callId = shown.pop.call.call_id;
  if (key === "n") return focusOn("#note");
  if (key === "o") return focusOn('[data-key="o"]');
  // Only an ended call: a stray key must not take a live one from the screen.
  if (key === "x" && shown.closed) {
    desk.dismiss(callId);
    return true;
  }
  const suggested = shown.pop.sections.suggestions?.data ?? null;
  if (!shown.closed && desk.answeringOn(callId).onKey(key, suggested)) return true;
  const candidate = shown.pop.match.candidates[Number(key) - 1];
  const isChoosing = document.querySelector(".candidates") !== null;
  if (!/^[1-9]$/.test(key) || !candidate || !isChoosing || shown.closed) return false;
  desk.choose(callId, candidate.customer_id);
  return true;
}

function focusOn(selector: string): boolean {
  const field = document.querySelector<HTMLElement>(selector);
  field?.focus();
  return field !== null;
}
