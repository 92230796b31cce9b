// A tenant: how it stands, what to fix, what it sends by and to whom.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ask as request, get, isStaff, mayAct, part, post, session, type Json } from './api';
import { useData } from './data';
import { ask, withAnswer } from './dialog';
import { decimal, number, t, time, word } from './i18n';
import { Act, Await, Facts, Failed, Figures, Mark, Page, Section, Table } from './parts';
import { Plot } from './plot';
import { StandingTable, type Standing } from './today';
import { Users } from './pages';
import { Webhooks } from './webhooks';

interface Days { floor: number; window_days: number; days: { day: string; per_thousand: number; delivered: number; complaints: number }[] }
const concerns = (tenant: string) => (n: { tenants: string[] }) => n.tenants.includes(tenant);

export function StandingPlot(p: { tenant: string; mark?: string }) {
  const days = useData<Days>(`/v1/tenants/${part(p.tenant)}/standing/days`, { query: { days: 120 }, news: concerns(p.tenant) });
  const { at, lines } = useMemo(() => {
    const rows = days.data?.days ?? [];
    return { at: rows.map(d => new Date(`${d.day}T12:00:00+01:00`).getTime() / 1000), lines: [
      { name: t('tenant.perthousand'), values: rows.map(d => d.per_thousand), colour: 1 as const, fill: true },
      { name: t('tenant.line'), values: rows.map(() => 1), colour: 4 as const, dash: true }] };
  }, [days.data]);
  return (
    <Section title={t('tenant.standing')} wide note={days.data ? t('tenant.window', { n: days.data.window_days }) : undefined}>
      <Await of={days}>{() => <Plot label={t('tenant.standing')} at={at} lines={lines} days least={1.2} />}</Await>
    </Section>
  );
}

export function Tenants() {
  const all = useData<{ standings: Standing[] }>('/v1/standings');
  return <Page title={t('tenants.title')}><Await of={all}>{data => <StandingTable rows={data.standings} />}</Await></Page>;
}

/** As the rule counts: few deliveries count as the floor. */
const ratio = (s: Json, n: Json = s.in_window) => 1000 * n.complaints / Math.max(n.delivered, s.floor, 1);
/** The tenant's, or its worst campaign's: either may block. */
const worst = (s: Json) => Math.max(ratio(s), ...(s.campaigns ?? []).map((c: Json) => ratio(s, c)));

interface Fix { text: string; records?: Json[] }
function fixes(tenant: Json, standing: Json, preflights: Json[]): Fix[] {
  const out: Fix[] = [];
  if (standing.bulk_blocked) out.push({ text: t('tenant.fix.blocked', { why: standing.cause ?? '' }) });
  else if (standing.verdict !== 'good') out.push({ text: t('tenant.fix.near', { n: decimal(worst(standing)) }) });
  if (tenant.state !== 'active') out.push({ text: t('tenant.fix.state', { state: word('state', tenant.state) }) });
  if (!tenant.contact_confirmed && tenant.state === 'pending') out.push({ text: t('tenant.fix.contact') });
  if (!tenant.domains?.length) out.push({ text: t('tenant.fix.nodomain') });
  if (!tenant.credentials?.length) out.push({ text: t('tenant.fix.credential') });
  for (const d of tenant.domains ?? []) if (d.verified_by === 'none') out.push({ text: t('tenant.fix.domain', { domain: d.domain }) });
  for (const f of preflights) for (const c of f.checks) if (c.state === 'fail' || c.state === 'warn') out.push({ text: t('tenant.fix.dns', { domain: f.domain, check: c.check, detail: c.detail }) });
  if (standing.held > 0) out.push({ text: t('tenant.fix.held', { n: number(standing.held) }) });
  return out;
}

