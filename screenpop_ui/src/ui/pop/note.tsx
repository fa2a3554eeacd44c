/** What the agent writes during the call: note, outcome, mood, follow-up. Saved by itself. */

import { useEffect, useId } from "preact/hooks";
import type { KeepStatus } from "../../live/keeper";
import type { CallWork, WrapUpDraft } from "../../live/work";
import { timeText } from "../format";
import { Said } from "../pieces";
import { dispositionWords, SENTIMENTS } from "../words";

interface Props {
  work: CallWork;
  dispositions: string[];
}

export function NoteBlock({ work, dispositions }: Props) {
  const id = useId();
  useEffect(() => {
    void work.load();
    return () => work.flush();
  }, [work]);
  return (
    <section class="block block-note" aria-labelledby={`${id}-title`}>
      <header class="block-head">
        <h2 id={`${id}-title`}>Note</h2>
        <Kept status={work.note.status.value} />
      </header>
      {work.handedOver.value.map((note) => (
        <p class="handed-over" key={note.note_id}>
          <strong>
            <Said>{note.author?.name ?? "A colleague"}</Said>
          </strong>{" "}
          <Said>{note.text}</Said>
        </p>
      ))}
      <textarea
        class="note"
        id="note"
        dir="auto"
        aria-labelledby={`${id}-title`}
        placeholder="What was said, what was promised"
        maxLength={10_000}
        value={work.note.value.value}
        onInput={(event) => work.note.edit(event.currentTarget.value)}
        onBlur={() => work.note.flush()}
      />
      <WrapUp work={work} dispositions={dispositions} />
    </section>
  );
}

/** In words, always in the same place. */
function Kept({ status }: { status: KeepStatus }) {
  switch (status.kind) {
    case "unchanged":
      return <span class="kept" />;
    case "changed":
    case "saving":
      return <span class="kept">saving…</span>;
    case "saved":
      return <span class="kept">saved {timeText(status.at)}</span>;
    case "not_saved":
      return (
        <span class="kept bad" role="status" title={status.why}>
          {status.retries ? "not saved, will retry" : `not saved: ${status.why}`}
        </span>
      );
  }
}

function WrapUp({ work, dispositions }: Props) {
  const id = useId();
  const draft = work.wrapUp.value.value;
  const set = (change: Partial<WrapUpDraft>) => work.wrapUp.edit({ ...draft, ...change });
  const known = dispositions.includes(draft.disposition) || draft.disposition === "";
  const options = known ? dispositions : [draft.disposition, ...dispositions];
  return (
    <div class="wrap-up">
      <label for={`${id}-outcome`}>Outcome</label>
      <select
        id={`${id}-outcome`}
        data-key="o"
        value={draft.disposition}
        onChange={(event) => set({ disposition: event.currentTarget.value })}
      >
        <option value="">none yet</option>
        {options.map((value) => (
          <option key={value} value={value}>
            {dispositionWords(value)}
          </option>
        ))}
      </select>
      <label for={`${id}-mood`}>Mood</label>
      <select
        id={`${id}-mood`}
        value={draft.sentiment}
        onChange={(event) => set({ sentiment: event.currentTarget.value })}
      >
        <option value="">none yet</option>
        {SENTIMENTS.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <label for={`${id}-due`}>Follow up</label>
      <span class="follow-up">
        <input
          id={`${id}-due`}
          type="date"
          value={draft.dueOn}
          onChange={(event) => set({ dueOn: event.currentTarget.value })}
        />
        <input
          type="text"
          dir="auto"
          aria-label="Follow up: what for"
          placeholder="what for"
          maxLength={500}
          value={draft.followUp}
          onInput={(event) => set({ followUp: event.currentTarget.value })}
          onBlur={() => work.wrapUp.flush()}
        />
      </span>
      <p class="wrap-up-kept">
        <FollowUpHint draft={draft} /> <Kept status={work.wrapUp.status.value} />
      </p>
    </div>
  );
}

function FollowUpHint({ draft }: { draft: WrapUpDraft }) {
  const text = draft.followUp.trim();
  if (!draft.dueOn && text) return <span>Choose a day for the follow-up.</span>;
  return null;
}
