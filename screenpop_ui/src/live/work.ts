/** What the agent writes about one call: the note and the wrap-up, each saved by itself. */

import { signal } from "@preact/signals";
import { ApiError, api, type CallRecord, type Note, type WrapUp } from "../api/client";
import { Keeper } from "./keeper";

const NOTE_SAVE_AFTER_MS = 600;
const WRAP_UP_SAVE_AFTER_MS = 400;
const REFUSALS = [400, 403, 404, 409, 413, 422];

/** The wrap-up as the fields hold it; "" is a field left empty. */
export interface WrapUpDraft {
  disposition: string;
  sentiment: string;
  dueOn: string;
  followUp: string;
}

const NOTHING: WrapUpDraft = { disposition: "", sentiment: "", dueOn: "", followUp: "" };

const isFinal = (error: unknown): boolean =>
  error instanceof ApiError && REFUSALS.includes(error.status);

export class CallWork {
  readonly note: Keeper<string>;
  readonly wrapUp: Keeper<WrapUpDraft>;
  /** What colleagues wrote about this same call, before it came here. */
  readonly handedOver = signal<Note[]>([]);
  private noteId: string = newId();
  private loaded = false;

  constructor(
    private readonly callId: string,
    private readonly userId: string,
  ) {
    this.note = new Keeper(
      {
        save: async (text) => (await api.saveNote(callId, this.noteId, text)).updated_at,
        isFinal,
        isSame: (a, b) => a.trim() === b.trim(),
      },
      NOTE_SAVE_AFTER_MS,
      "",
    );
    this.wrapUp = new Keeper(
      {
        save: async (draft) => {
          await api.saveWrapUp(callId, toSend(draft));
          return new Date().toISOString();
        },
        isFinal,
        isSame: (a, b) => JSON.stringify(toSend(a)) === JSON.stringify(toSend(b)),
      },
      WRAP_UP_SAVE_AFTER_MS,
      NOTHING,
    );
  }

  /** Read back what the server has of this call. A failure is tried again on the next occasion. */
  async load(): Promise<void> {
    if (this.loaded) return;
    this.loaded = true;
    try {
      this.take(await api.call(this.callId));
    } catch (error) {
      this.loaded = isFinal(error);
    }
  }

  take(record: CallRecord): void {
    const isMine = (note: Note) => note.author?.user_id === this.userId;
    this.handedOver.value = record.notes.filter((note) => !isMine(note));
    const mine = record.notes.findLast(isMine);
    // A text begun here before the answer came stays a note of its own: nothing is overwritten.
    if (mine && this.note.load(mine.text, mine.updated_at)) this.noteId = mine.note_id;
    if (record.wrap_up) this.wrapUp.load(toDraft(record.wrap_up), null);
  }

  flush(): void {
    this.note.flush();
    this.wrapUp.flush();
  }

  stop(): void {
    this.note.stop();
    this.wrapUp.stop();
  }

  get isUnsaved(): boolean {
    return this.note.isUnsaved || this.wrapUp.isUnsaved;
  }
}

/** A follow-up counts when it says when. */
function toSend(draft: WrapUpDraft): WrapUp {
  const text = draft.followUp.trim();
  return {
    disposition: draft.disposition || null,
    sentiment: draft.sentiment || null,
    follow_up: draft.dueOn ? { due_on: draft.dueOn, text: text || null } : null,
  };
}

function toDraft(wrapUp: WrapUp): WrapUpDraft {
  return {
    disposition: wrapUp.disposition ?? "",
    sentiment: wrapUp.sentiment ?? "",
    dueOn: wrapUp.follow_up?.due_on ?? "",
    followUp: wrapUp.follow_up?.text ?? "",
  };
}

/** A UUID; `randomUUID` exists only on https and localhost, `getRandomValues` everywhere. */
function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
