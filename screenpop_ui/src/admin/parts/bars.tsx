/** Shares to be compared at a glance: a bar each, its name before it and its figure after it. */

import { useId } from "preact/hooks";
import { numberText } from "../../ui/format";

export interface Bar {
  name: string;
  /** Of a hundred; null when it was not measured. */
  percent: number | null;
  /** The same one earlier, to be said beside it. */
  before?: number | null;
  /** The one that the others are there to be compared with. */
  isOurs?: boolean;
}

export function Bars({ title, bars }: { title: string; bars: readonly Bar[] }) {
  const id = useId();
  return (
    <section class="stack-tight" aria-labelledby={id}>
      <strong id={id}>{title}</strong>
      <ul class="bars">
        {bars.map(({ name, percent, before = null, isOurs = false }) => (
          <li key={name} class={isOurs ? "is-ours" : undefined}>
            <span>{name}</span>
            <svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
              <rect class="bar-ground" width="100" height="1" />
              <rect class={`chart-bar tone-${isOurs ? 0 : 1}`} width={percent ?? 0} height="1" />
            </svg>
            <span class="bars-value">
              {percentText(percent)}
              {before !== null && <span class="quiet"> before {percentText(before)}</span>}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

const percentText = (percent: number | null) =>
  percent === null ? "–" : `${numberText(percent)} %`;
