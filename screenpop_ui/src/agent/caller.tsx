/** A number looked up by hand, or an earlier call opened again: the pop without a live call. */

import { useEffect, useState } from "preact/hooks";
import { ApiError, api, type CallRecord } from "../api/client";
import type { PhoneNumber, Profile } from "../api/contract";
import type { Desk } from "../live/desk";
import { dayText, timeText } from "../ui/format";
import { NoteBlock } from "../ui/pop/note";
import { PopView } from "../ui/pop/pop";

interface Props {
  desk: Desk;
  phone: string;
  record: CallRecord | null;
}

type Found = { profile: Profile } | { trouble: string } | null;

export function Caller({ desk, phone, record }: Props) {
  const [found, setFound] = useState<Found>(null);
  useEffect(() => {
    let current = true;
    setFound(null);
    api.profile(phone).then(
      (profile) => current && setFound({ profile }),
      (error: unknown) => current && setFound({ trouble: troubleOf(error) }),
    );
    return () => {
      current = false;
    };
  }, [phone]);

  const head = (
    <header class="call-head is-closed">
      <p class="call-state">
        <strong>{record ? "Earlier call" : "Search"}</strong>{" "}
        <span class="call-hint">{record ? whenWords(record) : phone}</span>
      </p>
      <button type="button" class="plain" onClick={() => desk.show({ kind: "home" })}>
        Close
      </button>
    </header>
  );
  if (found === null || "trouble" in found) {
    return (
      <article class="pop">
        {head}
        <p class="home-title" role="status">
          {found === null ? `Looking up ${phone}…` : found.trouble}
        </p>
      </article>
    );
  }
  const work = record && desk.workOn(record.call_id);
  return (
    <PopView
      profile={found.profile}
      number={record?.ani ?? asTyped(phone)}
      cnam={record?.cnam ?? null}
      head={head}
      note={work && <NoteBlock work={work} dispositions={desk.dispositions.value} />}
      onChoose={null}
    />
  );
}

const troubleOf = (error: unknown): string =>
  error instanceof ApiError ? error.message : "The look-up failed.";

const whenWords = (record: CallRecord): string =>
  record.started_at
    ? `${dayText(record.started_at, Date.now())}, ${timeText(record.started_at)}`
    : "";

const asTyped = (phone: string): PhoneNumber => ({
  raw: phone,
  e164: null,
  national: null,
  international: null,
  region: null,
  line_type: null,
  withheld: false,
});
