/** What needs a hand, and what to do about it. */

import { Icon } from "../../ui/icon";
import { Link } from "../link";
import type { Mark } from "./api";

const wayTo = (mark: Mark): string | null => {
  if (mark.slug === null) return null;
  return `${mark.about === "connector" ? "sources" : "phones"}/${mark.slug}`;
};

export function Marks({ marks }: { marks: Mark[] }) {
  return (
    <section class="stack-tight" aria-labelledby="marks">
      <h2 id="marks">What needs a hand</h2>
      {marks.length === 0 && (
        <p class="mark is-good">
          <Icon name="check" /> Nothing.
        </p>
      )}
      {marks.length > 0 && (
        <ul class="lines">
          {marks.map((mark) => {
            const way = wayTo(mark);
            return (
              <li key={`${mark.slug} ${mark.text}`} class={`seen is-${mark.level}`}>
                <span>
                  <Icon name={mark.level === "bad" ? "stop" : "warn"} />{" "}
                  <strong>
                    <bdi>{mark.text}</bdi>
                  </strong>
                  <span class="sr-only">{mark.level === "bad" ? " (bad)" : " (to watch)"}</span>
                  <br />
                  {mark.advice}
                </span>
                {way && (
                  <Link to={way} class="button">
                    Open<span class="sr-only"> {mark.slug}</span>
                  </Link>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

interface LevelProps {
  level: Mark["level"] | null;
  /** Nothing was asked of it or heard from it, so nothing can be said. */
  isIdle: boolean;
}

export function LevelMark({ level, isIdle }: LevelProps) {
  if (level === null && isIdle) return <span class="quiet">no word yet</span>;
  if (level === null) {
    return (
      <span class="mark is-good">
        <Icon name="check" /> well
      </span>
    );
  }
  return (
    <span class={`mark is-${level}`}>
      <Icon name={level === "bad" ? "stop" : "warn"} /> {level === "bad" ? "bad" : "watch"}
    </span>
  );
}
