/** What the customer will likely want, each with its reason, and what they said to it. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Section, Suggestion, Suggestions } from "../../api/contract";
import type { Answering, Asked } from "../../live/answering";
import { dayText, numberText } from "../format";
import { LinkOut, Money, Said } from "../pieces";
import { Block } from "./block";

/** Where there is a call in which the agent may ask. */
export const AnsweringHere = createContext<Answering | null>(null);

export function Likely({ section }: { section: Section<Suggestions> | undefined }) {
  const answering = useContext(AnsweringHere);
  return (
    <Block name="likely" title="Will likely want" section={section} lines={2}>
      {(data) => <Lists data={data} answering={answering} />}
    </Block>
  );
}

function Lists({ data, answering }: { data: Suggestions; answering: Answering | null }) {
  if (data.blocked === "credit_hold") {
    return <p class="blocked">On credit hold: offer nothing until it is lifted.</p>;
  }
  if (data.next.length + data.goes_with.length === 0) {
    return <p class="quiet">Nothing stands out</p>;
  }
  const failed = answering?.failed.value;
  return (
    <>
      {failed && (
        <p class="remark" role="status">
          Not saved: {failed}
        </p>
      )}
      <div class="offers">
        <List
          name="next"
          title={data.popular ? "Popular with everybody" : "Likely to buy next"}
          items={data.next}
          answering={answering}
        />
        <List
          name="goes_with"
          title="Goes with what they buy"
          items={data.goes_with}
          answering={answering}
        />
      </div>
    </>
  );
}

interface ListProps {
  name: Asked["list"];
  title: string;
  items: Suggestion[];
  answering: Answering | null;
}

function List({ name, title, items, answering }: ListProps) {
  if (items.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul class="likely">
        {items.map((item) => (
          <Item
            key={`${item.connector}-${item.item_id}`}
            item={item}
            list={name}
            answering={answering}
          />
        ))}
      </ul>
    </div>
  );
}

interface ItemProps {
  item: Suggestion;
  list: Asked["list"];
  answering: Answering | null;
}

function Item({ item, list, answering }: ItemProps) {
  const isMarked = answering?.isMarked({ item, list }) ?? false;
  return (
    <li class={isMarked ? "is-marked" : undefined} aria-current={isMarked || undefined}>
      <div class="what">
        <strong>
          <LinkOut to={item.remote_url ?? null}>
            <Said>{item.name ?? item.sku ?? item.item_id}</Said>
          </LinkOut>
        </strong>
        {item.sku && item.name && <span class="quiet"> {item.sku}</span>}
        {item.unit_price !== null && (
          <>
            {" · "}
            <Money amount={item.unit_price} currency={item.currency} />
          </>
        )}
        {item.inventory_quantity !== null && ` · ${numberText(item.inventory_quantity)} in stock`}
        {item.above_credit && <strong class="above-credit"> · above the credit left</strong>}
      </div>
      {item.reason && <span class="reason">{item.reason}</span>}
      {answering ? (
        <Answers asked={{ item, list }} answering={answering} />
      ) : (
        item.answer && <span class="said"> {answerWords(item)}</span>
      )}
    </li>
  );
}

function Answers({ asked, answering }: { asked: Asked; answering: Answering }) {
  const { item } = asked;
  const name = item.name ?? item.item_id;
  const isBusy = answering.busy.value;
  if (item.answer) {
    return (
      <span class="said">
        {" "}
        {answerWords(item)}{" "}
        <button
          type="button"
          class="link"
          disabled={isBusy}
          aria-label={`Undo: ${name}`}
          onClick={() => void answering.undo(asked)}
        >
          undo
        </button>
      </span>
    );
  }
  return (
    <span class="answers">
      {CHOICES.map(({ answer, text }) => (
        <button
          type="button"
          class="plain"
          key={answer}
          disabled={isBusy}
          aria-label={`${text}: ${name}`}
          onClick={() => void answering.answer(asked, answer)}
        >
          {text}
        </button>
      ))}
    </span>
  );
}

const CHOICES = [
  { answer: "accepted", text: "Yes" },
  { answer: "declined", text: "No" },
  { answer: "snoozed", text: "Later" },
] as const;

export function answerWords({ answer }: Suggestion): string {
  if (!answer) return "";
  const by = answer.by ? ` (${answer.by})` : "";
  switch (answer.answer) {
    case "accepted":
      return `said yes${by}`;
    case "declined":
      return `said no${by}`;
    case "snoozed":
      return answer.until ? `later, from ${dayText(answer.until, Date.now())}${by}` : `later${by}`;
  }
}
