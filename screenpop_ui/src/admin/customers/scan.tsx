/** How the look through all customers stands, and the button that begins one now. */

import { useEffect, useState } from "preact/hooks";
import { dayText, numberText, timeText } from "../../ui/format";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Failed } from "../parts/states";
import { mending, type Scan } from "./api";

const RUNNING_MS = 1_500;
const IDLE_MS = 15_000;
const FAILED = "It did not come to its end: the server's log says why.";

/** `onLooked`: the lists are to be read anew. */
export function Looked({ onLooked }: { onLooked: () => void }) {
  const [before, setBefore] = useState<Scan | null>(null);
  const loaded = useLoaded(mending.scan, null, {
    everyMs: before?.running ? RUNNING_MS : IDLE_MS,
  });
  const action = useAction();
  const scan = loaded.value;
  useEffect(() => {
    if (scan === null) return;
    if (before && before.looked_at !== scan.looked_at) onLooked();
    if (hasFailed(before, scan)) action.say({ kind: "bad", text: FAILED });
    setBefore(scan);
  }, [scan]);
  const begin = async () => {
    await action.run(mending.beginScan, null);
    await loaded.refresh();
  };
  if (scan === null) {
    return loaded.error === null ? null : (
      <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
    );
  }
  return (
    <div class="heading-row looked">
      <p class="quiet">
        <Words scan={scan} />
      </p>
      <div class="actions">
        <StatusLine outcome={action.outcome} />
        {scan.any_customer && !scan.running && (
          <button type="button" disabled={action.isBusy} onClick={() => void begin()}>
            Look now
          </button>
        )}
      </div>
    </div>
  );
}

function Words({ scan }: { scan: Scan }) {
  if (scan.running) return <span role="status">{runningWords(scan.read)}</span>;
  if (!scan.any_customer) return "No data source has brought a customer yet.";
  if (scan.looked_at === null || scan.next_at === null) {
    return "The customers have not been looked through yet: that begins by itself within five minutes.";
  }
  return (
    <>
      Looked through <Moment at={scan.looked_at} /> · again by itself on{" "}
      {dayText(scan.next_at, Date.now())}, {timeText(scan.next_at)}
    </>
  );
}

export const runningWords = (read: number | null): string =>
  read
    ? `Looking through the customers: ${numberText(read)} read so far…`
    : "Looking through the customers…";

/** A look that somebody watched is over, and yet the customers were not looked through. */
export const hasFailed = (before: Scan | null, now: Scan): boolean =>
  before?.running === true && !now.running && before.looked_at === now.looked_at;
