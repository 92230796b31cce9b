// The gateway's documented interface (/v1/openapi.json), as the signed-in person.
import { signal } from './store';

export interface Session {
  login: string; name: string; role: 'admin' | 'desk' | 'auditor' | 'tenant-admin' | 'tenant-user';
  tenant?: string; opened_at: string; ends_at: string; idle_s: number; csrf: string;
}
export const session = signal<Session | null>(null);
/** Why nobody is signed in any more, if it is known. */
export const ended = signal(false);

export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, readonly retryAfter: number) { super(detail); }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

interface How { body?: Json; reason?: string; query?: Record<string, string | number | undefined>; background?: boolean; signal?: AbortSignal }

export async function ask(method: string, path: string, how: How = {}): Promise<Json> {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(how.query ?? {})) if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  // In the query, since a header takes no Hungarian.
  if (how.reason) url.searchParams.set('reason', how.reason);
  const headers: Record<string, string> = {};
  if (how.body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && session.value) headers['X-CSRF-Token'] = session.value.csrf;
  if (how.background) headers['X-Background'] = '1';
  const answer = await fetch(url, {
    method, headers, credentials: 'same-origin', redirect: 'error', cache: 'no-store', signal: how.signal,
    body: how.body === undefined ? undefined : JSON.stringify(how.body),
  });
  const text = await answer.text();
  const body = text ? JSON.parse(text) : null;
  if (answer.ok) return body;
  if (answer.status === 401 && session.value) {
    ended.value = true;
    session.value = null;
  }
  throw new Problem(answer.status, body?.code ?? 'internal', body?.detail ?? answer.statusText, Number(answer.headers.get('retry-after') ?? 0));
}
export const get = (path: string, how?: How) => ask('GET', path, how);
export const post = (path: string, body: Json, how?: How) => ask('POST', path, { ...how, body });

/** One part of a path. */
export const part = (text: string | number) => encodeURIComponent(String(text));
export const isStaff = () => !session.value?.tenant;
export const mayAct = () => session.value?.role === 'admin' || session.value?.role === 'desk';
export const isAdmin = () => session.value?.role === 'admin';
