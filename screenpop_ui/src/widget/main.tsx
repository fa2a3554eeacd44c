/** The pop alone, for an iframe in a CRM. */

import { render } from "preact";
import { startClock } from "../live/clock";
import type { Desk } from "../live/desk";
import { Announcer, Lines } from "../ui/live-lines";
import { LivePop } from "../ui/pop/live-pop";
import { WithSession } from "../ui/session";
import { startTheme } from "../ui/theme";

function Widget({ desk }: { desk: Desk }) {
  return (
    <div class="widget">
      <Announcer desk={desk} />
      <main class="main">
        {desk.shown.value ? (
          <LivePop desk={desk} />
        ) : (
          <h1 class="home-title">Waiting for a call</h1>
        )}
      </main>
      <footer class="dock">
        <Lines desk={desk} />
      </footer>
    </div>
  );
}

startTheme();
startClock();
const root = document.getElementById("app");
if (root) render(<WithSession>{(desk) => <Widget desk={desk} />}</WithSession>, root);
