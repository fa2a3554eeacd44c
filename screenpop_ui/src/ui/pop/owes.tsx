/** What the customer owes, how old it is, and what was paid last. */

import type { Balance, Invoice, Section } from "../../api/contract";
import { isNegative, isPositive, moneyText, plural, withoutSign } from "../format";
import { Amount, Day, Money } from "../pieces";
import { AgingBar } from "./bars";
import { Block } from "./block";

export function Owes({ section }: { section: Section<Balance> | undefined }) {
  return (
    <Block name="owes" title="Owes" section={section} currency={section?.data?.currency ?? null}>
      {(data) => <OwesBody data={data} />}
    </Block>
  );
}

function OwesBody({ data }: { data: Balance }) {
  const { currency } = data;
  const isCredit = isNegative(data.balance);
  const overdue = data.overdue_amount !== null && isPositive(data.overdue_amount);
  return (
    <>
      <p class="figure">
        <Money amount={isCredit ? withoutSign(data.balance) : data.balance} currency={currency} />
        {isCredit && <span class="figure-word"> in credit</span>}
      </p>
      {overdue && (
        <p class="strong bad">
          <Money amount={data.overdue_amount} currency={currency} /> overdue
          {data.oldest_due_date && (
            <>
              {" "}
              since <Day value={data.oldest_due_date} />
            </>
          )}
        </p>
      )}
      {data.aging && <AgingBar aging={data.aging} currency={currency} />}
      {data.unapplied_credit !== null && isPositive(data.unapplied_credit) && (
        <p class="quiet">
          <Money amount={data.unapplied_credit} currency={currency} /> paid but not matched to an
          invoice, taken off
        </p>
      )}
      <Others others={data.other_currencies ?? []} />
      <Invoices data={data} />
      <LastPaid data={data} />
    </>
  );
}

function Others({ others }: { others: NonNullable<Balance["other_currencies"]> }) {
  if (others.length === 0) return null;
  const also = others.map((other) => moneyText(other.balance, other.currency)).join(" · ");
  return <p>Also owes {also}</p>;
}

function Invoices({ data }: { data: Balance }) {
  const count = data.open_invoice_count ?? data.open_invoices.length;
  if (count === 0) return <p class="quiet">No open invoices</p>;
  if (data.open_invoices.length === 0) return <p>{plural(count, "open invoice")}</p>;
  const rest = count - data.open_invoices.length;
  return (
    <details>
      <summary>{plural(count, "open invoice")}</summary>
      <table class="rows">
        <thead class="sr-only">
          <tr>
            <th>Invoice</th>
            <th>Due</th>
            <th>Open amount</th>
          </tr>
        </thead>
        <tbody>
          {data.open_invoices.map((invoice, index) => (
            <InvoiceRow key={invoice.number ?? index} invoice={invoice} currency={data.currency} />
          ))}
        </tbody>
      </table>
      {rest > 0 && <p class="quiet">and {plural(rest, "more", "more")} in the source</p>}
    </details>
  );
}

function InvoiceRow({ invoice, currency }: { invoice: Invoice; currency: string }) {
  const late = (invoice.days_overdue ?? 0) > 0 ? invoice.days_overdue : null;
  return (
    <tr>
      <td>{invoice.number ?? "no number"}</td>
      <td>
        due <Day value={invoice.due_date} />
        {late !== null && <strong class="bad"> {plural(late, "day")} late</strong>}
      </td>
      <td class="amount">
        <Amount amount={invoice.amount_due} currency={currency} />
      </td>
    </tr>
  );
}

function LastPaid({ data }: { data: Balance }) {
  const last = data.payments[0];
  if (!last) return null;
  return (
    <p class="quiet">
      Last paid <Money amount={last.total_amount} currency={data.currency} />
      {last.transaction_date && (
        <>
          {" "}
          on <Day value={last.transaction_date} />
        </>
      )}
      {last.payment_method && ` by ${last.payment_method}`}
    </p>
  );
}
