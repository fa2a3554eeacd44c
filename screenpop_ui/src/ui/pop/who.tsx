/** Who is calling, how sure that is and why; the others it could be. */

import { useEffect, useState } from "preact/hooks";
import type { Candidate, Customer, PhoneNumber, Profile } from "../../api/contract";
import { safeLink } from "../format";
import { Icon, type IconName } from "../icon";
import { LinkOut, Said } from "../pieces";
import { matchWords, numberWords, sourceName, whoWords } from "../words";

interface Props {
  profile: Profile;
  number: PhoneNumber | null;
  cnam: string | null;
  /** Null where a choice cannot be made: an ended call, a search. */
  onChoose: ((customerId: string) => void) | null;
}

const SIGNS: Record<string, IconName> = { sure: "check", maybe: "question", open: "question" };
/** Names longer than this are set smaller: on a narrow screen, on every screen. */
const LONG_WHEN_NARROW = 28;
const LONG = 42;

const nameClass = (name: string): string =>
  name.length > LONG
    ? "name name-long"
    : name.length > LONG_WHEN_NARROW
      ? "name name-medium"
      : "name";

export function Who({ profile, number, cnam, onChoose }: Props) {
  const { customer, match } = profile;
  const chosen = match.candidates.find((one) => one.customer_id === customer?.customer_id);
  const words = matchWords(match, chosen ?? match.candidates[0]);
  const name = whoWords(profile, number);
  const isOpen = match.outcome === "multiple";
  const [again, setAgain] = useState(false);
  // A new choice puts the list away.
  useEffect(() => setAgain(false), [customer?.customer_id]);
  const canChange = onChoose !== null && !isOpen && match.candidates.length > 1;
  return (
    <div class={`who is-${words.sure}`}>
      <div class="who-lines">
        <h1 class={nameClass(name)} dir="auto" title={name}>
          {name}
        </h1>
        <p class="who-number">
          {numberWords(number) !== name && <span class="number">{numberWords(number)}</span>}
          <WhoFacts customer={customer} name={name} cnam={cnam} />
        </p>
        <p class="match">
          <span class="match-sign">
            <Icon name={SIGNS[words.sure] ?? "question"} /> {words.text}
          </span>
          {words.why && (
            <span>
              : <Said>{words.why}</Said>
            </span>
          )}
          {match.shared_number && match.outcome === "single" && <span> · shared number</span>}
          {canChange && (
            <button
              type="button"
              class="link"
              aria-expanded={again}
              onClick={() => setAgain(!again)}
            >
              not them?
            </button>
          )}
          <OpenIn profile={profile} />
        </p>
      </div>
      {(isOpen || again) && (
        <Candidates
          candidates={match.candidates}
          current={isOpen ? null : (customer?.customer_id ?? null)}
          onChoose={onChoose}
        />
      )}
    </div>
  );
}

function WhoFacts({
  customer,
  name,
  cnam,
}: {
  customer: Customer | null;
  name: string;
  cnam: string | null;
}) {
  const company = customer?.company_name;
  const facts = [
    company && company !== name ? company : null,
    customer?.tier ?? null,
    ...(customer?.tags.slice(0, 3) ?? []),
    customer?.owner?.name ? `looked after by ${customer.owner.name}` : null,
    customer?.language && !isOwnLanguage(customer.language)
      ? `speaks ${languageName(customer.language)}`
      : null,
    !customer && cnam ? `name sent with the call: ${cnam}` : null,
  ].filter((text) => text !== null);
  const told = facts.filter((text, index) => index === facts.findIndex((one) => isSame(one, text)));
  return (
    <>
      {told.map((text, index) => (
        <span class="who-fact" key={`${index}-${text}`}>
          <Said>{text}</Said>
        </span>
      ))}
    </>
  );
}

const isSame = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** A caller who speaks the language of this page needs no mention of it. */
const isOwnLanguage = (code: string): boolean =>
  code.split("-")[0]?.toLowerCase() === navigator.language.split("-")[0]?.toLowerCase();

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

function OpenIn({ profile }: { profile: Profile }) {
  const links = profile.customer?.links.filter((link) => safeLink(link.remote_url)) ?? [];
  const sources = Object.values(profile.sections).flatMap((section) => section?.sources ?? []);
  const nameOf = (connector: string) =>
    sourceName(sources.find((source) => source.connector === connector) ?? { connector });
  return (
    <>
      {links.slice(0, 3).map((link) => (
        <span class="open-in" key={`${link.connector}-${link.remote_id}`}>
          {" · "}
          <LinkOut to={link.remote_url}>open in {nameOf(link.connector)}</LinkOut>
        </span>
      ))}
    </>
  );
}

const company = ({ company_name, display_name }: Candidate) =>
  display_name && company_name !== display_name ? company_name : null;

interface ListProps {
  candidates: Candidate[];
  current: string | null;
  onChoose: Props["onChoose"];
}

function Candidates({ candidates, current, onChoose }: ListProps) {
  return (
    <ol class="candidates" aria-label="Possible callers, likeliest first">
      {candidates.map((candidate, index) => (
        <li key={candidate.customer_id}>
          <button
            type="button"
            class="candidate"
            disabled={onChoose === null}
            aria-pressed={candidate.customer_id === current}
            onClick={() => onChoose?.(candidate.customer_id)}
          >
            {index < 9 && <kbd>{index + 1}</kbd>}
            <span class="candidate-name" dir="auto">
              {candidate.display_name ?? candidate.company_name ?? "No name on record"}
            </span>
            <span class="candidate-why">
              {[
                company(candidate),
                candidate.tier,
                candidate.level === "maybe" ? "maybe" : null,
                ...candidate.reasons,
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}
