// What pages are made of.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from './api';
import type { Loaded } from './data';
import { duration, t, time, word } from './i18n';

export function Page(p: { title: string; children: ComponentChildren; acts?: ComponentChildren; below?: ComponentChildren }) {
  return (
    <>
      <header class="page-head">
        <div><h1 tabIndex={-1}>{p.title}</h1>{p.below}</div>
        {p.acts && <div class="acts">{p.acts}</div>}
      </header>
      {p.children}
    </>
  );
}

export function Section(p: { title: string; children: ComponentChildren; acts?: ComponentChildren; note?: string; wide?: boolean }) {
  return (
    <section class={p.wide ? 'wide' : ''}>
      <div class="section-head"><h2>{p.title}</h2>{p.acts}</div>
      {p.note && <p class="note">{p.note}</p>}
      {p.children}
    </section>
  );
}

/** Waiting, failed or there. */
export function Await<T>(p: { of: Loaded<T>; children: (data: T) => ComponentChildren }) {
  if (p.of.data !== null) return <>{p.children(p.of.data)}</>;
  if (p.of.error) return <Failed error={p.of.error} again={p.of.reload} />;
  return <p class="note" role="status">{t('loading')}</p>;
}

export function Failed(p: { error: Error; again?: () => void }) {
  const code = p.error instanceof Problem ? ` (${p.error.status})` : '';
  return (
    <div class="failed" role="alert">
      <strong>{t('error')}{code}</strong> {p.error.message} {p.again && <button type="button" class="link" onClick={p.again}>{t('retry')}</button>}
    </div>
  );
}

export interface Column<T> { name: string; cell: (row: T) => ComponentChildren; number?: boolean; wide?: boolean }

/** On narrow screens each row becomes a card, with the names of the columns beside the values. */
export function Table<T>(p: { columns: Column<T>[]; rows: T[]; label: string; empty?: string; rowKey?: (row: T) => string | number }) {
  if (p.rows.length === 0) return <p class="note">{p.empty ?? t('none')}</p>;
  return (
    <table aria-label={p.label}>
      <thead><tr>{p.columns.map(c => <th scope="col" class={c.number ? 'number' : ''}>{c.name}</th>)}</tr></thead>
      <tbody>
        {p.rows.map((row, n) => (
          <tr key={p.rowKey?.(row) ?? n}>
            {p.columns.map(c => <td data-label={c.name} class={`${c.number ? 'number ' : ''}${c.wide ? 'text' : ''}`}>{c.cell(row)}</td>)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Tone = 'good' | 'warn' | 'bad' | 'plain';
const tones: Record<string, Tone> = {
  blocked: 'bad', block: 'bad', fail: 'bad', suspended: 'bad', terminated: 'bad', authority: 'bad', fraud: 'bad', tripped: 'bad', refuse: 'bad', refused: 'bad',
  warn: 'warn', 'near-trip': 'warn', overdue: 'warn', pending: 'warn', held: 'warn', hold: 'warn', good: 'good', pass: 'good', active: 'good', send: 'good', delivered: 'good',
};
export function Mark(p: { of: string; prefix?: string; tone?: Tone }) {
  return <span class={`mark ${p.tone ?? tones[p.of] ?? 'plain'}`}>{word(p.prefix ?? 'state', p.of)}</span>;
}

export const Time = (p: { at: string }) => <time dateTime={p.at}>{time(p.at)}</time>;
export function Age(p: { at: string }) {
  const seconds = (Date.now() - new Date(p.at).getTime()) / 1000;
  return <time dateTime={p.at} title={time(p.at)}>{duration(seconds)}</time>;
}

export function Facts(p: { of: [string, ComponentChildren][] }) {
  return <dl class="facts">{p.of.filter(([, value]) => value !== undefined && value !== '' && value !== null).map(([name, value]) => <div><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

export function Figures(p: { of: { name: string; value: string; tone?: Tone; to?: string }[] }) {
  return (
    <ul class="figures">
      {p.of.map(f => {
        const inside = <><span class="value">{f.value}</span><span class="name">{f.name}</span></>;
        return <li class={f.tone ?? ''}>{f.to ? <a href={f.to}>{inside}</a> : inside}</li>;
      })}
    </ul>
  );
}

/** An act that takes a moment: not twice, and its failure is told beside it. */
export function Act(p: { does: () => Promise<unknown>; children: ComponentChildren; kind?: 'danger' | 'main'; disabled?: boolean }) {
  const [state, set] = useState<{ busy: boolean; error: Error | null }>({ busy: false, error: null });
  const run = () => {
    set({ busy: true, error: null });
    p.does().then(() => set({ busy: false, error: null }), error => set({ busy: false, error }));
  };
  return (
    <>
      <button type="button" class={p.kind ?? ''} disabled={state.busy || p.disabled} onClick={run}>{p.children}</button>
      {state.error && <Failed error={state.error} />}
    </>
  );
}

/** Has the browser save what a path gives. */
export function save(path: string, name: string) {
  const link = document.createElement('a');
  link.href = path;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
