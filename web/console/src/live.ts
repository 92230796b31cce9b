// What happens, as it happens: a page is asked for anew when something came that concerns it.
import { useEffect, useRef } from 'preact/hooks';
import { session } from './api';
import { signal } from './store';

export interface News { last: number; kinds: Record<string, number>; tenants: string[] }
export const isLive = signal(false);
const listeners = new Set<(n: News) => void>();
let source: EventSource | null = null;

function follow() {
  source?.close();
  source = null;
  isLive.value = false;
  if (!session.value) return;
  const mine = new EventSource('/v1/events');
  source = mine;
  mine.addEventListener('open', () => { isLive.value = true; });
  mine.addEventListener('error', () => { isLive.value = false; });
  mine.addEventListener('news', e => {
    const n = JSON.parse((e as MessageEvent<string>).data) as News;
    if (Object.keys(n.kinds).length) listeners.forEach(f => f(n));
  });
}
let login: string | undefined;
session.watch(() => {
  if (session.value?.login === login) return;
  login = session.value?.login;
  follow();
});

/** Calls f at most once in two seconds while something happens; what only looks tells of itself and is not news. */
export function useNews(f: () => void, concerns: (n: News) => boolean = () => true) {
  const latest = useRef({ f, concerns });
  latest.current = { f, concerns };
  useEffect(() => {
    let waiting: ReturnType<typeof setTimeout> | undefined;
    const heard = (n: News) => {
      const isOnlyLooks = Object.keys(n.kinds).every(k => k === 'accessed' || k === 'session_changed');
      if (waiting || isOnlyLooks || !latest.current.concerns(n)) return;
      waiting = setTimeout(() => { waiting = undefined; latest.current.f(); }, 2000);
    };
    listeners.add(heard);
    return () => { listeners.delete(heard); clearTimeout(waiting); };
  }, []);
}
