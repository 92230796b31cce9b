// Where a tenant's outcomes are told to: its administrator's affair; the desk may test, pause and send again.
import { useState } from 'preact/hooks';
import { ask as request, isStaff, mayAct, part, session, type Json } from './api';
import { useData } from './data';
import { withAnswer } from './dialog';
import { number, t } from './i18n';
import { Act, Await, Mark, Section, Table } from './parts';

export function Webhooks(p: { tenant: string }) {
  const base = `/v1/tenants/${part(p.tenant)}/webhooks`;
  const hooks = useData<{ webhooks: Json[] }>(base, { news: n => n.tenants.includes(p.tenant) });
  const [told, tell] = useState('');
  const role = session.value!.role;
  const owns = role === 'admin' || role === 'tenant-admin';
  const runs = mayAct() || role === 'tenant-admin';
  const quiet = { noReason: !isStaff() };
  const act = (w: Json, what: string, title: string) => () => withAnswer({ title: `${title}: ${w.webhook}`, ...quiet }, async a => {
    const body = what === 'test' ? {} : { reason: a.reason };
    const done = await request(what === 'remove' ? 'DELETE' : 'POST', what === 'remove' ? `${base}/${part(w.webhook)}` : `${base}/${part(w.webhook)}/${what}`,
      { body: what === 'remove' ? undefined : body, reason: a.reason });
    if (what === 'test') tell(`${w.webhook}: ${done?.status ?? ''} ${done?.error ?? done?.detail ?? t('done')}`);
    hooks.reload();
  });
  const add = () => withAnswer({ title: t('hook.add'), ...quiet, fields: [{ name: 'url', label: t('col.url'), value: 'https://' }] }, async a => {
    const made = await request('POST', base, { body: { url: a.url }, reason: a.reason });
    tell(t('hook.secret', { s: made.secret ?? '' }));
    hooks.reload();
  });
  return (
    <Section title={t('tenant.webhooks')} wide acts={owns && <Act does={add}>{t('hook.add')}</Act>}>
      {told && <p class="told" role="status">{told}</p>}
      <Await of={hooks}>{data => (
        <Table label={t('tenant.webhooks')} rows={data.webhooks} rowKey={w => w.webhook} columns={[
          { name: t('col.seq'), cell: w => w.webhook }, { name: t('col.url'), cell: w => w.url, wide: true }, { name: t('col.state'), cell: w => <Mark of={w.state} tone={w.state === 'active' ? 'good' : 'warn'} /> },
          { name: t('hook.told'), cell: w => number(w.told), number: true }, { name: t('hook.dead'), cell: w => number(w.dead_letters), number: true }, { name: t('hook.error'), cell: w => w.last_error ?? '', wide: true },
          { name: '', cell: w => <span class="acts">
            {runs && <Act does={act(w, 'test', t('hook.test'))}>{t('hook.test')}</Act>}
            {runs && (w.state === 'paused' ? <Act does={act(w, 'resume', t('hook.resume'))}>{t('hook.resume')}</Act> : <Act does={act(w, 'pause', t('hook.pause'))}>{t('hook.pause')}</Act>)}
            {runs && w.dead_letters > 0 && <Act does={act(w, 'replay', t('hook.replay'))}>{t('hook.replay')}</Act>}
            {owns && <Act kind="danger" does={act(w, 'remove', t('hook.remove'))}>{t('hook.remove')}</Act>}</span> }]} />)}</Await>
    </Section>
  );
}
