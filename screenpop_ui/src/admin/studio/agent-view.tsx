/** A section as the agent sees it: the very blocks of the agent's page. */

import type { Section } from "../../api/contract";
import { Whose } from "../../ui/pop/block";
import { Bought } from "../../ui/pop/bought";
import { Cases } from "../../ui/pop/cases";
import { Credit } from "../../ui/pop/credit";
import { Owes } from "../../ui/pop/owes";
import type { Trial } from "./api";

/** `titleId` is of the element that says which trial it is. */
export function AgentView({ trial, titleId }: { trial: Trial; titleId: string }) {
  const { balance, credit_terms, purchases, tickets } = trial.sections;
  const isNothing = [balance, credit_terms, purchases, tickets].every((each) => !each);
  const name = trial.contacts[0]?.display_name;
  return (
    <div class="agent-view">
      {typeof name === "string" && (
        <p class="agent-view-name">
          <bdi>{name}</bdi>
        </p>
      )}
      <Whose.Provider value={titleId}>
        {balance && <Owes section={balance} />}
        {credit_terms && <Credit section={credit_terms} />}
        {purchases && <Bought section={purchases} />}
        {tickets && <Cases section={tickets} />}
      </Whose.Provider>
      {isNothing && (
        <p class="quiet">{trial.remote_id ? "It brings no block of the pop." : "Nothing."}</p>
      )}
    </div>
  );
}

/** What was understood of a section, as names and values. */
export function Facts({ section }: { section: Section<unknown> }) {
  const found = factsOf(section.data);
  const errors = section.sources.filter((source) => source.error);
  return (
    <>
      {errors.map((source) => (
        <p class="bad" key={source.connector}>
          {source.error?.text}
        </p>
      ))}
      {found.length === 0 && errors.length === 0 && <p class="quiet">nothing on record</p>}
      <dl class="facts">
        {found.map(([name, text]) => (
          <div key={name}>
            <dt>{name.replaceAll("_", " ")}</dt>
            <dd>
              <bdi>{text}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

const MOST = 40;

/** A section's facts in order, one level of lists shown as how many and the first. */
export function factsOf(data: unknown): [string, string][] {
  if (Array.isArray(data)) return listFacts("", data);
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data)
    .flatMap(([name, value]): [string, string][] => {
      if (Array.isArray(value)) return listFacts(name, value);
      if (typeof value === "object" && value !== null) {
        return Object.entries(value).map(([inner, each]) => [`${name} ${inner}`, plain(each)]);
      }
      return [[name, plain(value)]];
    })
    .slice(0, MOST);
}

function listFacts(name: string, list: unknown[]): [string, string][] {
  const label = name || "records";
  const first = list[0];
  const rest: [string, string][] =
    typeof first === "object" && first !== null
      ? Object.entries(first)
          .filter(([, each]) => typeof each !== "object" || each === null)
          .map(([inner, each]) => [`first: ${inner}`, plain(each)])
      : [];
  return [[label, String(list.length)], ...rest];
}

const plain = (value: unknown): string =>
  value === null || value === undefined || value === "" ? "not known" : String(value);
