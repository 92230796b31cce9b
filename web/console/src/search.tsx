// Finds a mail by its number, a person by its address, and what waits.
import { useState } from 'preact/hooks';
import { get, isStaff, part, session, type Json } from './api';
import { ask } from './dialog';
import { number, t } from './i18n';
import { Age, Failed, Page, Section, Table, Time } from './parts';
import { Entries } from './pages';

export function Search() {
  const [person, setPerson] = useState<Json>(null);
  const [sent, setSent] = useState<Json[] | null>(null);
  const [mails, setMails] = useState<Json[] | null>(null);
  const [error, fail] = useState<Error | null>(null);
  const mine = session.value?.tenant;
  const values = (e: Event) => { e.preventDefault(); return Object.fromEntries(new FormData(e.target as HTMLFormElement)) as Record<string, string>; };
  const byNumber = (e: Event) => { location.hash = `#/mail/${part(values(e).message!.trim())}`; };
  const byPerson = async (e: Event) => {
    const v = values(e);
    const a = isStaff() ? await ask({ title: t('reason.look'), text: v.address, look: true, go: t('reason.go') }) : { reason: '' };
    if (!a) return;
    try { setPerson(await get(`/v1/tenants/${part(mine ?? v.tenant!)}/persons`, { query: { address: v.address }, reason: a.reason })); fail(null); } catch (x) { setPerson(null); fail(x as Error); }
  };
  const bySent = async (e: Event) => {
    const v = Object.fromEntries(Object.entries(values(e)).filter(([, x]) => x.trim() !== ''));
    const a = isStaff() ? await ask({ title: t('reason.look'), text: Object.values(v).join(' · '), look: true, go: t('reason.go') }) : { reason: '' };
    if (!a) return;
    try { setSent((await get(mine ? `/v1/tenants/${part(mine)}/sent` : '/v1/sent', { query: { ...v, limit: 100 }, reason: a.reason })).mail); fail(null); } catch (x) { setSent(null); fail(x as Error); }
  };
  const byQueue = async (e: Event) => {
    const v = values(e);
    try { setMails((await get(mine ? `/v1/tenants/${part(mine)}/queue` : '/v1/queue', { query: { tenant: mine ? undefined : v.tenant, campaign: v.campaign, domain: v.domain, limit: 200 } })).messages); fail(null); } catch (x) { fail(x as Error); }
  };
  return (
    <Page title={t('search.title')}>
      {error && <Failed error={error} />}
      <Section title={t('search.message')} wide><form class="filters" onSubmit={byNumber}><label>{t('col.message')}<input name="message" required placeholder={t('search.message.hint')} autocomplete="off" /></label><button type="submit">{t('search.go')}</button></form></Section>
      <Section title={t('search.sent')} wide><form class="filters" onSubmit={bySent}>
        {([['recipient', 'search.address'], ['message_id', 'search.messageid'], ['subject', 'search.subject'], ['link', 'search.link'], ['token', 'search.token'], ['campaign', 'search.campaign']] as const)
          .map(([name, label]) => <label>{t(label)}<input name={name} autocomplete="off" /></label>)}
        <label>{t('search.since')}<input name="from" type="date" /></label><label>{t('search.until')}<input name="until" type="date" /></label><button type="submit">{t('search.go')}</button></form>
        {sent && <Table label={t('search.sent')} rows={sent} columns={[
          { name: t('col.message'), cell: m => <a href={`#/mail/${m.message}`}>{m.message}</a> }, { name: t('col.tenant'), cell: m => m.tenant ?? mine ?? '' }, { name: t('col.at'), cell: m => (m.at ?? m.accepted_at) && <Time at={m.at ?? m.accepted_at} /> },
          { name: t('col.subject'), cell: m => m.subject ?? '', wide: true }, { name: t('col.campaign'), cell: m => m.campaign ?? '' }, { name: t('col.from'), cell: m => m.from ?? '', wide: true }]} />}
      </Section>
      <Section title={t('search.person')} wide><form class="filters" onSubmit={byPerson}>
        {!mine && <label>{t('search.tenant')}<input name="tenant" required autocomplete="off" /></label>}
        <label>{t('search.address')}<input name="address" required inputMode="email" autocomplete="off" /></label><button type="submit">{t('search.go')}</button></form>
        {person && <><h3>{t('search.report')}</h3>{person.history?.length > 0 && <Entries of={person.history} label={t('search.report')} />}<details><summary>JSON</summary><pre class="mail" tabIndex={0}>{JSON.stringify(person, null, 2)}</pre></details></>}
      </Section>
      <Section title={t('search.queue')} wide><form class="filters" onSubmit={byQueue}>
        {!mine && <label>{t('search.tenant')}<input name="tenant" autocomplete="off" /></label>}
        <label>{t('search.campaign')}<input name="campaign" autocomplete="off" /></label><label>{t('search.domain')}<input name="domain" autocomplete="off" /></label><button type="submit">{t('search.go')}</button></form>
        {mails && <Table label={t('search.queue')} rows={mails} rowKey={m => m.message} columns={[
          { name: t('col.message'), cell: m => <a href={`#/mail/${m.message}`}>{m.message}</a> }, { name: t('col.tenant'), cell: m => m.tenant }, { name: t('col.campaign'), cell: m => m.campaign }, { name: t('col.from'), cell: m => m.from, wide: true },
          { name: t('col.recipients'), cell: m => number(m.open), number: true }, { name: t('col.held'), cell: m => number(m.held), number: true }, { name: t('col.age'), cell: m => <Age at={m.accepted_at} /> }]} />}
      </Section>
    </Page>
  );
}
