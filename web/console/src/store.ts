// Values that pages watch.
import { useEffect, useState } from 'preact/hooks';

export interface Signal<T> { value: T; watch(f: () => void): () => void }

export function signal<T>(first: T): Signal<T> {
  let now = first;
  const watchers = new Set<() => void>();
  return {
    get value() { return now; },
    set value(next) { now = next; watchers.forEach(f => f()); },
    watch(f) { watchers.add(f); return () => { watchers.delete(f); }; },
  };
}

export function useSignal<T>(s: Signal<T>): T {
  const [, again] = useState(0);
  useEffect(() => s.watch(() => again(n => n + 1)), [s]);
  return s.value;
}
