/** The pop: everything known about a caller, in blocks that keep their place from the first paint. */

import { type ComponentChildren, Fragment } from "preact";
import type { PhoneNumber, Profile, Section, SectionStatus, Sections } from "../../api/contract";
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
  /** The order that an administrator set; null: the usual one. */
  order?: readonly string[] | null;
}

export function PopView({ profile, number, cnam, head, note, onChoose, order = null }: Props) {
  const { alerts } = profile;
  const isNobody = nothingToCome(profile);
  const kind = [isNobody && "pop-nobody", !note && "pop-without-note"].filter(Boolean).join(" ");
  // The note keeps its place among the children, so that a field in use is never made anew.
  return (
    <article class={`pop ${kind}`}>
      {head}
      <Who profile={profile} number={number} cnam={cnam} onChoose={onChoose} />
      {!isNobody && <Alerts alerts={alerts} profile={profile} />}
      <NobodyYet.Provider value={nobodyWords(profile)}>
        <Blocks profile={profile} isNobody={isNobody} note={note} order={order} />
      </NobodyYet.Provider>
    </article>
  );
}

interface BlocksProps {
  profile: Profile;
  isNobody: boolean;
  note: ComponentChildren;
  order: readonly string[] | null;
}

const USUAL = ["interactions", "balance", "credit_terms", "suggestions", "purchases", "tickets"];
/** The note comes after so many blocks. */
const BEFORE_NOTE = 3;

function Blocks({ profile, isNobody, note, order }: BlocksProps) {
  const { sections } = profile;
  const { tickets } = sections;
  const byRule = new Set(USUAL.filter((name) => isHiddenByRule(sections[name as keyof Sections])));
  const names = (order ?? USUAL).filter((name) => !byRule.has(name));
  const isUsual = order === null && byRule.size === 0;
  const drawn = (name: string) => {
    switch (name) {
      case "interactions":
        return <LastTime key="last" section={sections.interactions} />;
      case "balance":
        return <Owes key={name} section={sections.balance} />;
      case "credit_terms":
        return <Credit key={name} section={sections.credit_terms} />;
      case "suggestions":
        return <Likely key={name} section={sections.suggestions} />;
      case "purchases":
        return <Bought key={name} section={sections.purchases} />;
      case "tickets":
        return tickets && !BARE.has(tickets.status) ? <Cases key={name} section={tickets} /> : null;
      default:
        return null;
    }
  };
  const isOpen = (name: string) => !isNobody || name === "tickets";
  const first = names.slice(0, BEFORE_NOTE).filter(isOpen);
  const rest = names.slice(BEFORE_NOTE).filter((name) => isOpen(name) && name !== "tickets");
  const hasCases = names.slice(BEFORE_NOTE).includes("tickets");
  return (
    <div class={isUsual ? "blocks" : "blocks blocks-ordered"}>
      {isNobody && <Nobody key="nobody" />}
      {first.map(drawn)}
      <Fragment key="note">{note}</Fragment>
      {rest.map(drawn)}
      {!isNobody && !byRule.has("interactions") && (
        <EarlierCalls key="earlier" section={sections.interactions} />
      )}
      {hasCases && drawn("tickets")}
    </div>
  );
}

/** An administrator hides it for the queue: then it is not drawn, not even as hidden. */
const isHiddenByRule = (section: Section<unknown> | undefined): boolean =>
  section?.status === "hidden" &&
  section.sources.some((source) => source.error?.code === "hidden_by_rule");

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
