// What only a served page can do: load again when it was changed, show test results, ask for a hint.
'use strict';
(() => {
  const SCENES = []; // the server fills it in
  const WORDS = { passed: 'ok', failed: 'FAILED', todo: 'to do', panicked: 'PANICKED', early_exit: 'EXITED EARLY', crashed: 'CRASHED', timeout: 'TOO SLOW', resource: 'OVER LIMIT', not_built: 'NOT BUILT', unknown: 'UNDECIDED' };
  const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
  const chapter = location.pathname.match(/\/([a-z-]+)\/(\d+)-[^/]*\.html$/);
  const here = chapter && { lab: chapter[1], stage: +chapter[2] };
  const main = document.querySelector('main');
  const lobby = !chapter && (location.pathname.match(/\/([a-z-]+)\/(?:index\.html)?$/) || [])[1];
  let strip = null, used = 0, left = null, done = false;

  function panel() {
    if (strip) return strip;
    strip = document.createElement('details');
    strip.className = 'lab-strip';
    strip.innerHTML = `<summary><span role="status">Your tests: not run yet. Save the file, or run <code>cargo lab test ${here.lab} ${here.stage}</code>.</span></summary><div class="ls-tests"></div><div class="ls-hint"><button type="button">Next hint</button><div aria-live="polite"></div></div>`;
    strip.addEventListener('keydown', (event) => event.key.startsWith('Arrow') && event.stopPropagation());
    strip.querySelector('button').addEventListener('click', ask);
    main.append(strip);
    return strip;
  }

  function results(all) {
    if (lobby) return summary((all.labs || []).find((o) => o.lab === lobby));
    if (!here) return;
    const lab = (all.labs || []).find((o) => o.lab === here.lab);
    const stage = lab && (lab.stages || []).find((s) => s.stage === here.stage || String(s.stage).split(/\D/)[0] === String(here.stage));
    if (!stage) return;
    const box = panel(), tests = stage.tests || [], count = (f) => tests.filter(f).length;
    used = stage.hints_used || 0;
    const parts = [[count((t) => t.verdict === 'passed'), 'passed'], [count((t) => t.verdict !== 'passed' && t.verdict !== 'todo'), 'failed'], [count((t) => t.verdict === 'todo'), 'to do']];
    const green = tests.length > 0 && parts[0][0] === tests.length;
    box.classList.toggle('ls-green', green);
    // The learner's own tests add points; the graded ones alone open the stage's hints.
    const graded = tests.filter((t) => !t.name.startsWith('mine::'));
    done = graded.length > 0 && graded.every((t) => t.verdict === 'passed');
    const button = box.querySelector('button');
    if (!button.dataset.sure) button.textContent = label();
    const said = `${green ? '✓ ' : ''}${stage.title || `Stage ${here.stage}`}: ${parts.filter(([n]) => n).map(([n, word]) => `${n} ${word}`).join(', ') || 'no test yet'} · ${stage.points} of ${stage.max} points`;
    const status = box.querySelector('[role=status]');
    if (status.textContent !== said) status.textContent = said;
    box.querySelector('.ls-tests').innerHTML = `<ul>${tests.map(row).join('')}</ul>`;
  }

  // A lab's first page lists its stages.
  function summary(lab) {
    if (!lab) return;
    let box = document.querySelector('.lab-strip');
    if (!box) {
      box = document.createElement('details');
      box.className = 'lab-strip';
      main.append(box);
    }
    const rows = lab.stages.map((s) => `<li class="ls-${s.points >= s.max ? 'passed' : 'todo'}"><b class="ls-word">${s.points} of ${s.max}</b><code>${esc(s.stage)}. ${esc(s.title || '')}</code></li>`);
    box.innerHTML = `<summary><span role="status">Your tests: ${lab.points} of ${lab.max} points</span></summary><ul>${rows.join('')}</ul>`;
  }

  function row(t) {
    const kind = t.verdict === 'passed' || t.verdict === 'todo' ? t.verdict : 'failed';
    const named = t.verdict !== 'failed' || !t.message || t.message.startsWith(t.invariant);
    const more = [named ? t.message : `${t.invariant}: ${t.message}`, t.replay].filter((text) => text && kind !== 'passed').map((text) => `<span>${esc(text)}</span>`).join('');
    return `<li class="ls-${kind}"><b class="ls-word">${WORDS[t.verdict] || esc(t.verdict)}</b><code>${esc(t.name)}</code>${more}</li>`;
  }

  const label = () => (done ? 'All hints (free now)' : 'Next hint');

  // A hint after the first costs points, so it is asked twice.
  async function ask() {
    const box = strip.querySelector('.ls-hint'), button = box.querySelector('button'), says = box.querySelector('[aria-live]');
    if (!done && used >= 1 && !button.dataset.sure) {
      button.dataset.sure = 'yes';
      button.textContent = `Show it: ${left === null ? (used === 1 ? 90 : 70) : left} % of the stage’s points are left then`;
      return;
    }
    delete button.dataset.sure;
    button.textContent = label();
    says.textContent = 'Asking the runner …';
    try {
      const answer = await fetch('/.lab/hint', { method: 'POST', body: JSON.stringify(here) });
      const text = await answer.text();
      let hint = { error: text };
      try { hint = JSON.parse(text); } catch { /* a plain message */ }
      const hints = hint.hints && !hint.error ? hint.hints : [hint.error || hint.text || text];
      says.innerHTML = hints.map((one) => `<p>${esc(one)}</p>`).join('');
      if (hint.error) return;
      used = hint.hints_used || used + 1;
      left = hint.next_percent_left === undefined ? null : hint.next_percent_left;
      button.hidden = hint.next_percent_left === null;
    } catch (error) {
      says.textContent = `The server does not answer: ${error.message}`;
    }
  }

  function problem(text) {
    let box = document.querySelector('.lab-problem');
    if (box) box.remove();
    if (!text) return;
    box = document.createElement('div');
    box.className = 'lab-strip lab-problem';
    box.setAttribute('role', 'alert');
    box.innerHTML = `<p class="ls-head">The book could not be built; this page is the last good one.</p><p></p>`;
    box.lastChild.textContent = text;
    main.prepend(box);
  }

  // A browser opens six connections a host and a stream holds one: hidden pages let theirs go.
  let source = null;
  function listen() {
    if (document.hidden) {
      if (source) source.close();
      source = null;
      return;
    }
    if (source) return;
    source = new EventSource('/.lab/events');
    source.addEventListener('results', (event) => results(JSON.parse(event.data)));
    source.addEventListener('reload', () => location.reload());
    source.addEventListener('problem', (event) => problem(event.data));
    source.addEventListener('trace', () => location.pathname === '/replay.html' && location.reload());
  }
  // A run of a lab that has scenes can be taken up on one's own node.
  for (const figure of document.querySelectorAll('trace-player [data-trace]')) {
    const name = figure.dataset.trace, lab = name.split('/')[0];
    if (!SCENES.includes(lab) || location.pathname.startsWith('/explore-')) continue;
    const more = document.createElement('p');
    more.className = 'trace-explore';
    more.innerHTML = `<a href="/explore-${esc(lab)}.html#from=${esc(name)}">Explore this run by hand, on your own code</a>`;
    figure.append(more);
  }
  if (here) panel();
  document.addEventListener('visibilitychange', listen);
  addEventListener('pagehide', () => source && source.close());
  listen();
})();
