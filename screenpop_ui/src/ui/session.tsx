/** Log in, then a desk for that user: shared by the agent's page and the widget. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { ApiError, api, base, type User } from "../api/client";
import { Desk } from "../live/desk";
import { LogIn } from "./login";

type Session =
  | { kind: "asking" }
  | { kind: "out"; reason: string | null }
  | { kind: "unreachable"; why: string }
  | { kind: "in"; desk: Desk };

const RETRY_MS = 3_000;

interface Props {
  children: (desk: Desk, logOut: () => void) => ComponentChildren;
}

export function WithSession({ children }: Props) {
  const session = useSignal<Session>({ kind: "asking" });
  /** Kept over a log-out by the server: its unsaved notes belong to this user. */
  const lastDesk = useSignal<Desk | null>(null);

  const enter = (user: User) => {
    const last = lastDesk.value;
    const desk =
      last?.user.user_id === user.user_id
        ? last
        : new Desk(user, () => {
            session.value = { kind: "out", reason: "You were logged out. Log in again to go on." };
          });
    if (desk !== last) last?.abandon();
    lastDesk.value = desk;
    desk.open();
    session.value = { kind: "in", desk };
  };

  const ask = async () => {
    try {
      enter((await api.session()).user);
    } catch (error) {
      const isLoggedOut = error instanceof ApiError && [401, 403].includes(error.status);
      if (isLoggedOut) {
        if (await api.isFirstRun()) location.assign(new URL("admin/setup", base));
        session.value = { kind: "out", reason: null };
        return;
      }
      const why = error instanceof Error ? error.message : "The server cannot be reached.";
      session.value = { kind: "unreachable", why };
      setTimeout(() => void ask(), RETRY_MS);
    }
  };

  const logOut = async () => {
    lastDesk.value?.close();
    lastDesk.value = null;
    try {
      await api.logOut();
      session.value = { kind: "out", reason: null };
    } catch {
      session.value = {
        kind: "out",
        reason: "The server could not be told: close the browser to be sure you are logged out.",
      };
    }
  };

  useEffect(() => {
    void ask();
  }, []);

  const now = session.value;
  if (now.kind === "in") return <>{children(now.desk, () => void logOut())}</>;
  if (now.kind === "out") return <LogIn reason={now.reason} onLoggedIn={enter} />;
  return (
    <main class="login">
      <p role="status">{now.kind === "unreachable" ? now.why : ""}</p>
    </main>
  );
}
