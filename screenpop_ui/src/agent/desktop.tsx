/** The agent's page: rail, call, home. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Desk } from "../live/desk";
import { listenForKeys } from "../ui/keys";
import { Announcer, Lines } from "../ui/live-lines";
import { LivePop } from "../ui/pop/live-pop";
import { Caller } from "./caller";
import { Help } from "./help";
import { Home } from "./home";
import { Lists } from "./lists";
import { Rail } from "./rail";

const REFRESH_MS = 60_000;

export function Desktop({ desk, onLogOut }: { desk: Desk; onLogOut: () => void }) {
  const lists = useMemo(() => new Lists(), [desk]);
  const helpOpen = useSignal(false);
  useSignalEffect(() => {
    // Read again whenever a call went away or the line came back.
    if (desk.changes.value >= 0) void lists.refresh();
  });
  useEffect(() => {
    const timer = setInterval(() => void lists.refresh(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [lists]);
  useEffect(
    () =>
      listenForKeys((key) => {
        switch (key) {
          case "?":
            helpOpen.value = !helpOpen.value;
            return true;
          case "g":
            desk.showNextCall();
            return true;
          case "h":
            desk.show({ kind: "home" });
            return true;
          case "/":
            document.getElementById("search")?.focus();
            return true;
          default:
            return false;
        }
      }),
    [desk, helpOpen],
  );
  return (
    <div class={desk.shown.value ? "desktop is-on-call" : "desktop"}>
      <Announcer desk={desk} />
      <Rail desk={desk} lists={lists} onLogOut={onLogOut} />
      <main class="main">
        <Shown desk={desk} lists={lists} />
      </main>
      <footer class="dock">
        <Lines desk={desk} />
        <Help open={helpOpen} />
      </footer>
    </div>
  );
}

function Shown({ desk, lists }: { desk: Desk; lists: Lists }) {
  const view = desk.view.value;
  if (view.kind === "caller") {
    return <Caller key={view.phone} desk={desk} phone={view.phone} record={view.record} />;
  }
  if (view.kind === "call" && desk.shown.value) return <LivePop desk={desk} />;
  return <Home desk={desk} lists={lists} />;
}
