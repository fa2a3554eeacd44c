/** What must catch the eye, worst first; a few lines, the rest on request. */

import { useState } from "preact/hooks";
import type { Alert, Profile } from "../../api/contract";
import { Icon, type IconName } from "../icon";
import { Said } from "../pieces";

const SIGNS: Record<Alert["level"], { icon: IconName; word: string; rank: number }> = {
  critical: { icon: "stop", word: "Urgent", rank: 0 },
  warning: { icon: "warn", word: "Careful", rank: 1 },
  info: { icon: "info", word: "Good to know", rank: 2 },
};
const SHOWN = 3;

export function Alerts({ alerts, profile }: { alerts: Alert[]; profile: Profile }) {
  const [all, setAll] = useState(false);
  const sorted = alerts.toSorted((a, b) => rank(a) - rank(b));
  const hidden = sorted.length - SHOWN;
  const shown = all ? sorted : sorted.slice(0, SHOWN);
  return (
    <section class={all ? "alerts alerts-all" : "alerts"} aria-label="Look out">
      {sorted.length === 0 && <p class="alerts-none">{quietWords(profile)}</p>}
      {sorted.length > 0 && (
        <ul>
          {shown.map((alert, index) => {
            const sign = SIGNS[alert.level] ?? SIGNS.info;
            return (
              <li
                class={`alert is-${alert.level}`}
                key={`${alert.code}-${index}`}
                title={alert.text}
              >
                <Icon name={sign.icon} />
                <span class="sr-only">{sign.word}: </span>
                <span class="alert-text">
                  <Said>{alert.text}</Said>
                </span>
              </li>
            );
          })}
        </ul>
      )}
      {hidden > 0 && (
        <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "fewer" : `${hidden} more`}
        </button>
      )}
    </section>
  );
}

const rank = (alert: Alert): number => (SIGNS[alert.level] ?? SIGNS.info).rank;

/** No alert is good news only once every source has answered. */
function quietWords({ customer, sections }: Profile): string {
  if (!customer) return "Nothing known to look out for";
  const all = Object.values(sections);
  if (all.some((section) => section?.status === "loading")) return "Checking for anything urgent…";
  if (all.some((section) => section && ["failed", "timeout"].includes(section.status))) {
    return "Nothing urgent in what could be checked";
  }
  return "Nothing urgent";
}
