/** What the customer will likely want, each with its reason. */

import type { Section, Suggestion, Suggestions } from "../../api/contract";
import { numberText } from "../format";
import { Money, Said } from "../pieces";
import { Block } from "./block";

export function Likely({ section }: { section: Section<Suggestions> | undefined }) {
  return (
    <Block name="likely" title="Will likely want" section={section} lines={2}>
      {(data) =>
        data.next.length + data.goes_with.length === 0 ? (
          <p class="quiet">Nothing stands out</p>
        ) : (
          <ul class="likely">
            {[...data.next, ...data.goes_with].map((item, index) => (
              <Item key={`${item.item_id}-${index}`} item={item} />
            ))}
          </ul>
        )
      }
    </Block>
  );
}

function Item({ item }: { item: Suggestion }) {
  return (
    <li>
      <strong>
        <Said>{item.name ?? item.sku ?? item.item_id}</Said>
      </strong>
      {item.sku && item.name && <span class="quiet"> {item.sku}</span>}
      {item.reason && <span> {item.reason}</span>}
      {item.unit_price !== null && (
        <>
          {" · "}
          <Money amount={item.unit_price} currency={item.currency} />
        </>
      )}
      {item.inventory_quantity !== null && ` · ${numberText(item.inventory_quantity)} in stock`}
    </li>
  );
}
