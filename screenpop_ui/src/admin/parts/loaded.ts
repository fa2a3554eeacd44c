/** Something read from the server: coming, here, or failed, and read again on demand. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<Value> {
  /** The last answer; kept while a newer one is coming or has failed. */
  value: Value | null;
  error: unknown;
  isComing: boolean;
  refresh: () => Promise<void>;
  /** Put in what a saving call has answered. */
  set: (value: Value) => void;
}

interface Options {
  /** Read again every so many milliseconds, while the page is looked at. */
  everyMs?: number;
}

/** Read with `read` at once and whenever `key` changes; a late answer to an earlier key is dropped. */
export function useLoaded<Value>(
  read: () => Promise<Value>,
  key: unknown = null,
  { everyMs }: Options = {},
): Loaded<Value> {
  const [state, setState] = useState<{ value: Value | null; error: unknown; isComing: boolean }>({
    value: null,
    error: null,
    isComing: true,
  });
  const turn = useRef(0);
  const latest = useRef(read);
  latest.current = read;
  const refresh = useCallback(async () => {
    const mine = ++turn.current;
    setState((before) => ({ ...before, isComing: true }));
    try {
      const value = await latest.current();
      if (mine === turn.current) setState({ value, error: null, isComing: false });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ ...before, error, isComing: false }));
    }
  }, []);
  useEffect(() => {
    void refresh();
    return () => {
      turn.current += 1;
    };
  }, [key, refresh]);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) void refresh();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, refresh]);
  const set = useCallback((value: Value) => {
    turn.current += 1;
    setState({ value, error: null, isComing: false });
  }, []);
  return { ...state, refresh, set };
}
