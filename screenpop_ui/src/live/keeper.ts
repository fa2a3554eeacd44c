/**
 * A value that the agent edits: kept in memory, saved soon after, tried again until the server has it.
 *
 * One save at a time and the newest value wins. Nothing is written to the browser's storage.
 */

import { type Signal, signal } from "@preact/signals";

const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 30_000;

export type KeepStatus =
  | { kind: "unchanged" }
  | { kind: "changed" }
  | { kind: "saving" }
  | { kind: "saved"; at: string }
  | { kind: "not_saved"; why: string; retries: boolean };

export interface Saving<Value> {
  /** Store it; answers when it was stored (an instant). Throws what `isFinal` judges. */
  save(value: Value): Promise<string>;
  /** True for a refusal that repeating cannot cure. */
  isFinal(error: unknown): boolean;
  /** True when storing `b` over `a` would change nothing. */
  isSame(a: Value, b: Value): boolean;
}

export class Keeper<Value> {
  readonly value: Signal<Value>;
  readonly status = signal<KeepStatus>({ kind: "unchanged" });
  private saved: Value;
  private touched = false;
  private isSaving = false;
  private failures = 0;
  private stopped = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly saving: Saving<Value>,
    private readonly saveAfterMs: number,
    initial: Value,
  ) {
    this.saved = initial;
    this.value = signal(initial);
  }

  /** Take up what the server has. False when the agent has begun to edit: then that stays. */
  load(value: Value, at: string | null): boolean {
    if (this.touched) return false;
    this.saved = value;
    this.value.value = value;
    this.status.value = at === null ? { kind: "unchanged" } : { kind: "saved", at };
    return true;
  }

  edit(value: Value): void {
    this.touched = true;
    this.value.value = value;
    this.failures = 0;
    if (!this.isUnsaved) return;
    this.status.value = { kind: "changed" };
    this.saveIn(this.saveAfterMs);
  }

  /** Save now: the field was left, the call ended, or the page is going away. */
  flush(): void {
    if (this.isUnsaved) void this.save();
  }

  get isUnsaved(): boolean {
    return !this.saving.isSame(this.saved, this.value.value);
  }

  /** Try no more: whoever uses the page next is not the author. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private saveIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), ms);
  }

  private async save(): Promise<void> {
    clearTimeout(this.timer);
    if (this.isSaving) return;
    const value = this.value.value;
    this.isSaving = true;
    this.status.value = { kind: "saving" };
    try {
      const at = await this.saving.save(value);
      this.saved = value;
      this.failures = 0;
      this.status.value = { kind: "saved", at };
      if (this.isUnsaved) this.edit(this.value.value);
    } catch (error) {
      this.failed(error);
    } finally {
      this.isSaving = false;
    }
  }

  private failed(error: unknown): void {
    const retries = !this.saving.isFinal(error);
    const why = error instanceof Error ? error.message : "The server did not take it.";
    this.status.value = { kind: "not_saved", why, retries };
    if (!retries || this.stopped) return;
    this.failures += 1;
    this.saveIn(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1)));
  }
}
