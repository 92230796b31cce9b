// The console: who is signed in, where they are, and the frame around each page.
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import './console.css';
import { ask, get, session } from './api';
import { Cases, Held, OneCase } from './cases';
import { DialogHost } from './dialog';
import { language, t } from './i18n';
import type { Key } from './i18n/en';
import { isLive } from './live';
import { Mail } from './mail';
import { Account, Audit, LanguageChoice, Policy, SignIn } from './pages';
import { coloursChanged } from './plot';
import { Search } from './search';
import { signal, useSignal } from './store';
import { Tenant, Tenants } from './tenant';
import { Today } from './today';

type Theme = 'auto' | 'light' | 'dark';
const theme = signal<Theme>((localStorage.getItem('theme') as Theme) ?? 'auto');
const dress = () => { document.documentElement.dataset.theme = theme.value; coloursChanged(); };
dress();

const decoded = (text: string) => { try { return decodeURIComponent(text); } catch { return text; } };
function usePlace(): string[] {
  const read = () => location.hash.replace(/^#\/?/, '').split('/').map(decoded);
  const [place, set] = useState(read);
  useEffect(() => {
    const moved = () => { set(read()); scrollTo(0, 0); requestAnimationFrame(() => document.querySelector('h1')?.focus()); };
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return place;
}

const staffPages: [string, Key][] = [['today', 'nav.today'], ['cases', 'nav.cases'], ['held', 'nav.held'], ['tenants', 'nav.tenants'], ['search', 'nav.search'], ['policy', 'nav.policy'], ['audit', 'nav.audit'], ['account', 'nav.account']];
const tenantPages: [string, Key][] = [['tenant', 'nav.standing'], ['held', 'nav.held'], ['search', 'nav.search'], ['audit', 'nav.audit'], ['account', 'nav.account']];
const under: Record<string, string> = { case: 'cases', mail: 'held', tenant: 'tenants' };

function View(p: { place: string[] }) {
  const [page, what] = p.place;
  const mine = session.value!.tenant;
  if (page === 'account') return <Account />;
  if (page === 'mail' && what) return <Mail key={what} message={what} />;
  if (page === 'search') return <Search />;
  if (mine) return page === 'held' ? <Held tenant={mine} /> : page === 'audit' ? <Audit tenant={mine} /> : <Tenant name={mine} />;
  switch (page) {
    case 'cases': return <Cases />;
    case 'case': return <OneCase key={what} number={what ?? ''} />;
    case 'held': return <Held />;
    case 'tenants': return <Tenants />;
    case 'tenant': return <Tenant key={what} name={what ?? ''} />;
    case 'policy': return <Policy />;
    case 'audit': return <Audit key={what} tenant={what} />;
    default: return <Today />;
  }
}

function Frame() {
  const place = usePlace();
  const live = useSignal(isLive);
  const colours = useSignal(theme);
  const s = useSignal(session)!;
  const pages = s.tenant ? tenantPages : staffPages;
  const here = s.tenant && place[0] !== 'held' && !pages.some(([p]) => p === place[0]) ? 'tenant' : pages.some(([p]) => p === place[0]) ? place[0] : under[place[0] ?? ''] ?? pages[0]![0];
  const out = () => ask('DELETE', '/v1/session').finally(() => { session.value = null; location.hash = ''; });
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={e => { e.preventDefault(); document.querySelector<HTMLElement>('h1')?.focus(); }}>{t('skip')}</a>
      <div class="side"><div class="side-in">
        <p class="brand"><img src="icon.svg" alt="" width={22} height={22} /> Consentry</p>
        <nav aria-label={t('nav.label')}><ul>{pages.map(([page, name]) => <li><a href={`#/${page}`} aria-current={here === page ? 'page' : undefined}>{t(name)}</a></li>)}</ul></nav>
        <div class="who">
          <p><span class={live ? 'dot on' : 'dot'} aria-hidden="true" /> {t(live ? 'live.on' : 'live.off')}</p>
          <p class="me">{s.name} <span class="note">{s.tenant ?? s.role}</span></p>
          <LanguageChoice />
          <label class="inline">{t('theme')}<select name="theme" value={colours} onChange={e => { theme.value = (e.target as HTMLSelectElement).value as Theme; localStorage.setItem('theme', theme.value); dress(); }}>
            <option value="auto">{t('theme.auto')}</option><option value="light">{t('theme.light')}</option><option value="dark">{t('theme.dark')}</option></select></label>
          <button type="button" onClick={out}>{t('signout')}</button>
        </div>
      </div></div>
      <main id="main"><View place={place} /></main>
    </div>
  );
}

function App() {
  const who = useSignal(session);
  const speaks = useSignal(language);
  return <>{who ? <Frame key={speaks} /> : <SignIn key={speaks} />}<DialogHost /></>;
}

// A session that stands is taken up; else one signs in.
get('/v1/session').then(s => { session.value = s; }, () => {}).finally(() => render(<App />, document.getElementById('app')!));
