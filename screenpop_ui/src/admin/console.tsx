/** The console: first admin, log in, then the frame with the page of the path. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { User } from "../api/client";
import { LogIn } from "../ui/login";
import { ApiError, get, remove, wordsOf } from "./api";
import { Frame } from "./frame";
import { HelpFrom } from "./helpers";
import { me } from "./me";
import { pageOf } from "./pages";
import { NoSuchPage } from "./parts/states";
import { path } from "./router";
import { FirstAdmin, type FirstRun } from "./setup/first-admin";

type Session =
  | { kind: "asking" }
  | { kind: "unreachable"; why: string }
  | { kind: "first"; run: FirstRun }
  | { kind: "out"; reason: string | null }
  | { kind: "in"; user: User };

const RETRY_MS = 3_000;
/** Often enough that who is logged out everywhere sees it within seconds. */
const LOOK_MS = 4_000;

export function Console() {
  const session = useSignal<Session>({ kind: "asking" });

  const enter = (user: User) => {
    me.value = user;
    session.value = { kind: "in", user };
  };

  const begin = async () => {
    try {
      enter((await get<{ user: User }>("session")).user);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return void askForFirstRun();
      retry(error);
    }
  };

  const askForFirstRun = async () => {
    try {
      const run = await get<FirstRun>("setup/first-admin");
      session.value = run.needed ? { kind: "first", run } : { kind: "out", reason: null };
    } catch (error) {
      retry(error);
    }
  };

  const retry = (error: unknown) => {
    session.value = { kind: "unreachable", why: wordsOf(error) };
    setTimeout(() => void begin(), RETRY_MS);
  };

  const look = async () => {
    if (session.value.kind !== "in") return;
    try {
      const { user } = await get<{ user: User }>("session");
      if (JSON.stringify(user) !== JSON.stringify(session.value.user)) enter(user);
    } catch (error) {
      const isOut = error instanceof ApiError && error.status === 401;
      if (isOut) session.value = { kind: "out", reason: "You were logged out. Log in to go on." };
    }
  };

  const logOut = async () => {
    try {
      await remove("session");
      session.value = { kind: "out", reason: null };
    } catch {
      const reason =
        "The server could not be told: close the browser to be sure you are logged out.";
      session.value = { kind: "out", reason };
    }
  };

  useEffect(() => {
    void begin();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, []);

  const now = session.value;
  switch (now.kind) {
    case "in":
      return now.user.role === "admin" ? (
        <Frame user={now.user} onLogOut={() => void logOut()}>
          <Shown />
        </Frame>
      ) : (
        <HelpFrom user={now.user} onLogOut={() => void logOut()} />
      );
    case "first":
      return <FirstAdmin run={now.run} onDone={enter} onTaken={() => void begin()} />;
    case "out":
      return <LogIn reason={now.reason} onLoggedIn={enter} />;
    default:
      return (
        <main class="login">
          <p role="status">{now.kind === "unreachable" ? now.why : ""}</p>
        </main>
      );
  }
}

function Shown() {
  const found = pageOf(path.value);
  useEffect(() => {
    document.title = `${found?.page.title ?? "No such page"} · screenpop console`;
  }, [found?.page]);
  if (!found) return <NoSuchPage />;
  const { page, slug } = found;
  return <page.component key={path.value} slug={slug} />;
}
