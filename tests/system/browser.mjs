// Chromium by remote control: one JSON command a line on standard input, one JSON answer a line on standard output.
// Argument: the folder for the browser's profile.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const browser = await chromium.launch({
  executablePath: process.env.CONSENTRY_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
         '--disable-sync', '--no-first-run',
         // A site that frames us here is made up, so to Chromium it is public and we are not.
         '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests'],
});
let context, page, refused;

// What a person at the keyboard has before them.
const focused = () => page.evaluate(() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  return { tag: e.tagName.toLowerCase(), id: e.id, name: e.name ?? '', text: (e.innerText ?? '').trim(), checked: e.checked ?? null,
           visible: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 };
});

const commands = {
  // width, javascript, dark, locale
  async open(o) {
    await context?.close();
    context = await browser.newContext({
      viewport: { width: o.width ?? 1024, height: 900 }, javaScriptEnabled: o.javascript ?? true, locale: o.locale ?? 'hu-HU',
      colorScheme: o.dark ? 'dark' : 'light', bypassCSP: o.axe ?? false, ignoreHTTPSErrors: true,
    });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    refused = [];
    page.on('console', m => { if (m.type() === 'error' && !m.text().startsWith('Failed to load resource')) refused.push(m.text()); });
    page.on('pageerror', e => refused.push(String(e)));
    return true;
  },
  async goto(o) { return (await page.goto(o.url, { waitUntil: 'load' })).status(); },
  async press(o) {
    const next = o.leaves ? page.waitForNavigation({ waitUntil: 'load' }) : null;
    await page.keyboard.press(o.key);
    if (!o.leaves) return focused();
    return { status: (await next).status() };
  },
  async type(o) { await page.keyboard.type(o.text); return true; },
  focused,
  async text() { return page.locator('body').innerText(); },
  async html() { return page.content(); },
  async language() { return page.locator('html').getAttribute('lang'); },
  async wide() { return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth); },
  async shot(o) { await page.screenshot({ path: o.file, fullPage: true }); return true; },
  async cookies() { return (await context.cookies()).length; },
  // Serious findings of axe-core, in a few words each.
  async axe() {
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() => axe.run(document));
    return violations.map(v => `${v.impact} ${v.id}: ${v.nodes.map(n => n.target.join(' ')).join(', ')}`);
  },
  // Whether a page of another origin may show this one in a frame.
  async framed(o) {
    const outer = await context.newPage();
    await outer.route(o.origin + '/**', r => r.fulfill({ contentType: 'text/html',
      body: `<!doctype html><title>x</title><iframe src="${o.url}"></iframe>` }));
    await outer.goto(o.origin + '/');
    const inner = outer.frames().find(f => f !== outer.mainFrame());
    const text = await inner.locator('body').innerText().catch(() => '');
    await outer.close();
    return text;
  },
  async refused() { return refused; },
  // -- pages that act by script ----------------------------------------------------------------------
  // selector: as of Playwright: 'role=button[name="Sign in"]', 'text=...', CSS.
  async fill(o) { await page.locator(o.selector).first().fill(o.text); return true; },
  async choose(o) { await page.locator(o.selector).first().selectOption(o.value); return true; },
  async click(o) { await page.locator(o.selector).first().click(); return true; },
  async wait(o) { await page.locator(o.selector).first().waitFor({ state: o.gone ? 'detached' : 'visible' }); return true; },
  // A click that has the browser save a file.
  async download(o) {
    const saved = page.waitForEvent('download');
    await page.locator(o.selector).first().click();
    await (await saved).saveAs(o.file);
    return true;
  },
  async count(o) { return page.locator(o.selector).count(); },
  async focus(o) { await page.locator(o.selector).first().focus(); return focused(); },
  async evaluate(o) { return page.evaluate(o.script); },
  async frame_html(o) { return page.frameLocator(o.selector).locator('html').innerHTML(); },
  async jar() { return context.cookies(); },
  async put_cookie(o) { await context.addCookies([o.cookie]); return true; },
  async requests(o) {
    const asked = [];
    page.on('request', r => asked.push(r.url()));
    await commands[o.during.call](o.during);
    await page.waitForTimeout(o.settle_ms ?? 300);
    return asked;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...rest } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: await commands[call](rest) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
