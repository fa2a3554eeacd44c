/** What the customer says to suggestions: sent to the server, which shows it by a patch. */

import { signal } from "@preact/signals";
import { ApiError, api } from "../api/client";
import type { Suggestion, Suggestions } from "../api/contract";

export type AnswerWord = "accepted" | "declined" | "snoozed";

/** A suggestion in its list. */
export interface Asked {
  item: Suggestion;
  list: "next" | "goes_with";
}

const KEYS: Readonly<Record<string, AnswerWord>> = { y: "accepted", d: "declined", l: "snoozed" };

const idOf = ({ item, list }: Asked): string =>
  JSON.stringify([list, item.connector, item.item_id]);

export class Answering {
  readonly busy = signal(false);
  /** Why the last answer was not saved. */
  readonly failed = signal<string | null>(null);
  private readonly marked = signal<string | null>(null);
  private last: Promise<void> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly callId: string) {}

  isMarked(asked: Asked): boolean {
    return this.marked.value === idOf(asked);
  }

  answer(asked: Asked, answer: AnswerWord): Promise<void> {
    return this.send(() => api.answerSuggestion(this.callId, { ...wanted(asked), answer }));
  }

  undo({ item }: Asked): Promise<void> {
    return this.send(() => api.undoSuggestion(this.callId, item.item_id, item.connector));
  }

  /** `s` marks the next suggestion; the marked one is answered. True when the key was used. */
  onKey(key: string, shown: Suggestions | null): boolean {
    const all = shown ? inOrder(shown) : [];
    const at = all.findIndex((asked) => this.isMarked(asked));
    if (key === "s") {
      const next = all[(at + 1) % all.length];
      this.marked.value = next ? idOf(next) : null;
      return next !== undefined;
    }
    const asked = all[at];
    if (!asked) return false;
    const answer = KEYS[key];
    if (answer && !asked.item.answer) void this.answer(asked, answer);
    else if (key === "u" && asked.item.answer) void this.undo(asked);
    else return false;
    return true;
  }

  /** One after the other: what is pressed while an answer is on its way is not lost. */
  private send(request: () => Promise<void>): Promise<void> {
    this.waiting += 1;
    this.busy.value = true;
    this.last = this.last.then(async () => {
      this.failed.value = null;
      try {
        await request();
      } catch (error) {
        this.failed.value = error instanceof ApiError ? error.message : "try again";
      } finally {
        this.waiting -= 1;
        this.busy.value = this.waiting > 0;
      }
    });
    return this.last;
  }
}

const wanted = ({ item, list }: Asked) => ({
  item_id: item.item_id,
  connector: item.connector,
  list,
});

export function inOrder({ next, goes_with }: Suggestions): Asked[] {
  return [
    ...next.map((item): Asked => ({ item, list: "next" })),
    ...goes_with.map((item): Asked => ({ item, list: "goes_with" })),
  ];
}
