/** The pop: everything known about a caller, in blocks that keep their place from the first paint. */

import type { ComponentChildren } from "preact";
import type { PhoneNumber, Profile, SectionStatus } from "../../api/contract";
import { Alerts } from "./alerts";
import { NobodyYet } from "./block";
import { Bought } from "./bought";
import { Cases } from "./cases";
import { Credit } from "./credit";
import { EarlierCalls, LastTime } from "./history";
import { Likely } from "./likely";
import { Owes } from "./owes";
import { Who } from "./who";

interface Props {
  profile: Profile;
  number: PhoneNumber | null;
  cnam: string | null;
  head: ComponentChildren;
  /** The note of the call, where there is a call to write about. */
  note: ComponentChildren;
  onChoose: ((customerId: string) => void) | null;
}

export function PopView({ profile, number, cnam, head, note, onChoose }: Props) {
  const { sections, alerts } = profile;
  const { tickets } = sections;
  const isNobody = nothingToCome(profile);
  const kind = [isNobody && "pop-nobody", !note && "pop-without-note"].filter(Boolean).join(" ");
  // The note keeps its place among the children, so that a field in use is never made anew.
  return (
    <article class={`pop ${kind}`}>
      {head}
      <Who profile={profile} number={number} cnam={cnam} onChoose={onChoose} />
      {!isNobody && <Alerts alerts={alerts} profile={profile} />}
      <NobodyYet.Provider value={nobodyWords(profile)}>
        <div class="blocks">
          {isNobody && <Nobody />}
          {!isNobody && <LastTime section={sections.interactions} />}
          {!isNobody && <Owes section={sections.balance} />}
          {!isNobody && <Credit section={sections.credit_terms} />}
          {note}
          {!isNobody && <Likely section={sections.suggestions} />}
          {!isNobody && <Bought section={sections.purchases} />}
          {!isNobody && <EarlierCalls section={sections.interactions} />}
          {tickets && !BARE.has(tickets.status) && <Cases section={tickets} />}
        </div>
      </NobodyYet.Provider>
    </article>
  );
}

const BARE: ReadonlySet<SectionStatus> = new Set(["empty", "not_configured", "hidden"]);

/** Nobody is identified and nothing is on its way: then there is one thing to say, once. */
function nothingToCome({ customer, match, sections, alerts }: Profile): boolean {
  if (customer || match.outcome === "multiple" || alerts.length > 0) return false;
  return Object.values(sections).every((section) => !section || BARE.has(section.status));
}

function Nobody() {
  return (
    <section class="block block-nobody">
      <header class="block-head">
        <h2>Nothing on record</h2>
      </header>
      <div class="block-body">
        <p class="last-note">Ask who is calling.</p>
        <p>If they give a number that we may know, search for that number.</p>
        <p>What you write in the note is kept with this call.</p>
      </div>
    </section>
  );
}

/** Why the blocks are empty while nobody is identified. */
function nobodyWords({ customer, match }: Profile): string | null {
  if (customer) return null;
  return match.outcome === "multiple"
    ? "Shown once you have chosen the caller."
    : "Nothing to look up: the caller is not known.";
}
