// One mail: what it says, what was found in it, what was decided and what happened.
import { useState } from 'preact/hooks';
import { isStaff, mayAct, part, post, session, type Json } from './api';
import { useData } from './data';
import { ask, withAnswer } from './dialog';
import { bytes, t, time } from './i18n';
import { Act, Await, Facts, Mark, Page, save, Section, Table } from './parts';
import { HtmlPreview, TextPreview } from './preview';
import { Entries } from './pages';

const pathOf = (message: string, rest: string) =>
  isStaff() ? `/v1/${rest === 'why' ? 'why' : 'queue'}/${part(message)}${rest === 'why' || !rest ? '' : `/${rest}`}`
    : `/v1/tenants/${part(session.value!.tenant!)}/${rest === 'why' ? 'why' : 'queue'}/${part(message)}${rest === 'why' || !rest ? '' : `/${rest}`}`;

export function MailContent(p: { message: string; reason: string; quiet?: boolean }) {
  const content = useData(pathOf(p.message, 'content'), { reason: p.reason || undefined, news: false });
  const [tab, set] = useState<'html' | 'text' | 'headers' | 'parts'>('html');
  if (p.quiet && content.error) return <p class="note">{content.error.message}</p>;
  return (
    <Await of={content}>{m => {
      // Words of the learned model are many and short: they are listed, and marked only where nothing else was found.
      const all = m.findings as Json[];
      const written = all.filter(f => f.matched && !f.pattern.startsWith('model.'));
      const passages = [...new Set((written.length ? written : all).map(f => f.matched as string).filter(Boolean))];
      const found = all.filter((f, n) => all.findIndex(x => x.category === f.category && x.matched === f.matched && x.note === f.note) === n);
      const html = (m.parts as Json[]).find(x => x.type === 'text/html' && x.text);
      const text = (m.parts as Json[]).find(x => x.type === 'text/plain' && x.text);
      const tabs = ([html && 'html', text && 'text', 'headers', 'parts'] as const).filter(Boolean) as ('html' | 'text' | 'headers' | 'parts')[];
      const now = tabs.includes(tab) ? tab : tabs[0]!;
      const subject = (m.headers as Json[]).find(h => h.name.toLowerCase() === 'subject')?.text;
      return <>
        <p class="subject">{subject}</p>
        <div class="tabs" role="tablist">{tabs.map(x => <button type="button" role="tab" id={`tab-${x}`} aria-controls="tab-panel" aria-selected={x === now} onClick={() => set(x)}>{t(`mail.${x}`)}</button>)}</div>
        <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${now}`}>
          {now === 'html' && <><p class="note">{t('mail.noremote')}</p><HtmlPreview html={html.text} passages={passages} /></>}
          {now === 'text' && <TextPreview text={text.text} passages={passages} />}
          {now === 'headers' && <Table label={t('mail.headers')} rows={m.headers as Json[]} columns={[{ name: t('col.name'), cell: h => h.name }, { name: t('col.value'), cell: h => h.text, wide: true }]} />}
          {now === 'parts' && <Table label={t('mail.parts')} rows={m.parts as Json[]} columns={[{ name: t('col.seq'), cell: x => x.path ?? x.part }, { name: t('col.type'), cell: x => x.type },
            { name: t('col.name'), cell: x => x.file_name ?? '' }, { name: t('held.bytes'), cell: x => (x.bytes === undefined ? '' : bytes(x.bytes)), number: true }]} />}
        </div>
        <h3>{t('mail.found')}</h3>
        <p>{t('mail.verdict')}: <Mark of={m.verdict} prefix="verdict" /> {m.rule} {m.text}</p>
        <Table label={t('mail.found')} rows={found} empty={t('mail.nothing')} columns={[
          { name: t('col.category'), cell: f => f.category }, { name: t('col.matched'), cell: f => (f.matched ? <mark>{f.matched}</mark> : f.note), wide: true },
          { name: t('col.pattern'), cell: f => f.pattern }, { name: t('mail.parts'), cell: f => f.part }]} />
      </>;
    }}</Await>
  );
}

export function Why(p: { message: string; reason: string; recipient?: string }) {
  const why = useData(pathOf(p.message, 'why'), { reason: p.reason || undefined, news: false });
  return (
    <Await of={why}>{w => {
      const rows = (w.recipients as Json[]).filter(r => !p.recipient || r.recipient === p.recipient);
      return <>
        {rows.slice(0, 20).map(r => <div class="block">
          <Facts of={[[t('col.recipient'), `${r.recipient}${r.address ? ` · ${r.address}` : ''}`], [t('col.state'), r.state && <Mark of={r.state} />], [t('col.verdict'), r.verdict && <><Mark of={r.verdict.decision} prefix="verdict" /> {r.verdict.reason}</>],
            [t('col.rule'), r.verdict && [r.verdict.rule, r.verdict.rule_text].filter(Boolean).join(' · ')], [t('col.version'), r.verdict?.policy_version], [t('col.reply'), r.last_reply],
            [t('case.consent'), r.consent && [r.consent.topic, r.consent.given_at, r.consent.method, r.consent.provenance, r.consent.last_day && `→ ${r.consent.last_day}`].filter(Boolean).join(' · ')]]} />
        </div>)}
        <h3>{t('case.events')}</h3>
        <Entries of={w.events} label={t('case.events')} />
      </>;
    }}</Await>
  );
}

/** The signed archive of RULES E5; the reason stands in the tenant's audit. */
export function PackButton(p: { message: string; recipient?: string }) {
  const pack = () => withAnswer({ title: `${t('case.pack')}: ${p.message}`, text: t('case.pack.hint'), look: true, go: t('case.pack') }, async a => {
    const query = new URLSearchParams({ reason: a.reason, ...(p.recipient ? { recipient: p.recipient } : {}) });
    save(`/v1/packs/${part(p.message)}?${query}`, `evidence-${p.message}.tar`);
  });
  return <Act does={pack}>{t('case.pack')}</Act>;
}

export function Mail(p: { message: string }) {
  const [look, setLook] = useState<string | null>(isStaff() ? null : '');
  const [told, tell] = useState('');
  const meta = useData(look === null ? null : pathOf(p.message, ''), { reason: look || undefined, news: false });
  const show = async () => { const a = await ask({ title: t('reason.look'), look: true, go: t('reason.go') }); if (a) setLook(a.reason); };
  const decide = (what: 'release' | 'purge') => () => withAnswer({ title: `${t(what === 'release' ? 'held.release' : 'held.reject')}: ${p.message}`, danger: what === 'purge' },
    a => post(`/v1/queue/${what}`, { message: p.message, reason: a.reason }).then(() => { tell(t(what === 'release' ? 'held.released' : 'held.rejected')); meta.reload(); }));
  const isHeld = (meta.data?.held ?? 0) > 0;
  return (
    <Page title={t('mail.title', { m: p.message })} acts={<>
      {isStaff() && <PackButton message={p.message} />}
      {mayAct() && isHeld && <><Act kind="danger" does={decide('purge')}>{t('held.reject')}</Act><Act kind="main" does={decide('release')}>{t('held.release')}</Act></>}</>}>
      {told && <p class="told" role="status">{told}</p>}
      {look === null ? <Section title={t('reason.look')} note={t('reason.look.hint')}><button type="button" class="main" onClick={show}>{t('mail.show')}</button></Section> : <>
        {meta.data && <Section title={t('mail.recipients')} wide><Facts of={[[t('col.tenant'), <a href={`#/tenant/${part(meta.data.tenant)}`}>{meta.data.tenant}</a>], [t('col.campaign'), meta.data.campaign], [t('col.from'), meta.data.from],
          [t('col.accepted'), time(meta.data.accepted_at)], [t('held.bytes'), bytes(meta.data.bytes)]]} />
          <Table label={t('mail.recipients')} rows={(meta.data.recipient_list as Json[]).slice(0, 50)} columns={[{ name: t('col.address'), cell: r => r.address ?? r.recipient, wide: true },
            { name: t('col.state'), cell: r => <Mark of={r.state} /> }, { name: t('col.because'), cell: r => r.reason ?? '' }, { name: t('col.reply'), cell: r => r.last_reply ?? '', wide: true }]} /></Section>}
        <Section title={t('mail.preview')} wide><MailContent message={p.message} reason={look} quiet /></Section>
        <Section title={t('mail.why')} wide><Why message={p.message} reason={look} /></Section>
      </>}
    </Page>
  );
}
