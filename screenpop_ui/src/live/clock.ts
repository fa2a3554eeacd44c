/** The server's time as signals: ages and timers do not depend on the agent's computer clock. */

import { computed, signal } from "@preact/signals";

let offsetMs = 0;
const ticking = signal(Date.now());

/** Now, by the server's clock, in whole seconds (as milliseconds). Changes every second. */
export const everySecond = computed(() => Math.floor(ticking.value / 1000) * 1000);
/** The same in steps of 15 s, for ages in words. */
export const everyQuarterMinute = computed(() => Math.floor(ticking.value / 15_000) * 15_000);

export type ClockSetter = (serverTime: string) => void;

export const setClock: ClockSetter = (serverTime) => {
  const parsed = Date.parse(serverTime);
  if (Number.isNaN(parsed)) return;
  offsetMs = parsed - Date.now();
  ticking.value = parsed;
};

export function startClock(): void {
  setInterval(() => {
    ticking.value = Date.now() + offsetMs;
  }, 1000);
}