function LookUp(p: { tenant: string }) {
  const [found, set] = useState<Json>(null);
  const [error, fail] = useState<Error | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    const address = String(new FormData(e.target as HTMLFormElement).get('address'));
    const a = isStaff() ? await ask({ title: t('reason.look'), text: address, look: true, go: t('reason.go') }) : { reason: '' };
    if (!a) return;
    try { set(await get(`/v1/tenants/${part(p.tenant)}/consents`, { query: { address }, reason: a.reason })); fail(null); } catch (x) { set(null); fail(x as Error); }
  };
  return <>
    <form class="filters" onSubmit={submit}><label>{t('tenant.lookup')}<input name="address" type="text" inputMode="email" required autocomplete="off" /></label><button type="submit">{t('search.go')}</button></form>
    {error && <Failed error={error} />}
    {found && <>
      {!found.suppressed && session.value?.role !== 'auditor' && <p><Act kind="danger" does={() => withAnswer({ title: `${t('tenant.suppress')}: ${found.address ?? found.person}`, danger: true },
        a => post(`/v1/tenants/${part(p.tenant)}/suppressions`, { address: found.address ?? found.person, code: 'manual', source: a.reason.slice(0, 150) }, { reason: a.reason })
          .then(() => get(`/v1/tenants/${part(p.tenant)}/consents`, { query: { address: found.address ?? found.person }, reason: a.reason })).then(set))}>{t('tenant.suppress')}</Act></p>}
      {found.suppressed && <p><Mark of="blocked" tone="bad" /> {t('tenant.suppressed', { why: found.suppressed.code ?? found.suppressed.reason ?? '' })}</p>}
      <Table label={t('tenant.consents')} rows={found.consents as Json[]} empty={t('tenant.noconsent')} columns={[
        { name: t('col.topic'), cell: c => c.topic }, { name: t('col.at'), cell: c => c.given_at && time(c.given_at) }, { name: t('col.kind'), cell: c => `${c.method ?? ''} ${c.provenance ?? ''}` },
        { name: '→', cell: c => c.last_day ?? '' }, { name: t('col.state'), cell: c => c.state ?? (c.withdrawn_at ? t('kind.consent_withdrawn') : '') }]} /></>}
  </>;
}

