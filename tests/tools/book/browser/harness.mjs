// One browser, one list of checks: what the checks of the book and of the workbook share.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

export const THEMES = ['light', 'rust', 'coal', 'navy', 'ayu'];
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'lab-book-check-'));
const browser = await chromium.launchPersistentContext(profile, { executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS, headless: true });
const complaints = [], strangers = [];
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let passed = 0, failed = 0;

export async function check(name, work) {
  try {
    await work();
    passed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.message || error).split('\n').slice(0, 12).join('\n        ')}`);
  }
}

export function must(truth, message) {
  if (!truth) throw new Error(message);
}

// A page of its own context, so that themes, media and scripts do not leak from one check to the next.
export async function open(url, options = {}) {
  const context = await browser.browser().newContext({ viewport: { width: 1180, height: 900 }, ...options });
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && complaints.push(`${url}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`${url}: ${error.message}`));
  page.on('request', (request) => {
    const to = new URL(request.url());
    const home = ['file:', 'data:', 'blob:'].includes(to.protocol) || ['127.0.0.1', 'localhost'].includes(to.hostname);
    if (!home) strangers.push(`${url} asks ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

export const done = (page) => page.context().close();

// Reports what axe finds against WCAG 2.2 A and AA, theme by theme.
export async function accessible(page, themes) {
  await page.addStyleTag({ content: '*, *::before { transition: none !important; animation: none !important }' });
  await page.evaluate(axe);
  for (const theme of themes) {
    const found = await page.evaluate(async ([wanted, all, tags]) => {
      document.documentElement.classList.remove(...all);
      document.documentElement.classList.add(wanted);
      // As mdBook does when the theme is chosen.
      const sheet = (name, on) => (document.getElementById(`mdbook-${name}-css`).disabled = !on);
      sheet('ayu-highlight', wanted === 'ayu');
      sheet('tomorrow-night', wanted === 'coal' || wanted === 'navy');
      sheet('highlight', wanted === 'light' || wanted === 'rust');
      const report = await axe.run({ runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'], preload: false });
      return report.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 110)} ${JSON.stringify(node.any[0]?.data ?? '').slice(0, 160)}`));
    }, [theme, THEMES, WCAG]);
    must(!found.length, `${theme}:\n${found.join('\n')}`);
  }
}

// The two checks that every page takes part in, and the exit code.
export async function finish() {
  await check('no page asks another host', async () => must(!strangers.length, strangers.join('\n')));
  await check('no page complains on the console', async () => must(!complaints.length, complaints.join('\n')));
  await browser.close();
  fs.rmSync(profile, { recursive: true, force: true });
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
