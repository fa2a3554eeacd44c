/** Publish, after a warning where checks fail. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { ApiError, fieldsOf } from "../api";
import type { Action } from "../parts/action";
import { sources } from "./api";
import type { Desk } from "./studio";

/** A new source that is saved in order to be published: its own page goes on with that. */
const justSaved = signal<string | null>(null);

interface PublishingProps {
  desk: Desk;
  action: Action;
  live: number;
  hasDraft: boolean;
  onDone: (text: string) => Promise<void>;
}

export function Publishing({ desk, action, live, hasDraft, onDone }: PublishingProps) {
  const [failing, setFailing] = useState<string[] | null>(null);
  useEffect(() => {
    if (desk.isNew || justSaved.value !== desk.slug) return;
    justSaved.value = null;
    void run(false);
  }, []);
  const run = async (anyway: boolean) => {
    setFailing(null);
    if (desk.isNew) {
      justSaved.value = desk.slug;
      if (!(await desk.save())) justSaved.value = null;
      return;
    }
    if (!(await desk.save())) return;
    const done = await action.run(async () => {
      try {
        return await sources.publish(desk.slug, live, anyway);
      } catch (error) {
        if (error instanceof ApiError && error.code === "checks_failed") {
          setFailing(
            fieldsOf(error).map(({ pointer, detail }) => `${numberOf(pointer)}: ${detail}`),
          );
          return null;
        }
        throw error;
      }
    }, null);
    if (done) await onDone("It is live. Calls that ring now are shown with it.");
  };
  if (failing !== null) {
    return (
      <section class="ask" role="alert">
        <p>
          {failing.length === 1 ? "A check fails" : `${failing.length} checks fail`} with this
          draft: {failing.slice(0, 3).join("; ")}
        </p>
        <button type="button" class="primary" onClick={() => setFailing(null)}>
          Do not publish
        </button>
        <button type="button" class="danger" onClick={() => void run(true)}>
          Publish all the same
        </button>
      </section>
    );
  }
  return (
    <button
      type="button"
      class="primary"
      disabled={action.isBusy || (desk.isSaved && !hasDraft)}
      onClick={() => void run(false)}
    >
      Publish
    </button>
  );
}

const numberOf = (pointer: string): string => `check ${Number(pointer.split("/").at(-1)) + 1}`;
