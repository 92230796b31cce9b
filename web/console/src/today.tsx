// What needs a person now.
import { useMemo } from 'preact/hooks';
import { useData } from './data';
import { number, decimal, t, time, word } from './i18n';
import { Age, Await, Figures, Mark, Page, Section, Table } from './parts';
import { Plot } from './plot';

export interface Standing { tenant: string; legal_name: string; state: string; bulk_blocked: boolean; verdict: string; delivered: number; complaints: number; per_thousand: number; worst_per_thousand: number; queued: number; held: number; since?: string; cause?: string }
export interface Case { case: number; class: string; open: boolean; at: string; age_s: number; late: boolean; acts: number; tenant?: string; message?: string; recipient?: string; campaign?: string; person?: string; feedback_type?: string; reporter?: string; counts?: string; why?: string; from?: string; text?: string; answered_after_s?: number }

export const stateOf = (s: Standing) => (s.bulk_blocked ? 'blocked' : s.state !== 'active' ? s.state : s.verdict === 'good' ? 'good' : 'warn');

export function StandingTable(p: { rows: Standing[]; empty?: string }) {
  return (
    <Table label={t('today.standings')} rows={p.rows} rowKey={s => s.tenant} empty={p.empty} columns={[
      { name: t('col.tenant'), cell: s => <a href={`#/tenant/${encodeURIComponent(s.tenant)}`}>{s.tenant}</a> },
      { name: t('col.legal'), cell: s => s.legal_name },
      { name: t('col.state'), cell: s => <Mark of={stateOf(s)} /> },
      { name: t('col.delivered'), cell: s => number(s.delivered), number: true }, { name: t('col.complaints'), cell: s => number(s.complaints), number: true },
      { name: t('col.worst'), cell: s => decimal(s.worst_per_thousand), number: true },
      { name: t('col.queued'), cell: s => number(s.queued), number: true }, { name: t('col.held'), cell: s => number(s.held), number: true },
    ]} />
  );
}

export function CaseTable(p: { rows: Case[]; empty?: string }) {
  return (
    <Table label={t('cases.title')} rows={p.rows} rowKey={c => c.case} empty={p.empty} columns={[
      { name: t('col.seq'), cell: c => <a href={`#/case/${c.case}`}>{c.case}</a> },
      { name: t('col.class'), cell: c => <><Mark of={c.class} prefix="class" /> {!c.open && <Mark of="closed" />}</> },
      { name: t('col.age'), cell: c => <span class={c.late ? 'late' : ''} title={c.late ? t('cases.late') : undefined}><Age at={c.at} /></span> },
      { name: t('col.tenant'), cell: c => (c.tenant ? <a href={`#/tenant/${encodeURIComponent(c.tenant)}`}>{c.tenant}</a> : '–') },
      { name: t('col.type'), cell: c => c.feedback_type ?? (c.from ? word('from', c.from) : '') },
      { name: t('col.reporter'), cell: c => c.reporter ?? '' },
      { name: t('col.campaign'), cell: c => c.campaign ?? '' },
      { name: t('col.counts'), cell: c => (c.counts ? t(c.counts === 'yes' ? 'yes' : 'no') : '') },
      { name: t('col.details'), cell: c => c.text ?? c.why ?? '', wide: true },
    ]} />
  );
}

interface Minutes { first: string; count: number; whole_since?: string; kinds: Record<string, number[]> }
function Rates(p: { of: Minutes }) {
  const { mail, reports, at } = useMemo(() => {
    const start = new Date(p.of.first).getTime() / 1000;
    const line = (kind: string, colour: 1 | 2 | 3 | 4 | 5) => ({ name: word('kind', kind), values: p.of.kinds[kind] ?? [], colour });
    return { at: Array.from({ length: p.of.count }, (_, n) => start + 60 * n),
             mail: [{ ...line('delivered', 1), fill: true }, line('accepted', 2), line('deferred', 3), line('refused', 4), line('bounced', 5)],
             reports: [{ ...line('complained', 4), fill: true }, line('consent_withdrawn', 2)] };
  }, [p.of]);
  return (
    <div class="pair">
      <Section title={t('today.rates')}><Plot label={t('today.rates')} at={at} lines={mail} least={5} /></Section>
      <Section title={t('today.reports')} note={p.of.whole_since && new Date(p.of.whole_since) > new Date(p.of.first) ? t('today.since', { at: time(p.of.whole_since) }) : undefined}>
        <Plot label={t('today.reports')} at={at} lines={reports} least={3} /></Section>
    </div>
  );
}

export function Today() {
  const standings = useData<{ standings: Standing[] }>('/v1/standings');
  const cases = useData<{ cases: Case[]; open: Record<string, number> }>('/v1/cases', { query: { limit: 8 } });
  const minutes = useData<Minutes>('/v1/stats/minutes', { query: { minutes: 180 } });
  const sites = useData('/v1/queue/sites', { query: { limit: 12 } });
  const stats = useData('/v1/stats');
  const watched = standings.data?.standings.filter(s => stateOf(s) !== 'good') ?? [];
  const open = Object.values(cases.data?.open ?? {}).reduce((a, b) => a + b, 0);
  const blocked = watched.filter(s => s.bulk_blocked).length;
  const near = watched.filter(s => stateOf(s) === 'warn').length;
  return (
    <Page title={t('today.title')}>
      <Figures of={[
        { name: t('today.blocked'), value: number(blocked), tone: blocked ? 'bad' : 'plain', to: '#/tenants' },
        { name: t('today.near'), value: number(near), tone: near ? 'warn' : 'plain', to: '#/tenants' },
        { name: t('today.cases'), value: number(open), to: '#/cases' },
        { name: t('today.queued'), value: number(stats.data?.queue.queued ?? 0) },
        { name: t('today.held'), value: number(stats.data?.queue.held ?? 0), tone: stats.data?.queue.held ? 'warn' : 'plain', to: '#/held' },
      ]} />
      <Section title={t('today.standings')} wide><Await of={standings}>{() => <StandingTable rows={watched} empty={t('today.allgood')} />}</Await></Section>
      <Section title={t('today.inbound')} wide><Await of={cases}>{data => <CaseTable rows={data.cases} empty={t('cases.none')} />}</Await></Section>
      <Await of={minutes}>{data => <Rates of={data} />}</Await>
      <Section title={t('today.sites')} wide><Await of={sites}>{data => (
        <Table label={t('today.sites')} rows={(data.sites as any[]).filter(s => s.queued + s.held + s.in_flight > 0)} empty={t('today.nowaiting')} columns={[
          { name: t('col.site'), cell: s => <span title={s.domains.join(', ')}>{s.site === '(not looked up)' ? s.domains.join(', ') : s.site}</span>, wide: true },
          { name: t('col.queued'), cell: s => number(s.queued), number: true }, { name: t('col.deferred'), cell: s => number(s.deferred), number: true },
          { name: t('col.held'), cell: s => number(s.held), number: true }, { name: t('col.inflight'), cell: s => number(s.in_flight), number: true },
          { name: t('col.reply'), cell: s => s.last_reply?.text ?? '', wide: true }]} />)}</Await></Section>
    </Page>
  );
}
