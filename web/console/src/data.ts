// What a page shows: asked for when it opens and anew when something happened.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { get, type Json } from './api';
import { useNews, type News } from './live';

export interface Loaded<T> { data: T | null; error: Error | null; reload: () => void }

interface How { query?: Record<string, string | number | undefined>; reason?: string; news?: boolean | ((n: News) => boolean) }

/** path null: nothing is asked for yet. */
export function useData<T = Json>(path: string | null, how: How = {}): Loaded<T> {
  const [state, set] = useState<{ data: T | null; error: Error | null }>({ data: null, error: null });
  const key = JSON.stringify([path, how.query, how.reason]);
  const current = useRef(key);
  current.current = key;
  const load = useCallback((background: boolean) => {
    if (!path) return;
    get(path, { query: how.query, reason: how.reason, background }).then(
      data => { if (current.current === key) set({ data, error: null }); },
      error => { if (current.current === key) set(old => ({ data: background ? old.data : null, error })); });
  }, [key]);
  useEffect(() => { set({ data: null, error: null }); load(false); }, [load]);
  const concerns = typeof how.news === 'function' ? how.news : () => how.news !== false && !how.reason;
  useNews(() => load(true), concerns);
  return { ...state, reload: () => load(false) };
}
