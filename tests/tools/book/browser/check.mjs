// What a browser sees of the book. Builds nothing: ./run.sh builds and serves, then calls this.
//
//   node check.mjs --fixture BUILT --book BUILT --stock BUILT --url URL --site FOLDER
//
// --fixture: the small book with every kind of figure; --book: the real one; --stock: the real one by the stock mdbook;
// --url: the fixture, served; --site: the folder of the served book, its results and its traces.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { THEMES, accessible, check, done, finish, must, open } from './harness.mjs';

const given = {};
for (let i = 2; i < process.argv.length; i += 2) given[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
const pageOf = (folder, name) => pathToFileURL(path.resolve(folder, name)).href;
const pagesOf = (folder) => fs.readdirSync(folder, { recursive: true }).map(String).filter((name) => name.endsWith('.html') && !['404.html', 'toc.html', 'print.html', 'index.html'].includes(name)).sort();
const figuresIn = (folder, name) => /<(trace-player|lab-chart|lab-quiz)/.test(fs.readFileSync(path.join(folder, name), 'utf8'));
const at = (page) => page.locator('.tp-when').first().textContent().then((text) => parseInt(text.match(/\d+/)[0], 10));
const figures = pageOf(given.fixture, 'lock/1-figures.html');
const charts = pageOf(given.fixture, 'lock/2-charts.html');

async function accessibility() {
  for (const [label, folder] of [['fixture', given.fixture], ['book', given.book]]) {
    if (!folder) continue;
    const pages = pagesOf(folder), plain = pages.filter((name) => !figuresIn(folder, name));
    for (const name of pages.filter((name) => figuresIn(folder, name))) {
      await check(`axe: ${label} ${name} in five themes`, async () => {
        const page = await open(pageOf(folder, name));
        await page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));
        await accessible(page, THEMES);
        await done(page);
      });
    }
    await check(`axe: ${label}, ${plain.length} pages without figures, two themes each`, async () => {
      const page = await open(pageOf(folder, plain[0]));
      for (const [i, name] of plain.entries()) {
        await page.goto(pageOf(folder, name));
        await accessible(page, [THEMES[i % 5], THEMES[(i + 2) % 5]]).catch((error) => { throw new Error(`${name}: ${error.message}`); });
      }
      await done(page);
    });
  }
  await check('axe: the search, the list of themes and the hidden sidebar in five themes', async () => {
    const page = await open(pageOf(given.fixture, 'lock/3-prose.html'));
    await page.keyboard.press('/');
    await page.locator('#mdbook-searchbar').pressSequentially('figures');
    await page.locator('#mdbook-searchresults li').first().waitFor();
    await page.locator('#mdbook-theme-toggle').click();
    await accessible(page, THEMES);
    await page.locator('#mdbook-sidebar-toggle').focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => !document.documentElement.classList.contains('sidebar-visible'));
    await accessible(page, ['light', 'coal']);
    await done(page);
  });
}

