// The pages that need little.
import { useState } from 'preact/hooks';
import { ask as request, ended, isStaff, post, Problem, session, type Session } from './api';
import { useData } from './data';
import { language, speak, t, time, type Language } from './i18n';
import { Act, Await, Facts, Failed, Page, Section, Table, Time } from './parts';
import { withAnswer } from './dialog';
import { useSignal } from './store';

export function SignIn() {
  const [error, set] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const over = useSignal(ended);
  const submit = async (e: Event) => {
    e.preventDefault();
    const form = e.target as HTMLFormElement;
    const values = Object.fromEntries(new FormData(form));
    setBusy(true);
    try {
      const s: Session = await post('/v1/session', { login: values.login, password: values.password });
      ended.value = false;
      session.value = s;
    } catch (x) {
      const p = x instanceof Problem ? x : null;
      set(p?.code === 'wrong_password' ? t('signin.wrong') : p?.code === 'locked_out' ? t('signin.locked', { s: p.retryAfter })
        : p?.code === 'session_exists' ? t('signin.exists') : String((x as Error).message));
      setBusy(false);
      (form.elements.namedItem('password') as HTMLInputElement).value = '';
      (form.elements.namedItem('password') as HTMLInputElement).focus();
    }
  };
  return (
    <main class="signin">
      <form onSubmit={submit}>
        <p class="brand"><img src="icon.svg" alt="" width={28} height={28} /> Consentry</p>
        <h1>{t('signin.title')}</h1>
        {over && !error && <p class="note" role="status">{t('signin.over')}</p>}
        <label>{t('signin.login')}<input name="login" autocomplete="username" autocapitalize="none" spellcheck={false} required autofocus maxLength={64} /></label>
        <label>{t('signin.password')}<input name="password" type="password" autocomplete="current-password" required maxLength={256} /></label>
        {error && <p class="failed" role="alert">{error}</p>}
        <button type="submit" class="main" disabled={busy}>{t('signin.button')}</button>
        <LanguageChoice />
      </form>
    </main>
  );
}

export function LanguageChoice() {
  const now = useSignal(language);
  return (
    <label class="inline">{t('language')}
      <select name="language" value={now} onChange={e => speak((e.target as HTMLSelectElement).value as Language)}>
        <option value="hu" lang="hu">Magyar</option><option value="en" lang="en">English</option>
      </select>
    </label>
  );
}

export function Account() {
  const s = useSignal(session)!;
  const [error, set] = useState<Error | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    const values = Object.fromEntries(new FormData(e.target as HTMLFormElement));
    try {
      await post('/v1/session/password', { old: values.old, password: values.password });
      ended.value = true;
      session.value = null;
    } catch (x) { set(x as Error); }
  };
  const mayUsers = s.role === 'admin' || s.role === 'tenant-admin';
  return (
    <Page title={t('account.title')} below={<p class="note">{s.name} · {s.login} · {s.role}{s.tenant && ` · ${s.tenant}`}</p>}>
      <Section title={t('account.session')}><p>{t('account.ends', { at: time(s.ends_at), n: Math.round(s.idle_s / 60) })}</p></Section>
      <Section title={t('account.change')}>
        <form class="stack" onSubmit={submit}>
          <input type="text" name="username" autocomplete="username" value={s.login} hidden />
          <label>{t('account.old')}<input name="old" type="password" autocomplete="current-password" required /></label>
          <label>{t('account.new')}<input name="password" type="password" autocomplete="new-password" minLength={12} required /></label>
          {error && <Failed error={error} />}
          <div class="acts"><button type="submit" class="main">{t('account.change')}</button></div>
        </form>
      </Section>
      {mayUsers && <Users tenant={s.tenant} />}
    </Page>
  );
}

