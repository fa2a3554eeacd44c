/** Every version of a source: who, when, what; and back to an earlier one. */

import { useState } from "preact/hooks";
import { ApiError } from "../api";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { Moment } from "../parts/moment";
import { sources, type Version } from "./api";

interface Props {
  slug: string;
  versions: Version[];
  live: number;
  onDone: (text: string) => Promise<void>;
  /** Take the source out of use; null where it is not live. */
  onRemove: (() => void) | null;
}

export function History({ slug, versions, live, onDone, onRemove }: Props) {
  const action = useAction();
  const [failing, setFailing] = useState<number | null>(null);
  const back = async (number: number, anyway: boolean) => {
    setFailing(null);
    const done = await action.run(async () => {
      try {
        return await sources.rollBack(slug, number, live, anyway);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "checks_failed") throw error;
        setFailing(number);
        return null;
      }
    }, null);
    if (done) await onDone(`Version ${number} is live again.`);
  };
  return (
    <section class="stack-tight" aria-label="History">
      <StatusLine outcome={action.outcome} />
      {failing !== null && (
        <div class="ask" role="alert">
          <p>Checks fail with version {failing}: see 4 Checks.</p>
          <button type="button" onClick={() => setFailing(null)}>
            Leave it
          </button>
          <button type="button" class="danger" onClick={() => void back(failing, true)}>
            Make version {failing} live all the same
          </button>
        </div>
      )}
      <ol class="feed" reversed>
        {versions.map((version) => (
          <li key={version.number} class="card">
            <div class="seen">
              <span>
                <strong>Version {version.number}</strong>{" "}
                <span class={`mark is-${version.state === "live" ? "good" : "quiet"}`}>
                  {STATES[version.state]}
                </span>
              </span>
              {(version.state === "past" || version.state === "removed") && (
                <Confirm
                  question={`Make version ${version.number} live?`}
                  yes="Roll back to it"
                  onYes={() => void back(version.number, false)}
                >
                  Roll back<span class="sr-only"> to version {version.number}</span>
                </Confirm>
              )}
            </div>
            <p>
              <bdi>{version.author}</bdi>,{" "}
              <Moment at={version.published_at ?? version.created_at} />
              {version.note && (
                <>
                  : <bdi>{version.note}</bdi>
                </>
              )}
            </p>
            {version.changed.length > 0 && (
              <p class="quiet">
                Changed: {version.changed.map((name) => name.replace("settings.", "")).join(", ")}
              </p>
            )}
          </li>
        ))}
      </ol>
      {onRemove && (
        <div>
          <Confirm
            question="The numbers it brought no longer match. Its history stays."
            yes="Remove it"
            onYes={onRemove}
          >
            Remove this data source
          </Confirm>
        </div>
      )}
    </section>
  );
}

const STATES: Readonly<Record<Version["state"], string>> = {
  draft: "draft",
  live: "live now",
  past: "earlier",
  removed: "removed",
};
