/** The way to one customer: by name, number, e-mail address or id. */

import { useEffect, useState } from "preact/hooks";
import { Link } from "../link";
import { useLoaded } from "../parts/loaded";
import { Empty, Failed, Loading } from "../parts/states";
import { mending } from "./api";

const SEARCH_MS = 250;

export function Find() {
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const found = useLoaded(() => mending.find(asked), asked);
  return (
    <div class="stack">
      <div class="table-search">
        <label for="customer-search">Search</label>
        <input
          id="customer-search"
          type="search"
          autocomplete="off"
          placeholder="Name, number or e-mail"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {found.error !== null && <Failed error={found.error} onRetry={() => void found.refresh()} />}
      {found.value === null && found.error === null && <Loading lines={8} />}
      {found.value?.length === 0 && <Empty>No customer is found.</Empty>}
      {found.value && found.value.length > 0 && (
        <ul class="lines" aria-label="Customers found">
          {found.value.map((customer) => (
            <li key={customer.customer_id} class="seen">
              <span>
                <Link to={`customers/one/${customer.customer_id}`}>
                  <bdi>{customer.display_name}</bdi>
                </Link>{" "}
                <span class="quiet">
                  <bdi>{customer.links.map((link) => link.connector).join(", ")}</bdi>
                </span>
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
