/** The agent's desk: the live calls, what is shown, the notes. The one mutable object of a page. */

import { computed, signal } from "@preact/signals";
import { api, base, type User } from "../api/client";
import { isTyping } from "../ui/focus";
import { announcementOf, closedWords } from "../ui/words";
import { Answering } from "./answering";
import { type ClockSetter, setClock } from "./clock";
import { browserSurroundings, Connection, type LineStatus } from "./connection";
import { PaintReporter } from "./painted";
import {
  type ClientMessage,
  forget,
  type LiveState,
  NO_CALLS,
  receive,
  type ServerMessage,
} from "./protocol";
import { isWorthFinishing, mostUrgent, type View, viewAfter } from "./view";
import { CallWork } from "./work";

/** How long an ended call stays when nothing is left to save in it. */
const KEEP_ENDED_MS = 120_000;
const NOTICE_MS = 10_000;

export class Desk {
  readonly live = signal(NO_CALLS);
  readonly view = signal<View>({ kind: "home" });
  readonly line = signal<LineStatus>("connecting");
  /** What a screen reader says, once. */
  readonly announcement = signal("");
  /** A short line on a call that went away by itself. */
  readonly notice = signal("");
  /** Grows when the lists of the home page may have changed. */
  readonly changes = signal(0);
  readonly dispositions = signal<string[]>([]);
  readonly shown = computed(() => this.popOf(this.view.value));

  private readonly works = new Map<string, CallWork>();
  private readonly answerings = new Map<string, Answering>();
  private readonly announced = new Set<string>();
  private readonly painted = new PaintReporter((message) => this.send(message));
  private readonly connection: Connection;
  private noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly user: User,
    private readonly onLoggedOut: () => void,
    private readonly setServerClock: ClockSetter = setClock,
  ) {
    const address = new URL("ws", base);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    this.connection = new Connection(browserSurroundings(address), {
      onMessage: (message) => this.onMessage(message),
      onStatus: (status) => this.onStatus(status),
    });
  }

  open(): void {
    this.connection.start();
    addEventListener("online", this.wake);
    addEventListener("pagehide", this.saveAll);
    document.addEventListener("visibilitychange", this.onVisibility);
    api.dispositions().then(
      (answer) => {
        this.dispositions.value = answer.dispositions;
      },
      () => {
        // The list stays empty: the field says so, and the note works without it.
      },
    );
  }

  /** Save what is not saved, and leave. */
  close(): void {
    this.saveAll();
    this.abandon();
  }

  /** Leave without another word to the server: somebody else is logged in now. */
  abandon(): void {
    for (const work of this.works.values()) work.stop();
    this.connection.stop();
    removeEventListener("online", this.wake);
    removeEventListener("pagehide", this.saveAll);
    document.removeEventListener("visibilitychange", this.onVisibility);
  }

  show(view: View): void {
    this.view.value = view;
  }

  /** Go round the live calls, a ringing one first. */
  showNextCall(): void {
    const ids = [...this.live.value.pops.keys()];
    const view = this.view.value;
    const at = view.kind === "call" ? ids.indexOf(view.callId) : -1;
    const callId = at < 0 ? mostUrgent(this.live.value) : (ids[(at + 1) % ids.length] ?? null);
    if (callId !== null) this.show({ kind: "call", callId });
  }

  choose(callId: string, customerId: string): void {
    this.send({ type: "choose", call_id: callId, customer_id: customerId });
  }

  /** Put a live pop away, or finish with an ended one. */
  dismiss(callId: string): void {
    if (this.live.value.pops.has(callId)) this.send({ type: "dismiss", call_id: callId });
    else this.finish(callId);
  }

  /** What the agent writes about a call; the same object as long as the page lives. */
  workOn(callId: string): CallWork {
    const work = this.works.get(callId) ?? new CallWork(callId, this.user.user_id);
    this.works.set(callId, work);
    return work;
  }

  /** The answers to a call's suggestions; the same object as long as the page lives. */
  answeringOn(callId: string): Answering {
    const answering = this.answerings.get(callId) ?? new Answering(callId);
    this.answerings.set(callId, answering);
    return answering;
  }

  private popOf(view: View) {
    if (view.kind !== "call") return null;
    const { pops, closed } = this.live.value;
    const pop = pops.get(view.callId);
    if (pop) return { pop, closed: null };
    const gone = closed.get(view.callId);
    return gone ? { pop: gone.pop, closed: gone.reason } : null;
  }

  private send(message: ClientMessage): void {
    this.connection.send(message);
  }

  private onStatus(status: LineStatus): void {
    this.line.value = status;
    if (status === "logged_out") this.onLoggedOut();
  }

  private onMessage(message: ServerMessage): void {
    if (message.type === "hello") this.setServerClock(message.server_time);
    const before = this.live.value;
    const { state, get } = receive(before, message);
    if (get !== null) this.send({ type: "get", call_id: get });
    if (state === before) return;
    let after = state;
    const gone = [...state.closed.keys()].filter((callId) => !before.closed.has(callId));
    for (const callId of gone) after = this.putAway(after, callId);
    this.view.value = viewAfter(this.view.value, before, after, isTyping());
    this.live.value = after;
    this.afterMessage(message);
  }

  private afterMessage(message: ServerMessage): void {
    if (message.type === "hello" || message.type === "close") this.changes.value += 1;
    for (const pop of this.live.value.pops.values()) {
      const callId = pop.call.call_id;
      if (!this.announced.has(callId) && pop.call.state === "ringing") {
        this.announced.add(callId);
        this.announcement.value = announcementOf(pop);
      }
    }
    if (message.type === "pop")
      this.painted.received(message.pop.call.call_id, message.pop.version);
    if (message.type === "hello") {
      for (const pop of message.pops) this.painted.received(pop.call.call_id, pop.version);
    }
    if (message.type === "patch" && this.shown.value?.pop.call.call_id === message.call_id) {
      this.painted.received(message.call_id, message.version);
    }
  }

  /** Decide what becomes of a call that went away: kept for its note, or gone with a line. */
  private putAway(state: LiveState, callId: string): LiveState {
    const closed = state.closed.get(callId);
    if (!closed) return state;
    const work = this.works.get(callId);
    work?.flush();
    if (isWorthFinishing(closed) || work?.isUnsaved) {
      this.finishLater(callId);
      return state;
    }
    this.tell(closedWords(closed.pop, closed.reason));
    return forget(state, callId);
  }

  private finishLater(callId: string): void {
    setTimeout(() => {
      if (!this.live.value.closed.has(callId)) return;
      const view = this.view.value;
      const isInUse = view.kind === "call" && view.callId === callId && isTyping();
      if (isInUse || this.works.get(callId)?.isUnsaved) this.finishLater(callId);
      else this.finish(callId);
    }, KEEP_ENDED_MS);
  }

  private finish(callId: string): void {
    const before = this.live.value;
    this.works.get(callId)?.flush();
    const after = forget(before, callId);
    this.view.value = viewAfter(this.view.value, before, after, false);
    this.live.value = after;
    this.changes.value += 1;
  }

  private tell(text: string): void {
    this.notice.value = text;
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => {
      this.notice.value = "";
    }, NOTICE_MS);
  }

  private readonly wake = () => this.connection.wake();
  private readonly saveAll = () => {
    for (const work of this.works.values()) work.flush();
  };
  private readonly onVisibility = () => {
    if (document.hidden) this.saveAll();
    else this.connection.wake();
  };
}
