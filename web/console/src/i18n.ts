// Words, numbers and times in the language of choice. Days are those of Budapest, by which the rules count.
import { signal } from './store';
import { en, type Key } from './i18n/en';
import { hu } from './i18n/hu';

export type Language = 'hu' | 'en';
const dictionaries: Record<Language, Record<Key, string>> = { hu, en };

const remembered = (): Language => {
  const kept = localStorage.getItem('language');
  if (kept === 'hu' || kept === 'en') return kept;
  return navigator.language.startsWith('hu') ? 'hu' : 'en';
};
export const language = signal<Language>(remembered());
document.documentElement.lang = language.value;

export function speak(l: Language) {
  localStorage.setItem('language', l);
  document.documentElement.lang = l;
  language.value = l;
}

export type Filling = Record<string, string | number>;
export function t(key: Key, filling: Filling = {}): string {
  return dictionaries[language.value][key].replace(/\{(\w+)\}/g, (_, name) => String(filling[name] ?? ''));
}
/** A word made of parts: the dictionary's if it has one, else as it came. */
export function word(prefix: string, name: string): string {
  const found = (dictionaries[language.value] as Record<string, string>)[`${prefix}.${name}`];
  return found ?? name;
}

const locale = () => (language.value === 'hu' ? 'hu-HU' : 'en-GB');
export const number = (n: number) => n.toLocaleString(locale());
export const decimal = (n: number) => n.toLocaleString(locale(), { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const zone = 'Europe/Budapest';
export const time = (text: string) =>
  new Date(text).toLocaleString(locale(), { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const clock = (at: Date) => at.toLocaleTimeString(locale(), { timeZone: zone, hour: '2-digit', minute: '2-digit' });
export const day = (at: Date) => at.toLocaleDateString(locale(), { timeZone: zone, month: 'short', day: 'numeric' });

export function duration(seconds: number): string {
  if (seconds < 90) return t('unit.s', { n: Math.round(seconds) });
  if (seconds < 90 * 60) return t('unit.min', { n: Math.round(seconds / 60) });
  if (seconds < 48 * 3600) return t('unit.h', { n: Math.round(seconds / 3600) });
  return t('unit.d', { n: Math.round(seconds / 86400) });
}
export function bytes(n: number): string {
  return n < 1024 ? `${number(n)} B` : n < 1 << 20 ? `${number(Math.round(n / 1024))} KiB` : `${decimal(n / (1 << 20))} MiB`;
}