export function Tenant(p: { name: string }) {
  const base = `/v1/tenants/${part(p.name)}`;
  const tenant = useData(base, { news: concerns(p.name) });
  const standing = useData(`${base}/standing`, { news: concerns(p.name) });
  const campaigns = useData<{ campaigns: Json[] }>(`${base}/campaigns`, { query: { limit: 50 }, news: concerns(p.name) });
  const domains: string[] = (tenant.data?.domains ?? []).map((d: Json) => d.domain);
  const [round, again] = useState(0);
  const checks = useChecks(base, domains, round);
  const done = () => { standing.reload(); tenant.reload(); };
  const act = (path: string, title: string, body: object = {}, danger = false) => () =>
    withAnswer({ title: `${title}: ${p.name}`, danger, text: standing.data?.in_window && t('tenant.figures', { c: number(standing.data.in_window.complaints), n: number(standing.data.in_window.delivered) }) },
      a => post(`${base}/${path}`, { ...body, reason: a.reason }).then(done));
  return (
    <Await of={tenant}>{x => (
      <Page title={x.name} below={<p class="note">{x.legal_name} · {x.contact} · <Mark of={x.state} /> {x.bulk_blocked && <Mark of="blocked" />}</p>}
        acts={mayAct() && <>
          {x.bulk_blocked ? <Act does={act('unblock', t('tenant.unblock'))}>{t('tenant.unblock')}</Act> : <Act kind="danger" does={act('block', t('tenant.block'), {}, true)}>{t('tenant.block')}</Act>}
          {x.state === 'suspended' ? <Act does={act('state', t('tenant.resume'), { state: 'active' })}>{t('tenant.resume')}</Act>
            : x.state === 'active' && <Act kind="danger" does={act('state', t('tenant.suspend'), { state: 'suspended' }, true)}>{t('tenant.suspend')}</Act>}</>}>
        <Await of={standing}>{s => <>
          <Figures of={[{ name: t('col.delivered'), value: number(s.in_window.delivered) }, { name: t('col.complaints'), value: number(s.in_window.complaints) },
            { name: `${t('col.worst')} (${t('tenant.limit')})`, value: decimal(worst(s)), tone: s.bulk_blocked ? 'bad' : s.verdict === 'good' ? 'plain' : 'warn' },
            { name: t('col.queued'), value: number(s.queued) }, { name: t('col.held'), value: number(s.held), tone: s.held ? 'warn' : 'plain' }]} />
          <Section title={t('tenant.fix')} wide>{(f => (f.length === 0 ? <p class="note">{t('tenant.allset')}</p> : <ul class="fixes">{f.map(y => <li>{y.text}</li>)}</ul>))(fixes(x, s, checks))}</Section>
        </>}</Await>
        <StandingPlot tenant={p.name} />
        <Section title={t('tenant.campaigns')} wide><Await of={campaigns}>{data => (
          <Table label={t('tenant.campaigns')} rows={data.campaigns} rowKey={c => c.campaign} columns={[
            { name: t('col.campaign'), cell: c => c.campaign, wide: true }, { name: t('col.state'), cell: c => c.held && <Mark of="held" /> },
            { name: t('col.delivered'), cell: c => number(figure(standing.data, c.campaign, 'delivered')), number: true }, { name: t('col.complaints'), cell: c => number(figure(standing.data, c.campaign, 'complaints')), number: true },
            { name: t('col.asked'), cell: c => number(c.asked), number: true }, { name: t('col.unproven'), cell: c => number(c.unproven), number: true }, { name: t('col.dead'), cell: c => number(c.dead), number: true },
            { name: '', cell: c => mayAct() && <Act does={() => withAnswer({ title: `${t(c.held ? 'tenant.release' : 'tenant.hold')}: ${c.campaign}` },
              a => post(`${base}/campaigns/${part(c.campaign)}/${c.held ? 'release' : 'hold'}`, { reason: a.reason }).then(() => campaigns.reload()))}>{t(c.held ? 'tenant.release' : 'tenant.hold')}</Act> }]} />)}</Await></Section>
        <Section title={t('tenant.domains')} wide>
          {(x.domains ?? []).map((d: Json) => { const c = checks.find(y => y.domain === d.domain); return (
            <div class="block"><div class="section-head"><h3>{d.domain}</h3>
              {(mayAct() || session.value?.role === 'tenant-admin') && <Act does={() => request('POST', `${base}/domains/${part(d.domain)}/preflight`, { body: {} }).then(() => again(round + 1))}>{t('tenant.check')}</Act>}</div>
              <Facts of={[[t('col.verified'), d.verified_by]]} />
              {c && <Table label={d.domain} empty={t('tenant.notchecked')} rows={c.checks as Json[]} columns={[{ name: t('col.check'), cell: k => k.check }, { name: t('col.state'), cell: k => <Mark of={k.state} /> }, { name: t('col.detail'), cell: k => k.detail, wide: true }]} />}
              {c?.records.length > 0 && <details><summary>{t('tenant.records')}</summary>{c.records.map((r: Json) => <pre class="record" tabIndex={0}>{r.zone_line}</pre>)}</details>}
            </div>); })}
          {!x.domains?.length && <p class="note">{t('tenant.fix.nodomain')}</p>}
        </Section>
        <Section title={t('tenant.credentials')} wide><Table label={t('tenant.credentials')} rows={(x.credentials ?? []) as Json[]} columns={[
          { name: t('col.user'), cell: c => c.user }, { name: t('col.stream'), cell: c => c.stream }, { name: t('col.campaign'), cell: c => c.campaign ?? '' }, { name: t('col.topic'), cell: c => c.topic ?? '' },
          { name: t('col.active'), cell: c => t(c.active ? 'yes' : 'no') }]} /></Section>
        <Section title={t('tenant.consents')} wide><LookUp tenant={p.name} /></Section>
        {standing.data?.history?.length > 0 && <Section title={t('tenant.history')} wide><Table label={t('tenant.history')} rows={standing.data.history as Json[]} columns={[
          { name: t('col.at'), cell: h => h.since && time(h.since) }, { name: t('col.state'), cell: h => <Mark of={h.bulk_blocked ? 'blocked' : 'good'} /> }, { name: t('col.reason'), cell: h => h.cause ?? '', wide: true }, { name: t('col.actor'), cell: h => h.actor ?? '' }]} /></Section>}
        {session.value?.role !== 'tenant-user' && <Webhooks tenant={p.name} />}
        {session.value?.role === 'admin' && <Users tenant={p.name} />}
        <p><a href={`#/audit/${part(p.name)}`}>{t('audit.title')}</a></p>
      </Page>)}</Await>
  );
}

const figure = (standing: Json, campaign: string, name: string): number => standing?.campaigns?.find((c: Json) => c.campaign === campaign)?.[name] ?? 0;

function useChecks(base: string, domains: string[], round: number): Json[] {
  const [all, set] = useState<Json[]>([]);
  const key = domains.join(' ');
  useEffect(() => {
    let is = true;
    Promise.all(domains.map(d => get(`${base}/domains/${part(d)}/preflight`, { background: true }).catch(() => null))).then(x => { if (is) set(x.filter(Boolean)); });
    return () => { is = false; };
  }, [base, key, round]);
  return all;
}
