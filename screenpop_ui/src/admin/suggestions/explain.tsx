/** Why a customer gets these items, in the numbers behind them, and why not others. */

import { useEffect, useState } from "preact/hooks";
import { dayText, numberText, plural } from "../../ui/format";
import { useLoaded } from "../parts/loaded";
import { Empty, Failed, Loading } from "../parts/states";
import { type Explained, type FoundCustomer, type Item, suggestions } from "./api";

const SEARCH_MS = 250;

export function Explain() {
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState("");
  const [chosen, setChosen] = useState<FoundCustomer | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const found = useLoaded(async () => (asked ? suggestions.find(asked) : []), asked);
  return (
    <section class="stack-tight" aria-labelledby="explain">
      <h2 id="explain">Explain a customer</h2>
      <div class="table-search">
        <label for="explain-search">Customer</label>
        <input
          id="explain-search"
          type="search"
          autocomplete="off"
          placeholder="Name, number or e-mail"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {found.error !== null && <Failed error={found.error} />}
      {asked !== "" && found.value?.length === 0 && !found.isComing && (
        <p class="quiet">Nobody is found for “{asked}”.</p>
      )}
      {found.value && found.value.length > 0 && (
        <ul class="actions" aria-label="Found customers">
          {found.value.map((each) => (
            <li key={each.customer_id}>
              <button
                type="button"
                aria-pressed={chosen?.customer_id === each.customer_id}
                onClick={() => setChosen(each)}
              >
                <bdi>{each.display_name}</bdi>
              </button>
            </li>
          ))}
        </ul>
      )}
      {chosen && <Explanation key={chosen.customer_id} id={chosen.customer_id} />}
    </section>
  );
}

function Explanation({ id }: { id: string }) {
  const loaded = useLoaded(() => suggestions.explain(id), id);
  const told = loaded.value;
  return (
    <section class="card" aria-label="Explanation">
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {told === null && loaded.error === null && <Loading lines={6} />}
      {told && <Told told={told} />}
    </section>
  );
}

function Told({ told }: { told: Explained }) {
  const now = Date.now();
  if (told.history === null) {
    return <Empty>Nothing is known of what this customer bought.</Empty>;
  }
  const { baskets, items, first_day, last_day } = told.history;
  return (
    <>
      <h3>
        <bdi>{told.display_name}</bdi>
      </h3>
      <p>
        {plural(baskets, "basket")} with {plural(items, "item")}
        {first_day && last_day && `, ${dayText(first_day, now)} to ${dayText(last_day, now)}`}
        {told.fit === null ? "; no fit is in use." : `; by fit ${told.fit}.`}
      </p>
      <List title="Likely next" items={told.next} />
      <List title="Goes with it" items={told.goes_with} />
      {told.left_out.length > 0 && (
        <>
          <h3>Left out</h3>
          <ul class="lines">
            {told.left_out.map((each) => (
              <li key={`${each.list} ${each.connector} ${each.item_id}`}>
                <bdi>{each.name}</bdi>: <bdi>{each.text}</bdi>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function List({ title, items }: { title: string; items: Item[] }) {
  return (
    <>
      <h3>{title}</h3>
      {items.length === 0 && <p class="quiet">Nothing.</p>}
      {items.length > 0 && (
        <ol class="lines">
          {items.map((item) => (
            <li key={`${item.connector} ${item.item_id}`}>
              <details>
                <summary>
                  <strong>
                    <bdi>{item.name ?? item.item_id}</bdi>
                  </strong>{" "}
                  <span class="quiet">score {scoreOf(item)}</span>
                </summary>
                <dl class="facts">
                  {figures(item.numbers).map(([name, text]) => (
                    <div key={name}>
                      <dt>{name}</dt>
                      <dd>
                        <bdi>{text}</bdi>
                      </dd>
                    </div>
                  ))}
                </dl>
              </details>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

const scoreOf = ({ numbers }: Item) =>
  typeof numbers.score === "number" ? numberText(Math.round(numbers.score * 1000) / 1000) : "–";

/** The numbers behind an item, one below another, in words; what is not known is left out. */
export function figures(
  numbers: Readonly<Record<string, unknown>>,
  before = "",
): [name: string, text: string][] {
  return Object.entries(numbers).flatMap(([key, value]): [string, string][] => {
    const name = `${before}${key.replaceAll("_", " ")}`;
    if (value === null || value === undefined) return [];
    if (typeof value === "object") {
      return figures(value as Record<string, unknown>, `${name}: `);
    }
    return [[name, typeof value === "number" ? numberText(value) : String(value)]];
  });
}