async function player() {
  const page = await open(figures);
  const stays = () => must(page.url().startsWith(figures), `the page turned to ${page.url()}`);
  const press = async (target, key) => {
    await target.focus();
    await page.keyboard.press(key);
    stays();
  };
  const stage = page.locator('.tp-scroll').first(), slider = page.locator('.tp-controls input').first();
  await check('player: opens on the violation, with its invariant and sentence', async () => {
    must((await page.locator('.tp-broken').first().textContent()).startsWith('D-I2 Fencing is broken'), 'no violation');
    must(await page.locator('.tp-flag:not(.tp-future)').first().isVisible(), 'no flag in the diagram');
  });
  await check('player: keys step and do not turn the page', async () => {
    const last = await at(page);
    await press(stage, 'ArrowLeft');
    must((await at(page)) === last - 1, 'ArrowLeft does not step back');
    await press(slider, 'Home');
    must((await at(page)) === 1, 'Home does not go to the first event');
    for (let i = 0; i < 6; i++) await press(slider, 'ArrowRight');
    must((await at(page)) === 7, 'ArrowRight does not step on');
    await press(page.locator('.tp-controls button').first(), 'ArrowRight');
    must((await at(page)) === 8, 'ArrowRight on a button does not step on');
    await press(page.locator('.tp-controls select').first(), 'ArrowRight');
    await press(slider, 'End');
    must((await at(page)) === last, 'End does not go to the last event');
  });
  await check('player: a step tells its sentence and marks what changed', async () => {
    await press(slider, 'Home');
    for (let i = 0; i < 6; i++) await press(slider, 'ArrowRight');
    must((await page.locator('.tp-said').first().textContent()) === 'Lock service receives “acquire” from client 1.', 'another sentence');
    must((await page.locator('.tp-nodes').first().locator('.tp-changed').count()) === 2, 'two fields changed');
    must((await page.locator('.tp-changed').first().textContent()).includes('was'), 'no word of what it was');
    must((await page.locator('[aria-live=polite] .tp-said').count()) >= 1, 'the sentence is not announced');
    must((await slider.getAttribute('aria-valuetext')).includes('Lock service receives'), 'the slider does not say it');
    must((await page.locator('.tp-list li.tp-now').first().textContent()).includes('52.000 ms'), 'the list does not show it');
  });
  await check('player: play, pause and speed', async () => {
    await page.locator('[data-do=first]').first().click();
    await page.locator('.tp-controls select').first().selectOption('4');
    await page.locator('[data-do=play]').first().click();
    await page.waitForFunction(() => parseInt(document.querySelector('.tp-when').textContent.match(/\d+/)[0], 10) > 8);
    await page.locator('[data-do=play]').first().click();
    const here = await at(page);
    await page.waitForTimeout(250);
    must((await at(page)) === here, 'pause does not hold');
    await press(stage, ' ');
    await page.waitForFunction((from) => parseInt(document.querySelector('.tp-when').textContent.match(/\d+/)[0], 10) > from, here);
    await press(stage, ' ');
  });
  await check('player: a click in the diagram goes to that moment', async () => {
    const box = await stage.boundingBox();
    await page.mouse.click(box.x + box.width * 0.3, box.y + 90);
    const early = await at(page);
    await page.mouse.move(box.x + box.width * 0.3, box.y + 90);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + 90, { steps: 5 });
    await page.mouse.up();
    must((await at(page)) > early + 3, 'dragging does not scrub');
    const width = await page.locator('clipPath rect').first().getAttribute('width');
    must(+width > 100, 'the drawing does not follow');
  });
  await check('player: requests, replies, losses and refusals differ in shape', async () => {
    const heads = await page.evaluate(() => ['request', 'reply', 'refusal', 'lost', 'gossip'].map((name) => document.querySelector(`.tp-done .tp-${name}`)?.lastElementChild.outerHTML.replace(/[\d.-]+/g, '0')));
    must(new Set(heads).size === 5 && heads.every(Boolean), heads.join('\n'));
  });
  await check('player: two runs are tabs', async () => {
    const tabs = page.locator('[role=tab]');
    await tabs.first().focus();
    await page.keyboard.press('ArrowRight');
    stays();
    must((await tabs.nth(1).getAttribute('aria-selected')) === 'true', 'ArrowRight does not choose');
    must(!(await page.locator('.trace').first().isVisible()) && (await page.locator('.trace').nth(1).isVisible()), 'the panel does not change');
    must((await page.locator('.trace').nth(1).locator('.tp-broken:visible').count()) === 0, 'the run without the bug shows a violation');
    must((await page.locator('.trace').nth(1).locator('svg .tp-refusal').count()) > 0, 'no refusal is drawn');
    await tabs.first().click();
  });
  await check('player: with the focus elsewhere the arrows still turn the page', async () => {
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press('ArrowRight');
    await page.waitForURL((url) => !url.href.startsWith(figures));
  });
  await done(page);
  await check('player: reduced motion steps from event to event', async () => {
    const calm = await open(figures, { reducedMotion: 'reduce' });
    await calm.locator('[data-do=first]').first().click();
    await calm.locator('.tp-controls select').first().selectOption('4');
    await calm.locator('[data-do=play]').first().click();
    await calm.waitForFunction(() => parseInt(document.querySelector('.tp-when').textContent.match(/\d+/)[0], 10) > 2);
    await done(calm);
  });
}

