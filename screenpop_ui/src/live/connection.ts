/**
 * The websocket to the server: kept open, checked for life, opened again with a jittered back-off.
 *
 * It knows nothing about pops. The socket, the clock and chance are handed in, for the tests.
 */

import type { ClientMessage, ServerMessage } from "./protocol";

export const SUBPROTOCOL = "screenpop.v1";
export const PING_EVERY_MS = 25_000;
export const PONG_WITHIN_MS = 10_000;
const HELLO_WITHIN_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;

/** What the line to the server is doing. `logged_out` and `refused` are final. */
export type LineStatus = "connecting" | "connected" | "reconnecting" | "logged_out" | "refused";

export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface Surroundings {
  open(): SocketLike;
  after(ms: number, run: () => void): () => void;
  /** A number 0..1. */
  chance(): number;
}

export interface Listener {
  onMessage(message: ServerMessage): void;
  onStatus(status: LineStatus): void;
}

export class Connection {
  private socket: SocketLike | null = null;
  private attempts = 0;
  private heardSincePing = true;
  private stopTimer: () => void = () => {};
  private stopped = false;

  constructor(
    private readonly around: Surroundings,
    private readonly listener: Listener,
  ) {}

  /** Open the line; also after it was closed for good, once the agent has logged in again. */
  start(): void {
    this.stopped = false;
    this.attempts = 0;
    this.listener.onStatus("connecting");
    this.open();
  }

  /** Close for good: nothing is reported afterwards. */
  stop(): void {
    this.stopped = true;
    this.drop();
  }

  /** Send if the line is up. What is lost needs no repeat: `hello` follows every reconnect. */
  send(message: ClientMessage): void {
    if (this.socket && this.attempts === 0) this.socket.send(JSON.stringify(message));
  }

  /** Try at once, as the machine woke up or the network came back. */
  wake(): void {
    if (this.stopped) return;
    if (!this.socket) this.open();
    else if (this.attempts === 0) this.ping();
  }

  private open(): void {
    this.stopTimer();
    // Counted until `hello` arrives, so that a server that accepts and drops is not hammered.
    this.attempts += 1;
    let socket: SocketLike;
    try {
      socket = this.around.open();
    } catch {
      this.lost();
      return;
    }
    this.socket = socket;
    socket.onmessage = (event) => {
      if (socket === this.socket) this.heard(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.closed(event.code);
    };
    this.stopTimer = this.around.after(HELLO_WITHIN_MS, () => this.lost());
  }

  private heard(data: unknown): void {
    this.heardSincePing = true;
    const message = readServerMessage(data);
    if (!message) return;
    if (message.type === "hello") {
      this.attempts = 0;
      this.listener.onStatus("connected");
      this.pingLater();
    }
    this.listener.onMessage(message);
  }

  private pingLater(): void {
    this.stopTimer();
    this.stopTimer = this.around.after(PING_EVERY_MS, () => this.ping());
  }

  private ping(): void {
    this.stopTimer();
    this.heardSincePing = false;
    this.send({ type: "ping" });
    this.stopTimer = this.around.after(PONG_WITHIN_MS, () => {
      if (this.heardSincePing) this.pingLater();
      else this.lost();
    });
  }

  private closed(code: number): void {
    if (code === 4401) this.end("logged_out");
    else if (code === 4403) this.end("refused");
    else this.lost();
  }

  private end(status: LineStatus): void {
    this.stop();
    this.listener.onStatus(status);
  }

  private lost(): void {
    this.drop();
    if (this.stopped) return;
    this.listener.onStatus("reconnecting");
    this.stopTimer = this.around.after(retryAfterMs(this.attempts, this.around.chance()), () =>
      this.open(),
    );
  }

  private drop(): void {
    this.stopTimer();
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }
}

/** Wait before attempt number `failed + 1`: doubling, half of it by chance, so that a restart of
 * the server is not met by every page at the same moment. */
export function retryAfterMs(failed: number, chance: number): number {
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failed - 1));
  return Math.round(longest / 2 + (longest / 2) * chance);
}

/** A frame as a message, or null when it is not one that this page can use. */
export function readServerMessage(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  switch (value.type) {
    case "hello":
      return Array.isArray(value.pops) && value.pops.every(isPop) ? asMessage(value) : null;
    case "pop":
      return isPop(value.pop) ? asMessage(value) : null;
    case "patch":
      return typeof value.call_id === "string" && typeof value.version === "number"
        ? asMessage(value)
        : null;
    case "close":
      return typeof value.call_id === "string" ? asMessage(value) : null;
    case "pong":
    case "error":
      return asMessage(value);
    default:
      return null;
  }
}

const asMessage = (value: Record<string, unknown>) => value as unknown as ServerMessage;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isPop(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.version === "number" &&
    isObject(value.call) &&
    typeof value.call.call_id === "string" &&
    isObject(value.match) &&
    isObject(value.sections) &&
    Array.isArray(value.alerts)
  );
}

/** The real surroundings: the browser's socket, clock and dice. */
export function browserSurroundings(address: URL): Surroundings {
  return {
    open: () => new WebSocket(address, SUBPROTOCOL) as unknown as SocketLike,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    chance: Math.random,
  };
}
