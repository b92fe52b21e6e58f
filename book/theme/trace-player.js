// <trace-player>: one run of the simulator, drawn as lanes over time.
//
// The element holds one or two <div class="trace" data-trace="lab/name">: a list with one sentence an event, and in it
// the run as JSON. The list is the figure without this script; with it, the sentences come from the list, so that page,
// terminal and player say the same. Two runs become two tabs.
'use strict';
(() => {
  const { Run, esc, clamp, clock, brief, words, value } = TraceRun;
  const SPEED = 85;
  const CLASSES = { request: 'request', reply: 'reply', refusal: 'refusal', gossip: 'message', lost: 'lost', copy: 'copied' };
  const quiet = matchMedia('(prefers-reduced-motion: reduce)');
  let made = 0;
  const ICON = (d) => `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true"><path d="${d}"/></svg>`;
  const ICONS = { first: ICON('M8 3v10L2 8zM14 3v10L8 8z'), back: ICON('M3 3h2v10H3zM13 3v10L6 8z'), next: ICON('M11 3h2v10h-2zM3 3v10l7-5z'), play: ICON('M4 2.5v11L13 8z'), pause: ICON('M3.5 3h3v10h-3zM9.5 3h3v10h-3z') };

  // One trace with its controls.
  class Player {
    constructor(root, trace, texts) {
      Object.assign(this, { root, trace, texts, run: new Run(trace), id: `tp${++made}`, playing: false, rate: 1 });
      this.last = this.run.events.length - 1;
      this.i = this.last;
      this.build();
      this.layout();
      // A figure in a hidden tab has no width until its tab is chosen.
      new ResizeObserver(() => this.root.clientWidth && this.root.clientWidth !== this.wide && this.layout()).observe(this.root);
    }

    $(selector) {
      return this.root.querySelector(selector);
    }

    build() {
      const { trace, run } = this, kinds = new Set(run.messages.map((m) => (m.fate === 'drop' ? 'lost' : m.c)));
      if (run.messages.some((m) => m.copy)) kinds.add('copy');
      const key = (c) => {
        const head = { request: 'M30 7l-9-4v8z', gossip: 'M23 7a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0', reply: 'M22 2l8 5l-8 5', refusal: 'M22 2l8 5l-8 5M19 2v10', lost: 'M24 3l8 8m0-8l-8 8' }[c] || 'M30 7l-9-4v8z';
        const fill = c === 'request' || c === 'gossip' || c === 'copy' ? 'tp-fill' : 'tp-bar';
        return `<li class="tp-${c === 'copy' ? 'request' : c}"><svg viewBox="0 0 34 14" width="34" height="14" aria-hidden="true"><path class="tp-line${c === 'copy' ? ' tp-copy' : ''}" d="M1 7h${c === 'lost' ? 26 : 24}"/><path class="${fill}" d="${head}"/></svg>${CLASSES[c]}</li>`;
      };
      const seed = trace.seed === null || trace.seed === undefined ? '' : `<p class="tp-seed">seed ${trace.seed}${trace.kept.length ? `, faults: ${esc(trace.kept.join(', '))}` : ''}</p>`;
      this.root.innerHTML = `<div class="tp-head"><p class="tp-title">${esc(trace.title)}</p>${seed}<ul class="tp-legend" aria-label="Kinds of messages">${Object.keys(CLASSES).filter((c) => kinds.has(c)).map(key).join('')}</ul></div>
<div class="tp-stage"><div class="tp-scroll" tabindex="0" role="group" aria-label="Diagram: arrow keys step, space plays"></div><div class="tp-names" aria-hidden="true"></div></div>
<div class="tp-controls" role="group" aria-label="Playback">
<button type="button" data-do="first" aria-label="First event" title="First event (Home)">${ICONS.first}</button>
<button type="button" data-do="back" aria-label="One event back" title="One event back (←)">${ICONS.back}</button>
<button type="button" data-do="play" class="tp-play">${ICONS.play}<span>Play</span></button>
<button type="button" data-do="next" aria-label="One event on" title="One event on (→)">${ICONS.next}</button>
<input type="range" min="0" max="${this.last}" step="1" aria-label="Event">
<select aria-label="Speed">${[0.5, 1, 2, 4].map((r) => `<option value="${r}"${r === 1 ? ' selected' : ''}>${r}×</option>`).join('')}</select></div>
<div class="tp-caption"><div aria-live="polite" aria-atomic="true"><p class="tp-when"></p><p class="tp-said"></p></div><p class="tp-broken" hidden></p></div>
<div class="tp-nodes"></div><p class="tp-scale-note" hidden>Time is not to scale: long waits are shortened (//).</p>`;
      this.root.addEventListener('click', (event) => {
        const button = event.target.closest('[data-do]');
        if (button) this[button.dataset.do]();
      });
      this.root.addEventListener('keydown', (event) => this.key(event));
      this.$('input').addEventListener('input', (event) => this.go(+event.target.value));
      this.$('select').addEventListener('change', (event) => (this.rate = +event.target.value));
      const scroll = this.$('.tp-scroll'), scrub = (event) => this.seek(event.clientX - this.$('svg[role]').getBoundingClientRect().left);
      scroll.addEventListener('pointerdown', (event) => {
        if (event.pointerType === 'mouse' && event.button === 0) {
          scroll.setPointerCapture(event.pointerId);
          scrub(event);
        }
      });
      scroll.addEventListener('pointermove', (event) => scroll.hasPointerCapture(event.pointerId) && scrub(event));
      // A finger drags the diagram; a tap chooses the moment.
      scroll.addEventListener('click', (event) => event.pointerType !== 'mouse' && scrub(event));
    }

    layout() {
      this.wide = this.root.clientWidth || 700;
      const roomy = this.wide > 620, longest = Math.max(...this.run.nodes.map((n) => n.name.length));
      const column = roomy ? clamp(longest * 8.2 + 16, 70, 170) : 0;
      // Narrower than this the diagram scrolls.
      const least = Math.min(560, this.run.events.length * 16);
      this.picture = new TracePicture(this.run, Math.max(this.wide - column - 18, least), this.id, roomy);
      const { s } = this.picture;
      this.$('.tp-stage').style.setProperty('--tp-column', column + 'px');
      this.$('.tp-stage').classList.toggle('tp-narrow', !roomy);
      const title = `Time diagram of “${this.trace.title}”: ${this.run.nodes.length} nodes, ${this.last + 1} events, each told below.`;
      this.$('.tp-scroll').innerHTML = this.picture.svg(title);
      this.$('.tp-names').innerHTML = this.run.nodes.map((n) => `<span style="top:${this.picture.y(n.id)}px">${esc(n.name)}</span>`).join('');
      this.$('.tp-stage').classList.toggle('tp-wide', s.width > this.$('.tp-scroll').clientWidth + 2);
      this.$('.tp-scale-note').hidden = s.linear;
      this.parts = [...this.root.querySelectorAll('.tp-done > [data-i], .tp-labels > [data-i], .tp-flag')].map((el) => [el, +el.dataset.i, +el.dataset.x || 0]);
      this.show(this.i);
      // What does not fit is read from its beginning.
      if (!this.begun) this.$('.tp-scroll').scrollTo({ left: 0, behavior: 'instant' });
      this.begun = true;
    }

    show(i, x) {
      const { run } = this, e = run.events[i], { s } = this.picture;
      const changed = i !== this.shown;
      this.i = i;
      this.x = x === undefined ? s.x(e.t) : x;
      const at = this.x;
      this.$('clipPath rect').setAttribute('width', at + 21);
      this.$('.tp-cursor').setAttribute('transform', `translate(${at})`);
      const pill = clamp(at, 36, s.width - 36) - at;
      this.$('.tp-cursor rect').setAttribute('transform', `translate(${pill})`);
      this.$('.tp-cursor text').setAttribute('x', pill);
      this.$('.tp-cursor text').textContent = brief(x === undefined ? e.t : s.t(at));
      this.$('.tp-flying').innerHTML = run.messages.filter((m) => m.i0 <= i && m.p[2] > at && m.p[0] <= at).map((m) => {
        const f = (at - m.p[0]) / (m.p[2] - m.p[0] || 1);
        return `<circle class="tp-${m.fate === 'drop' ? 'lost' : m.c}" cx="${at}" cy="${m.p[1] + (m.p[3] - m.p[1]) * f}" r="4.5"/>`;
      }).join('');
      if (!changed && this.drawn === this.picture) return;
      this.shown = i;
      this.drawn = this.picture;
      for (const [el, from, left] of this.parts) el.classList.toggle('tp-future', from > i || left > at);
      const focus = this.$('.tp-focus');
      focus.setAttribute('cx', s.x(e.t));
      focus.setAttribute('cy', this.picture.y(e.n));
      this.tell(i, e);
      if (this.begun) this.follow();
    }

    tell(i, e) {
      this.$('.tp-when').textContent = `Event ${i + 1} of ${this.last + 1} · ${clock(e.t)}`;
      this.$('.tp-said').textContent = this.texts.said[i] || '';
      const broken = this.$('.tp-broken'), now = i >= this.run.broken;
      broken.hidden = !now;
      broken.textContent = now ? this.texts.broken : '';
      this.root.classList.toggle('tp-is-broken', now);
      const range = this.$('input');
      range.value = i;
      range.style.setProperty('--tp-part', `${(100 * i) / (this.last || 1)}%`);
      range.setAttribute('aria-valuetext', `event ${i + 1} of ${this.last + 1}, ${clock(e.t)}: ${this.texts.said[i] || ''}`);
      this.nodes(i, e);
      this.root.dispatchEvent(new CustomEvent('trace-event', { bubbles: true, detail: i }));
    }

    nodes(i, e) {
      const fields = this.run.state(i), is = new Map();
      this.run.events.slice(0, i + 1).forEach((o) => {
        if (o.k === 'crash') is.set(o.n, 'down');
        if (o.k === 'pause') is.set(o.n, 'paused');
        if (o.k === 'up' || o.k === 'resume') is.delete(o.n);
      });
      const rows = Math.ceil(this.run.nodes.length / 4);
      this.$('.tp-nodes').style.setProperty('--tp-share', `${100 / Math.ceil(this.run.nodes.length / rows)}%`);
      this.$('.tp-nodes').innerHTML = this.run.nodes.map((n) => {
        const rows = [...fields.get(n.id)].map(([name, f]) => {
          const text = f.known ? value(f.v) : '–', was = f.now && f.was !== undefined ? `<small>was ${esc(value(f.was))}</small> ` : '';
          const cls = `${f.now ? 'tp-changed' : ''}${text.length > 12 ? ' tp-long' : ''}`;
          return `<div class="${cls}"><dt>${esc(words(name))}</dt><dd>${was}${esc(text)}</dd></div>`;
        }).join('');
        return `<div class="tp-node${n.id === e.n ? ' tp-here' : ''}"><p>${esc(n.name)}${is.has(n.id) ? ` <b class="tp-is">${is.get(n.id)}</b>` : ''}</p>${rows ? `<dl>${rows}</dl>` : ''}</div>`;
      }).join('');
    }

    follow() {
      const box = this.$('.tp-scroll'), left = this.x - box.scrollLeft;
      if (box.scrollWidth <= box.clientWidth || (left > 40 && left < box.clientWidth - 60)) return;
      box.scrollTo({ left: this.x - box.clientWidth * 0.4, behavior: quiet.matches || this.playing ? 'auto' : 'smooth' });
    }

    go(i) {
      this.stop();
      this.show(clamp(i, 0, this.last));
    }

    seek(x) {
      this.stop();
      const t = this.picture.s.t(x);
      let i = 0;
      while (i < this.last && this.run.events[i + 1].t <= t) i++;
      this.show(i, clamp(x, this.picture.s.xs[0], this.picture.s.x(this.run.end)));
    }

    first() {
      this.go(0);
    }

    back() {
      this.go(this.i - 1);
    }

    next() {
      this.go(this.i + 1);
    }

    play() {
      if (this.playing) return this.stop();
      if (this.i >= this.last) this.show(0);
      this.playing = true;
      this.button();
      // A caption a second would talk over itself.
      this.$('[aria-live]').setAttribute('aria-live', 'off');
      this.clock = performance.now();
      this.frame = requestAnimationFrame((now) => this.tick(now));
    }

    tick(now) {
      if (!this.playing || !this.root.isConnected) return;
      const passed = (now - this.clock) / 1000;
      if (quiet.matches) {
        if (passed * this.rate > 1.2) {
          this.clock = now;
          this.show(this.i + 1);
        }
      } else {
        this.clock = now;
        const { s } = this.picture, x = this.x + passed * SPEED * this.rate;
        let i = this.i;
        while (i < this.last && s.x(this.run.events[i + 1].t) <= x) i++;
        this.show(i, i === this.last ? undefined : x);
        this.follow();
      }
      if (this.i >= this.last) this.stop();
      else this.frame = requestAnimationFrame((then) => this.tick(then));
    }

    stop() {
      if (!this.playing) return;
      this.playing = false;
      cancelAnimationFrame(this.frame);
      this.$('[aria-live]').setAttribute('aria-live', 'polite');
      this.button();
    }

    button() {
      this.$('.tp-play').innerHTML = this.playing ? `${ICONS.pause}<span>Pause</span>` : `${ICONS.play}<span>Play</span>`;
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest('select')) return;
      const steps = { ArrowLeft: () => this.back(), ArrowRight: () => this.next(), Home: () => this.first(), End: () => this.go(this.last) };
      if (event.key === ' ' && event.target.matches('.tp-scroll, input')) steps[' '] = () => this.play();
      if (!steps[event.key]) return;
      event.preventDefault();
      steps[event.key]();
    }
  }

  class TracePlayer extends HTMLElement {
    async connectedCallback() {
      if (this.dataset.ready) return;
      this.dataset.ready = 'loading';
      // mdBook turns the page at ← and → wherever the focus is.
      this.addEventListener('keydown', (event) => event.key.startsWith('Arrow') && event.stopPropagation());
      const figures = [...this.querySelectorAll('.trace')];
      const traces = await Promise.all(figures.map((figure) => this.read(figure)));
      if (!figures.length || traces.includes(null)) {
        this.dataset.ready = 'list';
        return;
      }
      this.dataset.ready = 'yes';
      this.players = figures.map((figure, i) => this.mount(figure, traces[i]));
      if (figures.length > 1) this.tabs(figures, traces);
    }

    // The run stands in the page; a page of the stock build asks its own host for it, and from a file shows the list.
    async read(figure) {
      const inline = figure.querySelector('script[type="application/json"]');
      try {
        if (inline) return JSON.parse(inline.textContent);
        if (!location.protocol.startsWith('http')) return null;
        const root = typeof path_to_root === 'string' ? path_to_root : '';
        const answer = await fetch(`${root}assets/traces/${figure.dataset.trace}.json`);
        return answer.ok ? await answer.json() : null;
      } catch {
        return null;
      }
    }

    mount(figure, trace) {
      const items = [...figure.querySelectorAll('.trace-events > li')], broken = figure.querySelector('.trace-violation');
      const said = items.map((li) => li.querySelector('.trace-text').textContent);
      const root = document.createElement('div');
      root.className = 'tp';
      figure.prepend(root);
      const list = document.createElement('details');
      list.className = 'tp-list';
      list.innerHTML = `<summary>All ${items.length} events as text</summary>`;
      list.append(...[figure.querySelector('.trace-events'), broken].filter(Boolean));
      // It scrolls, so the keyboard must reach it.
      list.querySelector('.trace-events').tabIndex = 0;
      figure.querySelector('.trace-title').hidden = true;
      figure.append(list);
      addEventListener('beforeprint', () => {
        list.open = true;
        player.go(player.last);
      });
      figure.addEventListener('trace-event', (event) => items.forEach((li, i) => li.classList.toggle('tp-now', i === event.detail)));
      const player = new Player(root, trace, { said, broken: broken ? broken.textContent : '' });
      list.addEventListener('click', (event) => {
        const item = event.target.closest('li');
        if (item) player.go(items.indexOf(item));
      });
      return player;
    }

    tabs(figures, traces) {
      const names = (this.getAttribute('tabs') || 'With this bug | Without it').split('|').map((name) => name.trim());
      const bar = document.createElement('div');
      bar.className = 'tp-tabs';
      bar.setAttribute('role', 'tablist');
      bar.setAttribute('aria-label', 'Two runs');
      const base = `tp-tab${++made}`;
      bar.innerHTML = figures.map((_, i) => `<button type="button" role="tab" id="${base}-${i}" aria-controls="${base}-p${i}">${traces[i].violation ? '✕' : '✓'} ${esc(names[i] || traces[i].title)}</button>`).join('');
      const buttons = [...bar.children];
      const choose = (at) => buttons.forEach((button, i) => {
        button.setAttribute('aria-selected', i === at);
        button.tabIndex = i === at ? 0 : -1;
        figures[i].hidden = i !== at;
        if (i !== at) this.players[i].stop();
      });
      figures.forEach((figure, i) => {
        figure.id = `${base}-p${i}`;
        figure.setAttribute('role', 'tabpanel');
        figure.setAttribute('aria-labelledby', `${base}-${i}`);
        figure.dataset.tab = names[i] || '';
      });
      bar.addEventListener('click', (event) => event.target.closest('button') && choose(buttons.indexOf(event.target.closest('button'))));
      bar.addEventListener('keydown', (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step) return;
        const at = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
        choose(at);
        buttons[at].focus();
      });
      this.prepend(bar);
      choose(0);
    }
  }

  customElements.define('trace-player', TracePlayer);
})();
