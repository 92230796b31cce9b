// A mail's HTML as it may be looked at: rebuilt from a short list of elements without any attribute, in a frame without scripts,
// under the page's own policy. Nothing is loaded, nothing leads away; where links led stands behind them.
import { t } from './i18n';

const kept = new Set(['P', 'BR', 'DIV', 'SPAN', 'B', 'STRONG', 'I', 'EM', 'U', 'S', 'UL', 'OL', 'LI', 'H1', 'H2', 'H3', 'H4', 'H5', 'H6', 'TABLE', 'THEAD',
  'TBODY', 'TFOOT', 'TR', 'TD', 'TH', 'BLOCKQUOTE', 'PRE', 'CODE', 'HR', 'CENTER', 'SMALL', 'SUB', 'SUP', 'CAPTION', 'DL', 'DT', 'DD']);
const dropped = new Set(['SCRIPT', 'STYLE', 'HEAD', 'TITLE', 'META', 'LINK', 'TEMPLATE', 'NOSCRIPT', 'OBJECT', 'EMBED', 'SVG', 'MATH', 'IFRAME', 'AUDIO', 'VIDEO']);
const nodesMax = 20_000;

function marked(text: string, passages: string[], into: Node, page: Document) {
  let rest = text;
  while (rest) {
    let at = -1, found = '';
    for (const p of passages) {
      const here = rest.indexOf(p);
      if (here >= 0 && (at < 0 || here < at || (here === at && p.length > found.length))) { at = here; found = p; }
    }
    if (at < 0) break;
    into.appendChild(page.createTextNode(rest.slice(0, at)));
    const mark = page.createElement('mark');
    mark.textContent = found;
    into.appendChild(mark);
    rest = rest.slice(at + found.length);
  }
  if (rest) into.appendChild(page.createTextNode(rest));
}

function rebuild(from: Node, into: Node, page: Document, passages: string[], left: { nodes: number }) {
  for (const child of Array.from(from.childNodes)) {
    if (left.nodes-- <= 0) return;
    if (child.nodeType === Node.TEXT_NODE) { marked(child.textContent ?? '', passages, into, page); continue; }
    if (!(child instanceof Element)) continue;
    const name = child.tagName.toUpperCase();
    if (dropped.has(name)) continue;
    if (name === 'IMG') { into.appendChild(page.createTextNode(`[${child.getAttribute('alt') || '▢'}]`)); continue; }
    const target = kept.has(name) ? page.createElement(name.toLowerCase()) : name === 'A' ? page.createElement('u') : page.createElement('span');
    into.appendChild(target);
    rebuild(child, target, page, passages, left);
    const href = name === 'A' ? child.getAttribute('href') : null;
    if (href) { const where = page.createElement('small'); where.textContent = ` ⟨${href.slice(0, 200)}⟩`; into.appendChild(where); }
  }
}

// The one place where text becomes HTML: what comes in is parsed and never shown, what goes out was built above.
const policy = window.trustedTypes?.createPolicy('preview', { createHTML: (s: string) => s });
const trusted = (s: string): string => (policy ? policy.createHTML(s) as unknown as string : s);

/** Styles fall away in any case; taken off before parsing, since the policy would report each one. */
const unstyled = (html: string) =>
  html.replace(/<[a-z][^>]*>/gi, tag => tag.replace(/\b(style|on\w+|srcset|background)(\s*=)/gi, 'data-x$2')).replace(/<(\/?)style\b/gi, '<$1template');

export function safeHtml(html: string, passages: string[]): string {
  const source = new DOMParser().parseFromString(trusted(unstyled(html)), 'text/html');
  const page = document.implementation.createHTMLDocument('');
  rebuild(source.body, page.body, page, passages.filter(p => p.trim().length > 1), { nodes: nodesMax });
  return `<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light"><link rel="stylesheet" href="${document.querySelector<HTMLLinkElement>('link[rel=stylesheet]')!.href}"></head><body class="preview">${page.body.innerHTML}</body></html>`;
}

export function HtmlPreview(p: { html: string; passages: string[] }) {
  return <iframe class="preview" sandbox="" title={t('mail.preview')} tabIndex={0} srcdoc={trusted(safeHtml(p.html, p.passages))} />;
}

export function TextPreview(p: { text: string; passages: string[] }) {
  const pieces: (string | { mark: string })[] = [];
  let rest = p.text;
  const passages = p.passages.filter(x => x.trim().length > 1);
  for (let n = 0; rest && n < 2000; ++n) {
    let at = -1, found = '';
    for (const x of passages) { const here = rest.indexOf(x); if (here >= 0 && (at < 0 || here < at)) { at = here; found = x; } }
    if (at < 0) break;
    pieces.push(rest.slice(0, at), { mark: found });
    rest = rest.slice(at + found.length);
  }
  pieces.push(rest);
  return <pre class="mail" tabIndex={0}>{pieces.map(x => (typeof x === 'string' ? x : <mark>{x.mark}</mark>))}</pre>;
}
