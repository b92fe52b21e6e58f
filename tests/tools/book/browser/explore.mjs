// What a browser sees of the page of `cargo lab explore`. Builds nothing: ./explore.sh builds and serves, then calls this.
//
//   node explore.mjs --url URL --copy FOLDER
//
// --url: the book of a workbook whose learner has finished the lock lab, served; --copy: that workbook's folder.
import fs from 'node:fs';
import path from 'node:path';
import { THEMES, accessible, check, done, finish, must, open as visit } from './harness.mjs';

// A click may wait for a build on a busy machine.
const PATIENCE = { timeout: 300_000 };
const given = {};
for (let i = 2; i < process.argv.length; i += 2) given[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];

async function open(fragment = '', options = {}) {
  const page = await visit(new URL(`explore-lock.html${fragment}`, given.url).href, options);
  await page.locator('lab-explore[data-steps]').waitFor(PATIENCE);
  return page;
}

const at = (page) => page.locator('lab-explore').evaluate((one) => [one.dataset.hash, +one.dataset.steps]);
const steps = (page, n) => page.waitForFunction((n) => document.querySelector('lab-explore').dataset.steps === String(n) && !document.querySelector('lab-explore').hasAttribute('aria-busy'), n, PATIENCE);

// As somebody without a pointer gets there: Tab until the name is reached, then Enter.
async function press(page, name) {
  const label = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent);
  for (let i = 0; i < 250; i++) {
    if ((await label()) === name) return page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
  }
  throw new Error(`no Tab leads to “${name}”`);
}

async function byKeyboard() {
  const page = await open();
  let granted, link;
  await check('a lock is granted by keyboard alone, and what changed is said', async () => {
    await press(page, 'lock job: ask client A');
    await steps(page, 1);
    await press(page, 'Deliver: “set A0 for 1000 ms” from client A to lock server');
    await steps(page, 2);
    const server = await page.locator('.le-node .le-card', { hasText: 'lock server' }).textContent();
    must(/changed, was none/.test(server), `the server's card: ${server}`);
    await press(page, 'Deliver: “granted” from lock server to client A');
    await steps(page, 3);
    const client = await page.locator('.le-node .le-card', { hasText: 'client A' }).first().textContent();
    must(client.includes('changed, was none'), `A's card: ${client}`);
    must((await page.locator('[role=status]').first().textContent()).includes('client A receives “granted” from lock server'), 'the step is not announced');
    must((await page.locator('.le-run .tp-said').textContent()).includes('locked'), 'the player does not show the answer');
    granted = await at(page);
  });
  await check('a message is dropped, and a step back leads to where it was', async () => {
    await press(page, 'lock job: ask client B');
    await steps(page, 4);
    const asked = await at(page);
    await press(page, 'Drop: “set B1 for 1000 ms” from client B to lock server');
    await steps(page, 5);
    must((await page.locator('.le-path li').last().textContent()).startsWith('the network loses “set B1 for 1000 ms”'), 'the path has no words for it');
    must((await at(page))[0] !== asked[0], 'nothing has changed');
    await page.keyboard.press('u');
    await steps(page, 4);
    must((await at(page))[0] === asked[0], 'back is elsewhere');
    await press(page, 'Back to here: after step 3');
    await steps(page, 3);
    must((await at(page))[0] === granted[0], 'back to step 3 is elsewhere');
  });
  await check('the focus stays among the cards after a step', async () => {
    await press(page, 'Let 100 ms pass');
    await steps(page, 4);
    must((await page.evaluate(() => document.activeElement.textContent)) === 'Let 100 ms pass', 'the focus is lost');
    await page.keyboard.press('Enter');
    await steps(page, 5);
    must((await page.locator('[role=status]').first().textContent()).startsWith('200 ms, 5 steps'), 'time does not pass');
  });
  await check('a handler is cut, a node is down, and starts again', async () => {
    await page.locator('.le-fate select').focus();
    await page.keyboard.type('crash before');
    await press(page, 'lock job: ask client B');
    await steps(page, 6);
    const card = page.locator('.le-node .le-card', { hasText: 'client B' });
    must((await card.textContent()).includes('down'), 'B is not down');
    await press(page, 'Restart: client B');
    await steps(page, 7);
    await press(page, 'Cut off: client A');
    await steps(page, 8);
    await press(page, 'unlock job: ask client A');
    await steps(page, 9);
    must((await page.locator('.le-message .le-card').count()) === 0, 'a cut link carries a message');
  });
  await check('the path is saved as a regression', async () => {
    await press(page, 'Save as a regression');
    await page.getByText('Saved as path-1', { exact: false }).first().waitFor(PATIENCE);
    const kept = JSON.parse(fs.readFileSync(path.join(given.copy, '.lab/regressions/lock.json'), 'utf8')).entries;
    must(kept.length === 1 && kept[0].scene === 'plain' && kept[0].steps.length === 9, JSON.stringify(kept));
    link = new URL(page.url()).hash;
  });
  await check('axe: cards, path and player in five themes', () => accessible(page, THEMES));
  await check('the link leads to the same state; the browser’s Back is a step back', async () => {
    const before = await at(page), again = await open(link);
    must((await at(again)).join() === before.join(), 'the link leads elsewhere');
    await again.keyboard.press('Tab');
    await press(again, 'Let 100 ms pass');
    await steps(again, 10);
    await again.goBack();
    await steps(again, 9);
    must((await at(again))[0] === before[0], 'Back leads elsewhere');
    await done(again);
  });
  await done(page);
}

