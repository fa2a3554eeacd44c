/** How the source's customers, orders and items are read: progress, what was of no use, start now. */

import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { type Sync, sources } from "./api";
import { partWords, syncWords } from "./state";

export function SyncPanel({ slug, isLive }: { slug: string; isLive: boolean }) {
  const loaded = useLoaded(() => sources.sync(slug), slug, { everyMs: 2_000 });
  const action = useAction();
  if (!isLive) return <Empty>It is read once it is live: publish it first.</Empty>;
  if (loaded.value === null) {
    return loaded.error !== null ? (
      <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
    ) : (
      <Loading />
    );
  }
  const { running, parts } = loaded.value;
  const start = (full: boolean) =>
    action.run(async () => {
      await sources.startSync(slug, full);
      await loaded.refresh();
    }, "Begun.");
  const names = Object.keys(parts);
  if (names.length === 0) {
    return <Empty>Nothing is read ahead from this source: it is asked when a call comes.</Empty>;
  }
  return (
    <section class="stack-tight" aria-label="Sync">
      <ul class="feed">
        {names.map((name) => (
          <li key={name} class="card">
            <h2>{partWords(name)}</h2>
            <Progress sync={parts[name] ?? null} isRunning={running} name={partWords(name)} />
            <Rejected sync={parts[name] ?? null} />
          </li>
        ))}
      </ul>
      <div class="actions">
        <button
          type="button"
          class="primary"
          disabled={running || action.isBusy}
          onClick={() => void start(false)}
        >
          Read what has changed
        </button>
        <button type="button" disabled={running || action.isBusy} onClick={() => void start(true)}>
          Read everything
        </button>
      </div>
      <StatusLine outcome={running ? { kind: "busy", text: "Reading…" } : action.outcome} />
    </section>
  );
}

function Progress({
  sync,
  isRunning,
  name,
}: {
  sync: Sync | null;
  isRunning: boolean;
  name: string;
}) {
  const isUnderWay = isRunning && sync !== null && sync.finished_at === null;
  return (
    <>
      <p class={sync?.error ? "bad" : undefined}>{syncWords(sync, isRunning)}</p>
      {isUnderWay && (
        <progress
          aria-label={`Reading ${name}`}
          value={sync.total ? sync.records : undefined}
          max={sync.total ?? undefined}
        />
      )}
      {sync?.finished_at && (
        <p class="quiet">
          last read <Moment at={sync.finished_at} />
        </p>
      )}
    </>
  );
}

function Rejected({ sync }: { sync: Sync | null }) {
  const rows = (sync?.rejected ?? []).map(rejectedText);
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>Rows that could not be used</summary>
      <ul>
        {rows.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </details>
  );
}

const rejectedText = (row: Sync["rejected"][number]): string =>
  Array.isArray(row) ? row.join(" ") : `${row.where} ${row.why}`;
