/** What was bought: the newest orders, and two years at a glance. */

import type { Order, Purchases, Section } from "../../api/contract";
import { everyQuarterMinute } from "../../live/clock";
import { monthText, numberText, plural } from "../format";
import { Amount, Day, Money } from "../pieces";
import { Months } from "./bars";
import { Block } from "./block";
import { monthsOf } from "./months";

export function Bought({ section }: { section: Section<Purchases> | undefined }) {
  const currency = section?.data?.currency ?? null;
  return (
    <Block name="bought" title="Bought" section={section} lines={4} currency={currency}>
      {(data) => <BoughtBody data={data} />}
    </Block>
  );
}

function BoughtBody({ data }: { data: Purchases }) {
  if (data.orders.length === 0) return <p class="quiet">No orders</p>;
  return (
    <>
      <Glance data={data} />
      <table class="rows orders">
        <colgroup>
          <col class="col-day" />
          <col class="col-number" />
          <col />
          <col class="col-amount" />
          <col class="col-state" />
        </colgroup>
        <thead class="sr-only">
          <tr>
            <th>Day</th>
            <th>Order</th>
            <th>Items</th>
            <th>Amount</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>
          {data.orders.map((order) => (
            <OrderRow key={order.order_number} order={order} currency={data.currency} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function OrderRow({ order, currency }: { order: Order; currency: string | null }) {
  const own = order.currency ?? currency;
  return (
    <tr>
      <td class="day">
        <Day value={order.order_date} />
      </td>
      <td class="number">{order.order_number}</td>
      <td class="items" dir="auto" title={itemsWords(order)}>
        {itemsWords(order)}
      </td>
      <td class="amount">
        {own === currency ? (
          <Amount amount={order.total_amount} currency={own} />
        ) : (
          <Money amount={order.total_amount} currency={own} />
        )}
      </td>
      <td class="state">{order.status ?? ""}</td>
    </tr>
  );
}

function itemsWords(order: Order): string {
  return order.line_items
    .map((line) => {
      const name = line.name ?? line.sku ?? line.item_id ?? "item";
      return line.quantity === null ? name : `${numberText(line.quantity)} × ${name}`;
    })
    .join(", ");
}

function Glance({ data }: { data: Purchases }) {
  const now = new Date(everyQuarterMinute.value);
  const { values, firstYear, firstMonth } = monthsOf(data, now);
  const isAll = data.order_count === null || data.order_count <= data.orders.length;
  const since = monthText(firstYear, firstMonth);
  const label = `Bought by month since ${since}${isAll ? "" : ", newest orders only"}`;
  return (
    <div class="glance">
      <Months values={values} label={label} />
      <p class="quiet">
        {values[0] === null ? `since ${since}` : "two years"}
        {!isAll && `, newest ${plural(data.orders.length, "order")}`}
        {data.order_count !== null && ` · ${plural(data.order_count, "order")}`}
        {data.first_order_date && (
          <>
            {" "}
            since <Day value={data.first_order_date} />
          </>
        )}
        {data.lifetime_amount !== null && (
          <>
            {" · "}
            <Money amount={data.lifetime_amount} currency={data.currency} /> in all
          </>
        )}
      </p>
    </div>
  );
}