async function chartsAndQuestions() {
  const page = await open(charts);
  await check('chart: line and bars with title, description and numbers', async () => {
    must((await page.locator('lab-chart svg[role=img] title').count()) === 2, 'no titles');
    must((await page.locator('lab-chart desc').first().textContent()).includes('0.5 5.98'), 'no description');
    must((await page.locator('lab-chart .lc-dot').count()) >= 10 && (await page.locator('lab-chart .lc-barre').count()) === 4, 'marks are missing');
    must((await page.locator('lab-chart details table').count()) === 2, 'no numbers');
  });
  await check('quiz: a choice says whether it is right; arrows choose and do not turn the page', async () => {
    const options = page.locator('lab-quiz input[type=radio]');
    must(!(await page.locator('lab-quiz details').isVisible()), 'the answer is open before the choice');
    await options.first().focus();
    await page.keyboard.press('Space');
    must((await page.locator('.lq-says').textContent()).includes('Not this one'), 'a wrong choice passes');
    await page.keyboard.press('ArrowDown');
    must((await page.locator('.lq-says').textContent()).includes('Right'), 'the right choice does not pass');
    must(await page.getByText('nothing bounds the time').isVisible(), 'no explanation');
    await page.keyboard.press('ArrowRight');
    must(page.url() === charts, 'the page turned');
  });
  await done(page);
}

async function otherWays() {
  await check('no JavaScript: lists, tables and answers stand in the page', async () => {
    const page = await open(figures, { javaScriptEnabled: false });
    must((await page.locator('.trace-events > li:visible').count()) > 100, 'the lists are hidden');
    must((await page.locator('.trace-violation:visible').count()) === 2, 'the violations are hidden');
    await page.goto(charts);
    must((await page.locator('table:visible').count()) === 2 && (await page.locator('lab-quiz li:visible').count()) === 3, 'table or options are hidden');
    await page.locator('lab-quiz summary').click();
    must(await page.getByText('nothing bounds the time').isVisible(), 'the answer does not unfold');
    await done(page);
  });
  await check('print: the whole run drawn and told, both tabs, no buttons', async () => {
    const page = await open(figures);
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    must((await page.locator('.tp-controls:visible').count()) === 0, 'buttons are printed');
    must((await page.locator('.trace:visible').count()) === 3, 'a tab is not printed');
    must((await page.locator('.trace-events > li:visible').count()) > 100, 'the lists are not printed');
    must((await page.locator('.tp-ghost').first().evaluate((el) => getComputedStyle(el).opacity)) === '1', 'the future is pale');
    must((await page.pdf()).length > 20000, 'no PDF');
    await done(page);
  });
  for (const [label, folder] of [['fixture', given.fixture], ['book', given.book]]) {
    if (!folder) continue;
    await check(`360 px: no page of the ${label} scrolls sideways`, async () => {
      const page = await open(pageOf(folder, 'index.html'), { viewport: { width: 360, height: 740 } });
      for (const name of pagesOf(folder)) {
        await page.goto(pageOf(folder, name));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        must(wide <= 360, `${name} is ${wide} px wide`);
      }
      await done(page);
    });
  }
  if (given.book) {
    await check('file://: every figure of the book comes to life', async () => {
      const page = await open(pageOf(given.book, 'index.html'));
      for (const name of pagesOf(given.book).filter((name) => figuresIn(given.book, name))) {
        await page.goto(pageOf(given.book, name));
        const dead = await page.evaluate(() => [...document.querySelectorAll('trace-player, lab-chart, lab-quiz')].filter((el) => el.dataset.ready !== 'yes').map((el) => el.outerHTML.slice(0, 120)));
        must(!dead.length, `${name}: ${dead.join('\n')}`);
      }
      await done(page);
    });
  }
}

const ask = (url, options, body) => new Promise((resolve, reject) => {
  const request = http.request(url, options, (answer) => {
    let text = '';
    answer.on('data', (piece) => (text += piece));
    answer.on('end', () => resolve({ status: answer.statusCode, text }));
  });
  request.on('error', reject);
  request.end(body);
});

