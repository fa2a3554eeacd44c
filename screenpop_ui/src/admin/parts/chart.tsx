/** A small drawn chart, lines or bars, with its figures as text for who does not see it. */

import { useId } from "preact/hooks";
import { numberText } from "../../ui/format";

export interface Series {
  name: string;
  /** One value for each label; null is a gap. */
  values: readonly (number | null)[];
  /** Which of the chart's colours, 0..3; lines differ in their dashes too. */
  tone?: 0 | 1 | 2 | 3;
}

interface Props {
  title: string;
  kind: "line" | "bar";
  /** The labels along the bottom, first and last are drawn. */
  labels: readonly string[];
  series: readonly Series[];
  /** Behind each figure: "ms". */
  unit?: string;
}

const WIDTH = 320;
const HEIGHT = 96;

export function Chart({ title, kind, labels, series, unit = "" }: Props) {
  const id = useId();
  const highest = highestOf(series, kind);
  return (
    <figure class="chart">
      <figcaption id={id}>
        <strong>{title}</strong>
        {series.length > 1 && (
          <span class="chart-legend">
            {series.map((each, index) => (
              <span key={each.name}>
                <span class={`swatch tone-${each.tone ?? index}`} aria-hidden="true" /> {each.name}
              </span>
            ))}
          </span>
        )}
      </figcaption>
      {highest === null ? (
        <p class="quiet">Nothing in this time.</p>
      ) : (
        <>
          <div class="chart-plot">
            <span class="chart-top">{withUnit(highest, unit)}</span>
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
              <path class="chart-ground" d={`M0 ${HEIGHT}H${WIDTH}M0 .5H${WIDTH}`} />
              {kind === "line"
                ? series.map((each, index) => (
                    <g key={each.name} class={`tone-${each.tone ?? index}`}>
                      <path class="chart-line" d={linePath(each.values, highest)} />
                      <path class="chart-dots" d={dotsPath(each.values, highest)} />
                    </g>
                  ))
                : bars(series, labels.length, highest)}
            </svg>
            <span class="chart-ends">
              <span>{labels[0]}</span>
              <span>{labels.at(-1)}</span>
            </span>
          </div>
          <details class="chart-figures">
            <summary>Figures</summary>
            <div class="table-scroll">
              <table class="table" aria-labelledby={id}>
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    {series.map((each) => (
                      <th key={each.name} scope="col" class="is-number">
                        {each.name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {labels.map((label, row) => (
                    <tr key={label}>
                      <th scope="row">{label}</th>
                      {series.map((each) => (
                        <td key={each.name} class="is-number">
                          {withUnit(each.values[row] ?? null, unit)}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        </>
      )}
    </figure>
  );
}

const withUnit = (value: number | null, unit: string) =>
  value === null ? "–" : `${numberText(Math.round(value * 100) / 100)}${unit ? ` ${unit}` : ""}`;

/** The top of the scale: the highest line, or the highest stack of bars; null without any value. */
export function highestOf(series: readonly Series[], kind: "line" | "bar"): number | null {
  const count = Math.max(0, ...series.map((each) => each.values.length));
  let highest: number | null = null;
  for (let place = 0; place < count; place++) {
    const here = series.map((each) => each.values[place] ?? null).filter((v) => v !== null);
    if (here.length === 0) continue;
    const top = kind === "line" ? Math.max(...here) : here.reduce((sum, v) => sum + v, 0);
    highest = Math.max(highest ?? 0, top);
  }
  return highest === null ? null : highest || 1;
}

/** The line through the values; a gap lifts the pen, a value alone is left to `dotsPath`. */
export function linePath(values: readonly (number | null)[], highest: number): string {
  return placesOf(values, highest)
    .filter(({ isAlone }) => !isAlone)
    .map(({ x, y, isStart }) => `${isStart ? "M" : "L"}${x} ${y}`)
    .join("");
}

/** Values without a neighbour, as strokes of no length: round ends draw them as dots. */
export function dotsPath(values: readonly (number | null)[], highest: number): string {
  return placesOf(values, highest)
    .filter(({ isAlone }) => isAlone)
    .map(({ x, y }) => `M${x} ${y}h0`)
    .join("");
}

function placesOf(values: readonly (number | null)[], highest: number) {
  const step = values.length > 1 ? WIDTH / (values.length - 1) : 0;
  return values.flatMap((value, index) => {
    if (value === null) return [];
    const isStart = (values[index - 1] ?? null) === null;
    const isAlone = isStart && (values[index + 1] ?? null) === null;
    const y = round(HEIGHT - (value / highest) * (HEIGHT - 2));
    return [{ x: round(index * step), y, isStart, isAlone }];
  });
}

const round = (value: number) => Math.round(value * 10) / 10;

function bars(series: readonly Series[], count: number, highest: number) {
  const width = WIDTH / Math.max(1, count);
  // Where there are many, a gap between two would leave too little of each.
  const gap = count > 40 ? 0 : width * 0.1;
  return Array.from({ length: count }, (_, place) => {
    let under = 0;
    return series.map((each, index) => {
      const height = ((each.values[place] ?? 0) / highest) * (HEIGHT - 2);
      under += height;
      return (
        <rect
          key={`${each.name}${place}`}
          class={`chart-bar tone-${each.tone ?? index}`}
          x={round(place * width + gap)}
          y={round(HEIGHT - under)}
          width={round(width - 2 * gap)}
          height={round(height)}
        />
      );
    });
  });
}