interface User { login: string; name: string; role: string; active: boolean }
export function Users(p: { tenant?: string }) {
  const base = p.tenant ? `/v1/tenants/${encodeURIComponent(p.tenant)}/users` : '/v1/users';
  const users = useData<{ users: User[] }>(base, { news: n => !!(n.kinds.user_added ?? n.kinds.user_changed) });
  const me = session.value!.login;
  const roles: [string, string][] = (p.tenant ? ['tenant-user', 'tenant-admin'] : ['desk', 'auditor', 'admin']).map(r => [r, r]);
  const reason = { noReason: !isStaff() };
  const change = (method: string, path: string, body: object | undefined, why: string) =>
    request(method, `${base}/${path}`, { body, reason: why }).then(() => users.reload());
  return (
    <Section title={t('users.title')} wide acts={
      <Act does={() => withAnswer({ title: t('users.add'), ...reason, fields: [
        { name: 'login', label: t('signin.login') }, { name: 'name', label: t('col.name') }, { name: 'role', label: t('col.role'), choices: roles }] },
        a => request('POST', base, { body: { login: a.login, name: a.name, role: a.role }, reason: a.reason }).then(() => users.reload()))}>{t('users.add')}</Act>}>
      <Await of={users}>{data => (
        <Table label={t('users.title')} rows={data.users} rowKey={u => u.login} columns={[
          { name: t('col.user'), cell: u => u.login }, { name: t('col.name'), cell: u => u.name }, { name: t('col.role'), cell: u => u.role },
          { name: t('col.active'), cell: u => t(u.active ? 'yes' : 'no') },
          { name: '', cell: u => u.login !== me && <span class="acts">
            <Act does={() => withAnswer({ title: t('users.password', { who: u.login }), ...reason, fields: [{ name: 'password', label: t('signin.password'), password: true }] },
              a => change('PUT', `${encodeURIComponent(u.login)}/password`, { password: a.password }, a.reason))}>{t('users.setpassword')}</Act>
            <Act does={() => withAnswer({ title: `${t(u.active ? 'users.deactivate' : 'users.activate')}: ${u.login}`, ...reason },
              a => change('PATCH', encodeURIComponent(u.login), { active: !u.active }, a.reason))}>{t(u.active ? 'users.deactivate' : 'users.activate')}</Act>
            <Act does={() => withAnswer({ title: `${t('users.end')}: ${u.login}`, ...reason },
              a => change('DELETE', `${encodeURIComponent(u.login)}/session`, undefined, a.reason))}>{t('users.end')}</Act></span> },
        ]} />)}</Await>
    </Section>
  );
}

interface Entry { seq: number; kind: string; at: string; actor?: string; message?: string; person?: string; campaign?: string; reason?: string; rule?: string; tenant?: number; facts?: Record<string, string> }
export function Entries(p: { of: Entry[]; label: string }) {
  return (
    <Table label={p.label} rows={p.of} rowKey={e => e.seq} columns={[
      { name: t('col.seq'), cell: e => e.seq, number: true },
      { name: t('col.at'), cell: e => <Time at={e.at} /> },
      { name: t('col.kind'), cell: e => e.kind },
      { name: t('col.actor'), cell: e => e.actor ?? '' },
      { name: t('col.about'), cell: e => (e.message ? <a href={`#/mail/${e.message}`}>{e.message}</a> : e.campaign ?? '') },
      { name: t('col.details'), wide: true, cell: e => [e.rule, e.reason, ...Object.entries(e.facts ?? {}).map(([k, v]) => `${k}: ${v}`)].filter(Boolean).join(' · ') },
    ]} />
  );
}

const kinds = ['accepted', 'refused', 'held', 'released', 'purged', 'delivered', 'deferred', 'bounced', 'complained', 'consent_given', 'consent_withdrawn', 'suppressed', 'unsuppressed',
  'standing_changed', 'tenant_changed', 'domain_changed', 'user_changed', 'session_changed', 'policy_activated', 'desk_act', 'accessed', 'notice_sent'];

export function Audit(p: { tenant?: string }) {
  const [kind, setKind] = useState('');
  const [from, setFrom] = useState(0);
  const path = p.tenant ? `/v1/tenants/${encodeURIComponent(p.tenant)}/audit` : '/v1/journal';
  const page = useData<{ entries: Entry[]; next: number }>(path, { query: { limit: 100, kind, from: from || undefined }, news: () => from === 0 });
  const [verified, setVerified] = useState<string | null>(null);
  const verify = async () => {
    setVerified(t('audit.verifying'));
    const v = await request('GET', '/v1/journal/verify');
    setVerified(v.whole ? t('audit.whole', { n: v.checked, head: v.head.slice(0, 16) + '…' }) : t('audit.broken', { n: v.broken, what: v.what }));
  };
  return (
    <Page title={t('audit.title')} acts={!p.tenant && <Act does={verify}>{t('audit.verify')}</Act>}>
      {verified && <p class="told" role="status">{verified}</p>}
      <div class="filters">
        <label>{t('audit.kind')}<select name="kind" value={kind} onChange={e => { setKind((e.target as HTMLSelectElement).value); setFrom(0); }}>
          <option value="">{t('all')}</option>{kinds.map(k => <option value={k}>{k}</option>)}</select></label>
      </div>
      <Await of={page}>{data => <>
        <Entries of={[...data.entries].reverse()} label={t('audit.title')} />
        <div class="acts">
          {from !== 0 && <button type="button" onClick={() => setFrom(0)}>{t('audit.newest')}</button>}
          {!kind && data.entries.length > 0 && data.entries[0]!.seq > 1 && <button type="button" onClick={() => setFrom(Math.max(1, data.entries[0]!.seq - 100))}>{t('audit.older')}</button>}
        </div>
      </>}</Await>
    </Page>
  );
}

