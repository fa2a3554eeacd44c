/** Waiting for a call: what is left to do meanwhile. */

import type { ComponentChildren } from "preact";
import type { CallRecord, CustomerName, DueFollowUp } from "../api/client";
import type { PhoneNumber } from "../api/contract";
import { everyQuarterMinute } from "../live/clock";
import type { Desk } from "../live/desk";
import { timeText } from "../ui/format";
import { Day, Said } from "../ui/pieces";
import { dispositionWords, numberWords } from "../ui/words";
import type { Lists } from "./lists";

export function Home({ desk, lists }: { desk: Desk; lists: Lists }) {
  const isWaiting = desk.live.value.pops.size === 0;
  return (
    <div class="home">
      <h1 class="home-title">{isWaiting ? "Waiting for a call" : "Your day"}</h1>
      {lists.trouble.value && <p class="trouble">{lists.trouble.value}</p>}
      <div class="home-lists">
        <List title="Missed" items={lists.missed.value} none="No missed calls">
          {(call) => <CallItem key={call.call_id} call={call} desk={desk} />}
        </List>
        <List title="Due" items={lists.due.value} none="No follow-ups due">
          {(item) => <DueItem key={item.call_id} item={item} lists={lists} />}
        </List>
        <List title="Today" items={lists.today.value} none="No calls yet today">
          {(call) => <CallItem key={call.call_id} call={call} desk={desk} />}
        </List>
      </div>
    </div>
  );
}

interface ListProps<Item> {
  title: string;
  items: Item[] | null;
  none: string;
  children: (item: Item) => ComponentChildren;
}

function List<Item>({ title, items, none, children }: ListProps<Item>) {
  return (
    <section class="home-list" aria-busy={items === null}>
      <h2>
        {title} {items && items.length > 0 && <span class="count">{items.length}</span>}
      </h2>
      {items === null && <p class="quiet">coming…</p>}
      {items?.length === 0 && <p class="quiet">{none}</p>}
      {items && items.length > 0 && <ul>{items.map(children)}</ul>}
    </section>
  );
}

function CallItem({ call, desk }: { call: CallRecord; desk: Desk }) {
  const phone = call.ani?.e164 ?? null;
  const note = call.notes.at(-1)?.text;
  const outcome = call.wrap_up?.disposition;
  const content = (
    <>
      <span class="home-time">
        <When at={call.started_at} />
      </span>
      <span class="home-what">
        <strong dir="auto">{nameOf(call.customer, call.ani)}</strong>
        <span class="quiet">
          {call.customer && `${numberWords(call.ani)} `}
          {outcome && `· ${dispositionWords(outcome)}`}
        </span>
        {note && (
          <span class="home-note" dir="auto">
            {note}
          </span>
        )}
      </span>
    </>
  );
  if (!phone) return <li class="home-item">{content}</li>;
  return (
    <li>
      <button
        type="button"
        class="home-item"
        onClick={() => desk.show({ kind: "caller", phone, record: call })}
      >
        {content}
      </button>
    </li>
  );
}

/** The time for today's calls, the day for older ones. */
function When({ at }: { at: string | null }) {
  if (at === null) return null;
  const isToday = new Date(at).toDateString() === new Date(everyQuarterMinute.value).toDateString();
  return isToday ? <time dateTime={at}>{timeText(at)}</time> : <Day value={at} />;
}

const nameOf = (customer: CustomerName | null, number: PhoneNumber | null) =>
  customer?.display_name ?? numberWords(number);

function DueItem({ item, lists }: { item: DueFollowUp; lists: Lists }) {
  const today = new Date(everyQuarterMinute.value).toISOString().slice(0, 10);
  const isLate = item.due_on < today;
  const name = item.customer?.display_name ?? "Unknown caller";
  return (
    <li class="home-item home-due">
      <span class={isLate ? "home-time bad" : "home-time"}>
        <Day value={item.due_on} />
        {isLate && <span> late</span>}
      </span>
      <span class="home-what">
        <strong dir="auto">{name}</strong>
        {item.text && (
          <span class="home-note">
            <Said>{item.text}</Said>
          </span>
        )}
      </span>
      <button type="button" onClick={() => void lists.finish(item)}>
        Done<span class="sr-only">: {name}</span>
      </button>
    </li>
  );
}