async function starts() {
  await check('a run of the book is taken up, and a violation is shown by name', async () => {
    const page = await open('#from=lock/failover');
    await page.getByText('D-I1 ServiceMutex is broken:').waitFor(PATIENCE);
    must((await page.locator('[data-deed]').count()) === 0, 'there are cards after the violation');
    must((await page.locator('.le-run .tp-broken').textContent()).includes('D-I1'), 'the player does not show it');
    await accessible(page, ['light', 'coal']);
    await page.locator('[data-bar=back]').focus();
    await page.keyboard.press('Enter');
    await page.locator('[data-deed]').first().waitFor(PATIENCE);
    must(!(await page.locator('.le-alert').textContent()), 'the violation stays');
    await done(page);
  });
  await check('a bug page leads here from its run', async () => {
    const page = await open();
    await page.goto(new URL('lock/bugs.html', given.url).href, PATIENCE);
    await page.locator('trace-player a', { hasText: 'Explore this run by hand' }).first().click(PATIENCE);
    await page.locator('lab-explore[data-steps]').waitFor(PATIENCE);
    must((await at(page))[1] > 5, 'the run is not taken up');
    await done(page);
  });
  await check('a step that cannot be taken is said, and what comes before it stands', async () => {
    const page = await open('#scene=plain&step=ask+0%401+Lock&step=fire+1+Nothing');
    must((await at(page))[1] === 1, 'the first step is lost');
    must((await page.locator('.le-notes').textContent()).includes('cannot be taken'), 'no word of it');
    await done(page);
  });
  await check('narrow: nothing sticks out at 360 pixels', async () => {
    const page = await open('#scene=fenced', { viewport: { width: 360, height: 740 } });
    const out = await page.evaluate(() => [...document.querySelectorAll('lab-explore *')].filter((one) => !one.closest('.le-run') && one.getBoundingClientRect().right > 361).map((one) => one.outerHTML.slice(0, 90)));
    must(!out.length, out.join('\n'));
    await done(page);
  });
}

async function wrongCode() {
  const file = path.join(given.copy, 'labs/lock/src/table.rs');
  const good = fs.readFileSync(file, 'utf8'), { atime, mtime } = fs.statSync(file);
  await check('code that does not compile is said, and the way back is another save', async () => {
    const page = await open();
    fs.writeFileSync(file, `${good}\nfn broken( {`);
    await press(page, 'lock job: ask client A');
    await page.getByText('Your code does not compile.').waitFor(PATIENCE);
    must((await page.locator('.le-alert').textContent()).includes('table.rs'), 'no place');
    fs.writeFileSync(file, good);
    fs.utimesSync(file, atime, mtime);
    await page.locator('[data-bar=again]').focus();
    await page.keyboard.press('Enter');
    await page.getByText('1 step. Now: a client asks client A').waitFor(PATIENCE);
    await done(page);
  });
}

await byKeyboard();
await starts();
await wrongCode();
await check('a page of another site is refused', async () => {
  const answer = await fetch(new URL('.lab/explore/lock', given.url), { method: 'POST', headers: { Origin: 'http://book.example' }, body: '{}' });
  must(answer.status === 403, `${answer.status}`);
});
await finish();
