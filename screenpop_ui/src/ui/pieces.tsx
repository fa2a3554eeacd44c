/** The smallest shared pieces: amounts, ages, links out. */

import type { ComponentChildren } from "preact";
import { everyQuarterMinute } from "../live/clock";
import { amountText, dayText, safeLink } from "./format";
import { Icon } from "./icon";

/** An amount with its currency; unknown is a dash with a word for screen readers. */
export function Money({ amount, currency }: { amount: string | null; currency: string | null }) {
  if (amount === null) return <Unknown />;
  return (
    <span class="money">
      <bdi>{amountText(amount, currency)}</bdi>
      {currency && <span class="currency"> {currency}</span>}
    </span>
  );
}

/** An amount in a column or a list whose currency is plain from its place. */
export function Amount({ amount, currency }: { amount: string | null; currency: string | null }) {
  return amount === null ? <Unknown /> : <bdi class="money">{amountText(amount, currency)}</bdi>;
}

export function Unknown() {
  return (
    <span class="unknown">
      <span aria-hidden="true">–</span>
      <span class="sr-only">not known</span>
    </span>
  );
}

export function Day({ value }: { value: string | null }) {
  if (value === null) return <Unknown />;
  return <time dateTime={value}>{dayText(value, everyQuarterMinute.value)}</time>;
}

/** A link to another system, or its plain text when the address is not a safe one. */
export function LinkOut({ to, children }: { to: string | null; children: ComponentChildren }) {
  const address = safeLink(to);
  if (!address) return <span>{children}</span>;
  return (
    <a href={address} target="_blank" rel="noopener noreferrer">
      {children} <Icon name="out" />
      <span class="sr-only"> (opens a new tab)</span>
    </a>
  );
}

/** Text that people typed, in whatever script: it keeps its own direction. */
export function Said({ children }: { children: string }) {
  return <bdi>{children}</bdi>;
}
