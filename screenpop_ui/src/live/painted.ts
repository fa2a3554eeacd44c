/** Tells the server when the browser has drawn a pop: feeds the time-to-pop report. */

import type { ClientMessage } from "./protocol";

interface Waiting {
  version: number;
  receivedAt: number;
}

export class PaintReporter {
  private readonly waiting = new Map<string, Waiting>();
  private scheduled = false;

  constructor(private readonly send: (message: ClientMessage) => void) {}

  /** A version was received now and will be on the screen in the next frame. */
  received(callId: string, version: number): void {
    // A hidden tab draws nothing: a time measured there would be the tab's, not ours.
    if (document.hidden) return;
    const receivedAt = this.waiting.get(callId)?.receivedAt ?? performance.now();
    this.waiting.set(callId, { version, receivedAt });
    if (this.scheduled) return;
    this.scheduled = true;
    // The first frame callback runs before drawing, the second after it.
    requestAnimationFrame(() => requestAnimationFrame(() => this.report()));
  }

  private report(): void {
    this.scheduled = false;
    const now = performance.now();
    for (const [call_id, { version, receivedAt }] of this.waiting) {
      const since_received_ms = Math.round(now - receivedAt);
      if (!document.hidden) this.send({ type: "painted", call_id, version, since_received_ms });
    }
    this.waiting.clear();
  }
}