interface Version { version: string; at: string; author: string; reason: string; files: string[] }
export function Policy() {
  const inForce = useData('/v1/policy', { news: n => !!n.kinds.policy_activated });
  const versions = useData<{ in_force: string; versions: Version[] }>('/v1/policy/versions', { news: n => !!n.kinds.policy_activated });
  const whatIf = useData('/v1/policy/what-if', { news: false });
  const [diff, set] = useState<any>(null);
  const compare = async (e: Event) => {
    e.preventDefault();
    const values = Object.fromEntries(new FormData(e.target as HTMLFormElement));
    try { set(await post('/v1/policy/diff', { from: values.from, to: values.to })); } catch (x) { set({ error: x }); }
  };
  const short = (v: string) => (v.length > 20 ? v.slice(0, 20) + '…' : v);
  return (
    <Page title={t('policy.title')}>
      <Await of={inForce}>{p => <Section title={t('policy.inforce')}><Facts of={[[t('col.version'), p.version], [t('policy.patterns'), t('policy.count', { n: p.patterns })],
        [t('col.author'), p.activation.actor], [t('col.reason'), p.activation.reason], [t('col.at'), time(p.activation.at)]]} />
        <details><summary>{t('policy.knobs')}</summary><Table label={t('policy.knobs')} rows={Object.entries(p.knobs as Record<string, string>)} columns={[
          { name: t('col.name'), cell: k => k[0] }, { name: t('col.value'), cell: k => k[1] }]} /></details></Section>}</Await>
      <Await of={versions}>{v => <>
        <Section title={t('policy.versions')} wide>
          <Table label={t('policy.versions')} rows={v.versions} rowKey={x => x.version} columns={[
            { name: t('col.version'), cell: x => <>{short(x.version)} {x.version === v.in_force && <span class="mark good">{t('policy.inforce')}</span>}</> }, { name: t('col.at'), cell: x => time(x.at) },
            { name: t('col.author'), cell: x => x.author }, { name: t('col.reason'), cell: x => x.reason, wide: true },
            { name: '', cell: x => session.value?.role === 'admin' && x.version !== v.in_force && <Act does={() => withAnswer({ title: `${t('policy.rollback')}: ${short(x.version)}`, danger: true },
              a => post('/v1/policy/rollback', { version: x.version, reason: a.reason }).then(() => { versions.reload(); inForce.reload(); }))}>{t('policy.rollback')}</Act> }]} />
        </Section>
        <Section title={t('policy.diff')} wide>
          <form class="filters" onSubmit={compare}>
            <label>{t('col.from')}<select name="from">{v.versions.map((x, n) => <option value={x.version} selected={n === Math.min(1, v.versions.length - 1)}>{short(x.version)}</option>)}</select></label>
            <label>{t('policy.to')}<select name="to">{v.versions.map(x => <option value={x.version}>{short(x.version)}</option>)}</select></label>
            <button type="submit">{t('policy.compare')}</button>
          </form>
          {diff?.error && <Failed error={diff.error} />}
          {diff && !diff.error && (diff.knobs.length + diff.patterns.length + diff.files.length === 0 ? <p class="note">{t('policy.same')}</p> : <>
            {diff.knobs.length > 0 && <Table label={t('policy.knobs')} rows={diff.knobs as any[]} columns={[{ name: t('policy.knobs'), cell: k => k.knob }, { name: t('col.from_to'), cell: k => <>{k.from} → {k.to}</> }]} />}
            {diff.patterns.length > 0 && <Table label={t('policy.patterns')} rows={diff.patterns as any[]} columns={[{ name: t('policy.patterns'), cell: k => k.id }, { name: t('col.kind'), cell: k => k.fate }, { name: t('col.details'), wide: true, cell: k => k.what.join(', ') }]} />}
            {diff.files.length > 0 && <p>{t('policy.files')}: {diff.files.join(', ')}</p>}</>)}
        </Section></>}</Await>
      <Section title={t('policy.whatif')} wide><Await of={whatIf}>{w => (w.state === 'none' ? <p class="note">{t('policy.whatif.none')}</p> : <>
        <Facts of={[[t('col.state'), w.state], [t('col.version'), w.version], [t('col.actor'), w.by], [t('policy.judged'), w.judged], [t('policy.samevote'), w.same], [t('policy.changed'), w.changed]]} />
        {w.by_tenant?.length > 0 && <Table label={t('policy.bytenant')} rows={w.by_tenant as any[]} columns={[{ name: t('col.tenant'), cell: x => x.tenant }, { name: t('policy.judged'), cell: x => x.judged, number: true },
          { name: t('policy.changed'), cell: x => x.changed, number: true }, { name: t('col.details'), wide: true, cell: x => Object.entries(x.changes ?? {}).map(([k, n]) => `${k}: ${n}`).join(' · ') }]} />}</>)}</Await></Section>
    </Page>
  );
}
