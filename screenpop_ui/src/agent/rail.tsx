/** The left rail: who I am, the line to the server, my calls, the way home, search. */

import type { Pop } from "../api/contract";
import type { LineStatus } from "../live/connection";
import type { Desk } from "../live/desk";
import type { CloseReason } from "../live/protocol";
import { Icon, type IconName } from "../ui/icon";
import { Timer } from "../ui/pop/head";
import { nextTheme, theme } from "../ui/theme";
import { numberWords, stateWords, whoWords } from "../ui/words";
import type { Lists } from "./lists";
import { Search } from "./search";

const LINES: Record<LineStatus, { text: string; icon: IconName }> = {
  connecting: { text: "connecting", icon: "dots" },
  connected: { text: "connected", icon: "check" },
  reconnecting: { text: "reconnecting", icon: "warn" },
  logged_out: { text: "logged out", icon: "lock" },
  refused: { text: "not allowed", icon: "lock" },
};

interface Props {
  desk: Desk;
  lists: Lists;
  onLogOut: () => void;
}

export function Rail({ desk, lists, onLogOut }: Props) {
  const { user } = desk;
  const extension = user.extensions.join(", ");
  const line = LINES[desk.line.value];
  return (
    <aside class="rail" aria-label="Calls and lists">
      <div class="rail-me">
        <strong>
          <bdi>{user.name}</bdi>
        </strong>
        {extension && <span> · {extension}</span>}
        <span class={`line is-${desk.line.value}`}>
          <Icon name={line.icon} /> {line.text}
        </span>
      </div>
      <Calls desk={desk} />
      <nav class="rail-nav" aria-label="Lists">
        <HomeLink desk={desk} text="Missed" count={lists.missed.value?.length} />
        <HomeLink desk={desk} text="Due" count={lists.due.value?.length} />
        <HomeLink desk={desk} text="Today" count={lists.today.value?.length} />
      </nav>
      <Search desk={desk} />
      <div class="rail-foot">
        <button type="button" class="link" onClick={nextTheme}>
          Colours: {theme.value === "auto" ? "as the computer" : theme.value}
        </button>
        <button type="button" class="link" onClick={onLogOut}>
          Log out
        </button>
      </div>
    </aside>
  );
}

function Calls({ desk }: { desk: Desk }) {
  const { pops, closed } = desk.live.value;
  return (
    <section class="rail-calls" aria-label="Calls">
      <h2>Live</h2>
      {pops.size + closed.size === 0 && <p class="quiet">no call</p>}
      <ul>
        {[...pops.values()].map((pop) => (
          <CallRow key={pop.call.call_id} desk={desk} pop={pop} closed={null} />
        ))}
        {[...closed.values()].map(({ pop, reason }) => (
          <CallRow key={pop.call.call_id} desk={desk} pop={pop} closed={reason} />
        ))}
      </ul>
    </section>
  );
}

function CallRow({ desk, pop, closed }: { desk: Desk; pop: Pop; closed: CloseReason | null }) {
  const { call } = pop;
  const isShown = desk.shown.value?.pop.call.call_id === call.call_id;
  const name = whoWords(pop, call.ani);
  return (
    <li>
      <button
        type="button"
        class={`rail-call is-${closed ? "closed" : call.state}`}
        aria-current={isShown ? "true" : undefined}
        onClick={() => desk.show({ kind: "call", callId: call.call_id })}
      >
        <span class="rail-call-name" dir="auto">
          {name === "Unknown caller" ? numberWords(call.ani) : name}
        </span>
        <span class="rail-call-state">
          {closed ? "ended: finish the note" : stateWords(call)}{" "}
          {!closed && <Timer call={call} closed={false} />}
        </span>
      </button>
    </li>
  );
}

function HomeLink({ desk, text, count }: { desk: Desk; text: string; count: number | undefined }) {
  return (
    <button type="button" class="rail-link" onClick={() => desk.show({ kind: "home" })}>
      <span>{text}</span>
      <span class="count">{count ?? "–"}</span>
    </button>
  );
}
