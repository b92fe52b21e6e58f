// What a learner sees of `cargo lab`: the terminal's lines, and the open page while files are saved.
//
//   node workbook.mjs --clone FOLDER
//
// FOLDER is a clone of the workbook that nobody has worked in. CARGO_TARGET_DIR is not the one of another clone.
// Nothing sleeps: each step waits for what it brings about.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { check, done, finish, must, open } from './harness.mjs';

const clone = process.argv[process.argv.indexOf('--clone') + 1];
const BUILD = 600_000, RUN = 120_000; // ms that a busy machine may take
const file = (name) => path.join(clone, name);
const read = (name) => fs.readFileSync(file(name), 'utf8');
const started = Date.now(), seconds = (since = started) => ((Date.now() - since) / 1000).toFixed(1);
const children = [];
process.on('exit', () => children.forEach((child) => child.exitCode === null && child.signalCode === null && kill(child, 'SIGKILL')));

function kill(child, signal) {
  try { process.kill(-child.pid, signal); } catch { /* it has ended */ }
}

// `cargo lab WORDS` in the clone; `until` resolves with the line that matches.
function lab(...words) {
  const child = spawn('cargo', ['lab', '--plain', ...words], { cwd: clone, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines = [], waiting = [];
  let ended = false;
  const look = () => waiting.slice().forEach((one) => {
    const line = lines.find((text) => one.pattern.test(text));
    if (line === undefined && !ended) return;
    waiting.splice(waiting.indexOf(one), 1);
    clearTimeout(one.timer);
    line === undefined ? one.reject(new Error(`cargo lab ${words.join(' ')} ended without ${one.pattern}:\n${lines.slice(-8).join('\n')}`)) : one.resolve(line);
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text) => {
      const pieces = (rest + text).split('\n');
      rest = pieces.pop();
      lines.push(...pieces);
      look();
    });
  }
  const exit = new Promise((resolve) => child.on('close', (code) => { ended = true; look(); resolve(code); }));
  const until = (pattern, limit) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${pattern} after ${limit / 1000} s:\n${lines.slice(-8).join('\n')}`)), limit);
    waiting.push({ pattern, resolve, reject, timer });
    look();
  });
  return { child, exit, until };
}

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const answers = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('connect', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false));
});

const port = await freePort();
const home = lab('--port', port, '--no-open');
let address = null, page = null;

await check('cargo lab: the first screen says where you are', async () => {
  await home.until(/^Distributed systems patterns · 0 of \d+ stages done/, BUILD);
  await home.until(/^ {2}stage {5}lock 1: /, RUN);
  console.log(`        first screen after ${seconds()} s`);
});
await check('cargo lab: the untouched stage is tested, and nothing passes', async () => {
  must(/ tests: \d+ to do$/.test(await home.until(/^ {2}lock 1 /, BUILD)), 'not all to do');
  console.log(`        first verdicts after ${seconds()} s`);
});
await check('cargo lab: the book is built beside the tests and served where it was asked to', async () => {
  const line = await home.until(/^ {2}book {6}http:/, BUILD);
  console.log(`        book after ${seconds()} s`);
  [address] = line.match(/http:\S+/);
  must(address.startsWith(`http://127.0.0.1:${port}/lock/1-`), address);
  page = await open(address);
});

const strip = () => page.locator('.lab-strip [role=status]');
const shows = (text, limit = RUN) => strip().getByText(text).waitFor({ timeout: limit });
const save = (name, text) => fs.writeFileSync(file(name), text);

await check('page: the results of the run before it was opened', () => shows(/^The lock table: \d+ to do/));
await check('page: a saved task passes its tests, without a reload', async () => {
  await page.evaluate(() => (window.sameDocument = true));
  const since = Date.now();
  save('labs/lock/src/table.rs', read('solutions/lock/src/table.rs'));
  await shows(/^The lock table: \d+ passed, \d+ to do/);
  console.log(`        from the save to the page: ${seconds(since)} s`);
  must(await page.evaluate(() => window.sameDocument), 'the page was loaded again');
});
await check('page: the first hint is free, the second one asks first, and both are counted', async () => {
  await page.locator('.lab-strip > summary').click();
  const counted = () => JSON.parse(read('.lab/progress.json')).labs.lock['1'].hints_used;
  const says = page.locator('.ls-hint [aria-live] p'), button = page.locator('.ls-hint button');
  await button.click();
  await says.waitFor({ timeout: RUN });
  const first = await says.textContent();
  must(counted() === 1, `${counted()} hints counted`);
  await button.click();
  must((await button.textContent()).includes('90 %'), 'no price');
  must(counted() === 1, 'counted before it was confirmed');
  await button.click();
  await page.waitForFunction((old) => { const p = document.querySelector('.ls-hint [aria-live] p'); return p && p.textContent !== old; }, first, { timeout: RUN });
  must(counted() === 2, `${counted()} hints counted`);
});
await check('page: a bug is FAILED, with its invariant', async () => {
  save('labs/lock/src/client.rs', read('solutions/lock/src/client.rs'));
  const diff = read('tests/graded/lock/bugs/D1.md').match(/```diff\n([\s\S]*?)```/)[1];
  execFileSync('git', ['apply', '--whitespace=nowarn', '-'], { cwd: clone, input: diff.replaceAll('solutions/lock', 'labs/lock') });
  await shows(/^The lock table: \d+ passed, \d+ failed/);
  must(await page.locator('.ls-failed').first().getByText('D-I3').isVisible(), 'no invariant');
});
await check('cargo lab replay --open: the failure in the player of the book that is open', async () => {
  const replay = lab('replay', '--open', '--no-open');
  const [url] = (await replay.until(/player {4}http:/, RUN)).match(/http:\S+/);
  must((await replay.exit) === 1, 'a failure that is still there ends with 1');
  must(url === new URL('/replay.html', address).href, url);
  const shown = await open(url);
  await shown.locator('trace-player[data-ready=yes]').waitFor({ timeout: RUN });
  must((await shown.locator('.tp-broken').first().textContent()).startsWith('D-I3 '), 'another violation');
  await done(shown);
});
await check('page: mended, the stage is green, and its hints are free', async () => {
  save('labs/lock/src/client.rs', read('solutions/lock/src/client.rs'));
  await shows(/^✓ The lock table: \d+ passed/);
  await home.until(/lock 1 is done/, RUN);
  await page.locator('.ls-hint button').getByText('free now').waitFor({ timeout: RUN });
});
if (page) await done(page);
await check('cargo lab: stopped, it leaves no server', async () => {
  kill(home.child, 'SIGINT');
  await home.exit;
  while (await answers(port)) { /* until the last socket is closed */ }
});
console.log(`        everything: ${seconds()} s`);
await finish();
