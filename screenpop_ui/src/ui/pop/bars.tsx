/** Drawn figures: stacked aging, used limit, months. Each is described in words beside it. */

import { useId } from "preact/hooks";
import type { Aging } from "../../api/contract";
import { isPositive, share } from "../format";
import { Amount } from "../pieces";

const BUCKETS: readonly { key: keyof Aging; text: string }[] = [
  { key: "current", text: "not due" },
  { key: "days_1_30", text: "1–30 days late" },
  { key: "days_31_60", text: "31–60 days" },
  { key: "days_61_90", text: "61–90 days" },
  { key: "days_over_90", text: "over 90 days" },
];

/** Slanted lines, wider apart or closer: the state is plain without colour. */
function Hatch({ id, step }: { id: string; step: number }) {
  return (
    <pattern
      id={id}
      width={step}
      height={step}
      patternUnits="userSpaceOnUse"
      patternTransform="rotate(45)"
    >
      <rect class="hatch-ground" width={step} height={step} />
      <rect class="hatch-line" width={step / 2} height={step} />
    </pattern>
  );
}

export function AgingBar({ aging, currency }: { aging: Aging; currency: string }) {
  const id = useId();
  const total = BUCKETS.reduce((sum, { key }) => sum + share(aging[key], 1e15) * 1e15, 0);
  let x = 0;
  const filled = BUCKETS.filter(({ key }) => isPositive(aging[key]));
  return (
    <figure class="bar-figure">
      <svg class="bar" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
        <rect class="bar-ground" width="1000" height="100" />
        {filled.map(({ key }) => {
          const width = share(aging[key], total) * 1000;
          const start = x;
          x += width;
          return (
            <rect
              class={`age-${key}`}
              key={key}
              x={start}
              width={Math.max(6, width - 4)}
              height="100"
            />
          );
        })}
      </svg>
      <figcaption class="legend" id={id}>
        {filled.map(({ key, text }) => (
          <span class="legend-item" key={key}>
            <span class={`swatch age-${key}`} aria-hidden="true" />
            <Amount amount={aging[key]} currency={currency} /> {text}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

/** How much of the limit is used; beyond it the whole bar is hatched. */
export function LimitBar({ used, limit }: { used: string; limit: string }) {
  const id = useId();
  const part = share(used, Number(limit));
  const isOver = Number(used) > Number(limit);
  return (
    <svg class="bar" viewBox="0 0 400 12" preserveAspectRatio="none" aria-hidden="true">
      <defs>
        <Hatch id={id} step={8} />
      </defs>
      <rect class="bar-ground" width="400" height="12" />
      <rect class={isOver ? "limit-over" : "limit-used"} width={400 * part} height="12" />
      {isOver && <rect width="400" height="12" fill={`url(#${id})`} />}
    </svg>
  );
}

/** Months as columns, oldest first. A month with nothing keeps a hairline, an unknown one is bare. */
export function Months({ values, label }: { values: (number | null)[]; label: string }) {
  const highest = Math.max(...values.map((value) => value ?? 0));
  const step = 240 / values.length;
  return (
    <svg
      class="months"
      viewBox="0 0 240 40"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.map((value, index) => {
        if (value === null) return null;
        const height = highest > 0 ? Math.max(value > 0 ? 3 : 1, (value / highest) * 40) : 1;
        const kind = value > 0 ? "month" : "month month-none";
        return (
          <rect
            class={kind}
            key={index}
            x={index * step}
            y={40 - height}
            width={step - 2}
            height={height}
          />
        );
      })}
    </svg>
  );
}