async function served() {
  const { url, site } = given, stage = new URL('lock/1-figures.html', url).href;
  const write = (name, text) => {
    const to = path.join(site, name);
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.writeFileSync(`${to}.new`, text);
    fs.renameSync(`${to}.new`, to);
  };
  const test = (name, verdict, message = null) => ({ name, invariant: 'D-I1', points: verdict === 'passed' ? 3 : 0, max: 3, verdict, seed: null, replay: null, seconds: 0.1, message });
  const report = (...tests) => JSON.stringify({ current: { lab: 'lock', stage: 1 }, labs: [{ lab: 'lock', points: 3, max: 90, stages: [{ stage: 1, title: 'The lock table', points: 3, max: 15, hints_used: 1, tests }] }] });
  const page = await open(stage);
  await check('served: test results appear in the open page, and change', async () => {
    write('.lab/results.json', report(test('a_free_lock_is_granted', 'passed'), test('an_owner_releases', 'failed', 'D-I3 <Ownership>: B freed A')));
    const strip = page.locator('.lab-strip');
    await strip.getByText('1 passed, 1 failed').waitFor({ timeout: 5000 });
    await strip.locator('summary').click();
    must(await strip.getByText('D-I3 <Ownership>: B freed A').isVisible(), 'no message');
    write('.lab/results.json', report(test('a_free_lock_is_granted', 'passed'), test('an_owner_releases', 'passed')));
    await strip.getByText('2 passed').waitFor({ timeout: 5000 });
  });
  await check('served: the hints of a finished stage are free, and one press shows them', async () => {
    const button = page.getByRole('button', { name: 'All hints (free now)' });
    await button.waitFor({ timeout: 5000 });
    await button.click();
    await page.getByText('compare inside the server’s step').waitFor({ timeout: 5000 });
  });
  await check('served: a hint is asked twice when it costs, and shown', async () => {
    write('.lab/results.json', report(test('a_free_lock_is_granted', 'passed'), test('an_owner_releases', 'failed')));
    await page.getByRole('button', { name: 'Next hint' }).click();
    must((await page.locator('.ls-hint button').textContent()).includes('90 %'), 'no price');
    await page.locator('.ls-hint button').click();
    await page.getByText('compare inside the server’s step').waitFor({ timeout: 5000 });
  });
  await check('served: axe with results open, five themes', () => accessible(page, THEMES));
  await check('served: a changed page loads again by itself', async () => {
    const source = path.join(site, 'book/src/lock/1-figures.md');
    fs.appendFileSync(source, '\nAdded while you read.\n');
    await page.getByText('Added while you read.').waitFor({ timeout: 8000 });
  });
  await check('served: a page that cannot be built says why', async () => {
    const source = path.join(site, 'book/src/lock/1-figures.md'), good = fs.readFileSync(source, 'utf8');
    fs.writeFileSync(source, `${good}\n{{#include nowhere.md}}\n`);
    await page.getByText('mdBook found no file for').waitFor({ timeout: 8000 });
    fs.writeFileSync(source, good);
    await page.locator('.lab-problem').waitFor({ state: 'detached', timeout: 8000 });
  });
  await done(page);
  await check('served: a new trace appears on the replay page', async () => {
    const replay = await open(new URL('replay.html', url).href);
    must(await replay.getByText('No failure is recorded yet').isVisible(), 'no word for an empty page');
    write('.lab/traces/last.json', fs.readFileSync(path.join(site, 'book/src/assets/traces/lock/paused-bug.json')));
    await replay.locator('trace-player[data-ready=yes]').waitFor({ timeout: 5000 });
    await accessible(replay, ['light', 'coal']);
    await done(replay);
  });
  await check('served: a foreign Host, a foreign Origin and a way out are refused', async () => {
    const foreign = await ask(url, { headers: { Host: 'book.example' } });
    must(foreign.status === 421 && foreign.text.includes('127.0.0.1'), `Host: ${foreign.status}`);
    const post = { method: 'POST', headers: { Origin: 'http://book.example' } };
    must((await ask(new URL('.lab/hint', url), post, '{}')).status === 403, 'Origin');
    const out = await ask(url, { path: '/..%2f..%2fetc/passwd' });
    must(out.status === 404, `path: ${out.status}`);
  });
}

// Ours without the data that it adds must be the stock book, byte for byte.
async function stock() {
  // The search index is the same too, but its keys are sorted otherwise, and its name is a hash of its bytes.
  const bare = (html) => html.replace(/<script type="application\/json">[^<]*<\/script>/g, '').replace(/searchindex-[0-9a-f]+/, 'searchindex');
  const pages = [...pagesOf(given.stock), 'index.html', 'print.html'];
  await check(`stock: the ${pages.length} pages of the stock mdbook have the same text`, async () => {
    must(pages.length > 10, 'too few pages');
    for (const name of pages) {
      const ours = bare(fs.readFileSync(path.join(given.book, name), 'utf8'));
      must(ours === bare(fs.readFileSync(path.join(given.stock, name), 'utf8')), `${name} differs`);
    }
  });
}

await accessibility();
await player();
await chartsAndQuestions();
await otherWays();
if (given.stock && given.book) await stock();
if (given.url) await served();
await finish();
