/** When something happened, as people say it; the exact time is there for who points at it. */

import { everyQuarterMinute } from "../../live/clock";
import { ageText, dayText, timeText } from "../../ui/format";
import { Unknown } from "../../ui/pieces";

export function Moment({ at }: { at: string | null }) {
  if (at === null) return <Unknown />;
  const now = everyQuarterMinute.value;
  const age = ageText(at, now);
  const isRecent = now - Date.parse(at) < 12 * 3_600_000;
  const text = age === null ? "just now" : isRecent ? `${age} ago` : dayText(at, now);
  return (
    <time dateTime={at} title={`${dayText(at, now)} ${timeText(at)}`}>
      {text}
    </time>
  );
}
