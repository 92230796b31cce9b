// The desk's queue, and one case with all that belongs to it.
import { useState } from 'preact/hooks';
import { mayAct, part, post, type Json } from './api';
import { useData } from './data';
import { withAnswer, ask } from './dialog';
import { duration, number, t, time, word } from './i18n';
import { Act, Age, Await, Facts, Mark, Page, Section, Table } from './parts';
import { CaseTable, type Case } from './today';
import { StandingPlot } from './tenant';
import { MailContent, PackButton, Why } from './mail';

export function Cases() {
  const [closed, set] = useState(false);
  const cases = useData<{ cases: Case[]; open: Record<string, number>; count: number }>('/v1/cases', { query: { closed: closed ? 'true' : undefined, limit: 300 } });
  const open = () => withAnswer({ title: t('cases.new'), fields: [
    { name: 'from', label: t('case.from'), choices: ['authority', 'provider', 'fraud', 'person'].map(f => [f, word('from', f)] as [string, string]) },
    { name: 'tenant', label: t('col.tenant'), required: false }] },
    async a => { const c = await post('/v1/cases', { from: a.from, tenant: a.tenant, reason: a.reason }); location.hash = `#/case/${c.case}`; });
  return (
    <Page title={t('cases.title')} acts={mayAct() && <Act does={open} kind="main">{t('cases.new')}</Act>}
      below={cases.data && <p class="note">{Object.entries(cases.data.open).filter(([, n]) => n > 0).map(([c, n]) => `${word('class', c)}: ${number(n)}`).join(' · ')}</p>}>
      <div class="filters"><label class="inline"><input type="checkbox" name="closed" checked={closed} onChange={e => set((e.target as HTMLInputElement).checked)} />{t('cases.closed')}</label></div>
      <Await of={cases}>{data => <CaseTable rows={data.cases} empty={t('cases.none')} />}</Await>
    </Page>
  );
}

interface WholeCase extends Case { history: { at: string; actor: string; what: string; text: string }[]; facts: Record<string, string> }

/** The report behind a case, as it came; where the rules could not decide, a person does. */
function Report(p: { number: number; reason: string; decided: () => void }) {
  const report = useData<Json>(`/v1/reports/${p.number}`, { reason: p.reason, query: { mail: 'true' }, news: false });
  const decide = (what: 'confirm' | 'reject') => () => withAnswer({ title: t(`report.${what}`), text: t(`report.${what}.hint`), danger: what === 'confirm' },
    a => post(`/v1/reports/${p.number}/${what}`, { reason: a.reason }).then(() => { report.reload(); p.decided(); }));
  if (report.error) return null;  // a case that a person entered
  return (
    <Section title={t('report.raw')} wide acts={report.data?.state === 'open' && mayAct() && <span class="acts">
      <Act does={decide('reject')}>{t('report.reject')}</Act>{report.data.recipient && <Act kind="danger" does={decide('confirm')}>{t('report.confirm')}</Act>}</span>}
      note={report.data?.state === 'open' ? t('report.decide') : undefined}>
      <Await of={report}>{r => <>
        <Facts of={[[t('report.state'), <Mark of={r.state} />], [t('col.channel'), r.channel], [t('col.from'), r.from], [t('col.spf'), r.spf], ['IP', r.remote_ip], [t('col.actor'), r.actor], [t('col.reason'), r.reason]]} />
        {r.mail && <details><summary>{t('report.raw')}</summary><pre class="mail" tabIndex={0}>{text(r.mail)}</pre></details>}
      </>}</Await>
    </Section>
  );
}
const text = (base64: string) => new TextDecoder().decode(Uint8Array.from(atob(base64), c => c.charCodeAt(0)));

