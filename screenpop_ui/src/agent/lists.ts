/** The lists of the home page: missed calls, due follow-ups, today's calls. */

import { type Signal, signal } from "@preact/signals";
import { ApiError, api, type CallRecord, type DueFollowUp } from "../api/client";

const SHOWN = 50;

/** Null = not read yet. After a failure the last list stays, and `trouble` says why. */
export class Lists {
  readonly missed = signal<CallRecord[] | null>(null);
  readonly today = signal<CallRecord[] | null>(null);
  readonly due = signal<DueFollowUp[] | null>(null);
  readonly trouble = signal<string | null>(null);

  async refresh(): Promise<void> {
    const results = await Promise.allSettled([
      read(this.missed, async () => (await api.calls("missed", SHOWN)).calls),
      read(this.today, async () => (await api.calls("today", SHOWN)).calls),
      read(this.due, async () => (await api.followUps()).follow_ups),
    ]);
    this.tell(results);
  }

  /** Mark a promise as kept. */
  async finish(item: DueFollowUp): Promise<void> {
    const results = await Promise.allSettled([api.finishFollowUp(item.call_id)]);
    if (results[0].status === "fulfilled") await this.refresh();
    else this.tell(results);
  }

  private tell(results: PromiseSettledResult<void>[]): void {
    const failed = results.find((result) => result.status === "rejected");
    const reason = failed?.reason;
    this.trouble.value = failed
      ? reason instanceof ApiError
        ? reason.message
        : "The lists could not be read."
      : null;
  }
}

async function read<Value>(into: Signal<Value | null>, ask: () => Promise<Value>): Promise<void> {
  into.value = await ask();
}
