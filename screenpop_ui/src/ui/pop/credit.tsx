/** Terms of credit: what is left of the limit, and whether anything stands in the way. */

import type { CreditTerms, Section } from "../../api/contract";
import { isNegative, isPositive, numberText, withoutSign } from "../format";
import { Icon } from "../icon";
import { Money } from "../pieces";
import { LimitBar } from "./bars";
import { Block } from "./block";

export function Credit({ section }: { section: Section<CreditTerms> | undefined }) {
  return (
    <Block
      name="credit"
      title="Credit"
      section={section}
      currency={section?.data?.currency ?? null}
    >
      {(data) => <CreditBody data={data} />}
    </Block>
  );
}

function CreditBody({ data }: { data: CreditTerms }) {
  return (
    <>
      <Left data={data} />
      {data.on_hold && (
        <p class="strong bad">
          <Icon name="stop" /> On hold{data.hold_reason ? `: ${data.hold_reason}` : ""}
        </p>
      )}
      <Limit data={data} />
      <p>{termsWords(data)}</p>
      {data.exposure_includes_orders !== null && (
        <p class="quiet">
          {data.exposure_includes_orders
            ? "Open orders are counted"
            : "Open orders are not counted"}
        </p>
      )}
    </>
  );
}

function Left({ data }: { data: CreditTerms }) {
  const left = data.credit_available;
  if (left === null) {
    const words = data.credit_limit === null ? "No limit set" : "Left of the limit: not known";
    return <p class="figure figure-words">{words}</p>;
  }
  const isOver = isNegative(left);
  return (
    <p class={isOver ? "figure bad" : "figure"}>
      <Money amount={isOver ? withoutSign(left) : left} currency={data.currency} />
      <span class="figure-word"> {isOver ? "over the limit" : "available"}</span>
    </p>
  );
}

function Limit({ data }: { data: CreditTerms }) {
  const { credit_limit: limit, credit_used: used, currency } = data;
  if (limit === null) {
    if (used === null) return null;
    return (
      <p>
        <Money amount={used} currency={currency} /> used
      </p>
    );
  }
  if (used === null) {
    return (
      <p>
        Limit <Money amount={limit} currency={currency} />, used: not known
      </p>
    );
  }
  const percent = isPositive(limit) ? Math.round((Number(used) / Number(limit)) * 100) : null;
  return (
    <div class="bar-figure">
      <LimitBar used={used} limit={limit} />
      <p class="legend">
        <Money amount={used} currency={currency} /> used of{" "}
        <Money amount={limit} currency={currency} />
        {percent !== null && ` (${numberText(percent)} %)`}
      </p>
    </div>
  );
}

function termsWords(data: CreditTerms): string {
  const days =
    data.days_until_due === null ? null : `${numberText(data.days_until_due)} days to pay`;
  const hold =
    data.on_hold === false ? "no hold" : data.on_hold === null ? "hold: not known" : null;
  const risk = data.risk_rating ? `risk ${data.risk_rating}` : null;
  const said = [data.payment_terms ?? days, hold, risk].filter((text) => text !== null);
  return said.join(" · ");
}