export function OneCase(p: { number: string }) {
  const one = useData<WholeCase>(`/v1/cases/${part(p.number)}`);
  const [look, setLook] = useState<string | null>(null);
  const act = (what: string, title: string, danger = false) => () => withAnswer({ title, danger },
    a => post(`/v1/cases/${part(p.number)}/acts`, { what, reason: a.reason }).then(() => one.reload()));
  return (
    <Await of={one}>{c => (
      <Page title={t('case.title', { n: c.case })} below={<p class="note"><Mark of={c.class} prefix="class" /> <Mark of={c.open ? 'open' : 'closed'} /> <Age at={c.at} /></p>}
        acts={<>{c.message && <PackButton message={c.message} />}{mayAct() && <>
          <Act does={act('note', t('case.note'))}>{t('case.note')}</Act>
          {c.open ? <Act kind="main" does={act('close', t('case.close'))}>{t('case.close')}</Act> : <Act does={act('reopen', t('case.reopen'))}>{t('case.reopen')}</Act>}
        </>}</>}>
        <div class="pair">
          <Section title={t('case.report')}><Facts of={[
            [t('case.opened'), time(c.at)], [t('col.tenant'), c.tenant && <a href={`#/tenant/${part(c.tenant)}`}>{c.tenant}</a>], [t('col.campaign'), c.campaign],
            [t('col.message'), c.message && <a href={`#/mail/${c.message}`}>{c.message}</a>], [t('case.from'), c.from && word('from', c.from)], [t('case.what'), c.text],
            [t('col.type'), c.feedback_type], [t('col.reporter'), c.reporter], [t('col.counts'), c.counts && t(c.counts === 'yes' ? 'yes' : 'no')], [t('col.details'), c.why],
            ...Object.entries(c.facts).filter(([k]) => !['what', 'from', 'feedback_type', 'reporter', 'counts', 'why'].includes(k)),
            [t('case.answered'), c.answered_after_s !== undefined ? duration(c.answered_after_s) : '']]} /></Section>
          <Section title={t('case.history')}>
            {c.history.length === 0 ? <p class="note">{t('case.noacts')}</p> : <ol class="history">{c.history.map(h => (
              <li><p>{h.text}</p><p class="note">{word('act', h.what)} · {h.actor} · {time(h.at)}</p></li>))}</ol>}
          </Section>
        </div>
        {look !== null && <Report number={c.case} reason={look} decided={() => one.reload()} />}
        {c.tenant && <StandingPlot tenant={c.tenant} mark={c.at} />}
        <Section title={t('case.mail')} wide>
          {look === null ? <button type="button" onClick={async () => { const a = await ask({ title: t('reason.look'), look: true, go: t('reason.go') }); if (a) setLook(a.reason); }}>{t('case.showmail')}</button>
            : !c.message ? <p class="note">{t('case.nomail')}</p> : <><Why message={c.message} reason={look} recipient={c.recipient} /><MailContent message={c.message} reason={look} quiet /></>}
        </Section>
      </Page>)}</Await>
  );
}

export function Held(p: { tenant?: string }) {
  const path = p.tenant ? `/v1/tenants/${part(p.tenant)}/queue` : '/v1/queue';
  const queue = useData<{ messages: any[]; next?: string; total: any }>(path, { query: { state: 'held', limit: 200 } });
  const [chosen, set] = useState<ReadonlySet<string>>(new Set());
  const [told, tell] = useState('');
  const toggle = (m: string) => { const next = new Set(chosen); if (!next.delete(m)) next.add(m); set(next); };
  const decide = (what: 'release' | 'purge') => () => withAnswer(
    { title: `${t(what === 'release' ? 'held.release' : 'held.reject')}: ${t('held.selected', { n: chosen.size })}`, danger: what === 'purge' },
    async a => {
      for (const message of chosen) await post(`/v1/queue/${what}`, { message, reason: a.reason });
      set(new Set());
      tell(t(what === 'release' ? 'held.released' : 'held.rejected'));
      queue.reload();
    });
  const acts = mayAct() && !p.tenant;
  return (
    <Page title={t('held.title')} acts={acts && <>
      <span class="note" role="status">{t('held.selected', { n: chosen.size })}</span>
      <Act kind="danger" disabled={chosen.size === 0} does={decide('purge')}>{t('held.reject')}</Act>
      <Act kind="main" disabled={chosen.size === 0} does={decide('release')}>{t('held.release')}</Act></>}>
      {told && <p class="told" role="status">{told}</p>}
      <Await of={queue}>{data => (
        <Table label={t('held.title')} rows={data.messages} rowKey={m => m.message} empty={t('held.none')} columns={[
          ...(acts ? [{ name: '', cell: (m: any) => <input type="checkbox" name="choose" aria-label={m.message} checked={chosen.has(m.message)} onChange={() => toggle(m.message)} /> }] : []),
          { name: t('col.message'), cell: m => <a href={`#/mail/${m.message}`}>{m.message}</a> },
          { name: t('col.tenant'), cell: m => (p.tenant ? m.tenant : <a href={`#/tenant/${part(m.tenant)}`}>{m.tenant}</a>) },
          { name: t('col.campaign'), cell: m => m.campaign }, { name: t('col.from'), cell: m => m.from, wide: true },
          { name: t('col.recipients'), cell: m => number(m.held), number: true }, { name: t('col.age'), cell: m => <Age at={m.accepted_at} /> },
        ]} />)}</Await>
    </Page>
  );
}
