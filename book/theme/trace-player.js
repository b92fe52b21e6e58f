// <trace-player>: one run of the simulator, drawn as lanes over time.
//
// The element holds one or two <div class="trace" data-trace="lab/name">: a list with one sentence an event, and in it
// the run as JSON. The list is the figure without this script; with it, the sentences come from the list, so that page,
// terminal and player say the same. Two runs become two tabs.
'use strict';
(() => {
  const LANE = 78, TOP = 40, EDGE = 11, SPEED = 85;
  const CLASSES = { request: 'request', reply: 'reply', refusal: 'refusal', gossip: 'message', lost: 'lost', copy: 'copied' };
  const quiet = matchMedia('(prefers-reduced-motion: reduce)');
  let made = 0;
  const MARKS = {
    timer: '<circle class="tp-ring" r="8"/><path class="tp-hand" d="M0 -5V0L3.5 2.5"/>',
    clock: '<circle class="tp-ring" r="8"/><path class="tp-hand" d="M-5 1q2.5 -5 5 0t5 0"/>',
    write: '<rect class="tp-ring" x="-6" y="-6" width="12" height="12" rx="1.5"/><path class="tp-hand" d="M-3 -1.5h6M-3 2h4"/>',
    sync: '<rect class="tp-solid" x="-6" y="-6" width="12" height="12" rx="1.5"/><path class="tp-tick" d="M-3 0l2 2.5L3.2 -2.5"/>',
    note: '<path class="tp-ring" d="M0 -8L8 0L0 8L-8 0z"/><path class="tp-hand" d="M0 -3.5v4M0 3v.6"/>',
    crash: '<path class="tp-bolt" d="M-6 -6l12 12m0 -12l-12 12"/>',
    up: '<circle class="tp-ring" r="7"/><path class="tp-hand" d="M0 4V-3.5M-3 -.5L0 -3.5L3 -.5"/>',
    pause: '<circle class="tp-ring" r="7"/><path class="tp-hand" d="M-2 -3v6M2 -3v6"/>',
    resume: '<circle class="tp-ring" r="7"/><path class="tp-solid" d="M-2 -3.5L4 0L-2 3.5z"/>',
    op: '<path class="tp-call" d="M0 -11l-5.5 -10h11z"/>',
    ret: '<path class="tp-call tp-back" d="M0 -21l-5.5 10h11z"/>',
  };

  const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
  const short = (s, n) => (s.length > n ? s.slice(0, n - 1) + '…' : s);
  const clamp = (v, a, b) => Math.min(b, Math.max(a, v));
  const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1] || 1;
  const clock = (t) => (t < 1e6 ? +(t / 1e3).toFixed(3) + ' ms' : +(t / 1e6).toFixed(6) + ' s');
  const brief = (t) => (t < 1e6 ? +(t / 1e3).toFixed(1) + ' ms' : +(t / 1e6).toFixed(3) + ' s');
  const words = (name) => name.replace(/_/g, ' ');
  // The same words as the terminal's.
  const part = (name, v) => {
    if (typeof v === 'string') return v;
    if (Array.isArray(v) && v.length > 1) return `${words(name)} [${value(v)}]`;
    if (v && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length) return `${words(name)} (${value(v)})`;
    return `${words(name)} ${Number.isInteger(v) && name.endsWith('until') ? brief(v) : value(v)}`;
  };
  const value = (v) => {
    if (v === null || v === undefined) return '–';
    if (v === true) return 'yes';
    if (v === false) return 'no';
    if (typeof v !== 'object') return String(v);
    const parts = Array.isArray(v) ? v.map(value).join('; ') : Object.entries(v).map(([k, x]) => part(k, x)).join(' · ');
    return parts || 'none';
  };

  // What the drawing needs to know of a trace, without a pixel: messages with both ends, stretches on lanes and links.
  class Run {
    constructor(trace) {
      this.trace = trace;
      this.nodes = trace.nodes;
      this.events = trace.events;
      this.lane = new Map(trace.nodes.map((n, i) => [n.id, i]));
      const last = trace.events[trace.events.length - 1];
      this.start = trace.events.length ? trace.events[0].t : 0;
      this.end = Math.max(last ? last.t : 0, trace.violation ? trace.violation.t : 0);
      this.messages = [];
      this.bands = [];
      this.cuts = [];
      this.collect();
      const v = trace.violation;
      // Several events may share the violation's moment: it shows after the last of them.
      this.broken = v ? this.events.filter((e) => e.t <= v.t).length - 1 : Infinity;
    }

    collect() {
      const byId = new Map(), open = new Map(), down = new Map(), cut = new Map();
      const finish = (map, key, t, i) => {
        const band = map.get(key);
        if (band) Object.assign(band, { t1: t, i1: i });
        map.delete(key);
      };
      this.events.forEach((e, i) => {
        if (e.k === 'send') byId.set(e.id, this.message({ from: e.n, to: e.to, m: e.m || '', c: e.c || 'gossip', t0: e.t, i0: i }));
        if (e.k === 'dup' && byId.has(e.of)) {
          const of = byId.get(e.of);
          byId.set(e.id, this.message({ ...of, copy: true, t0: e.t, i0: i, t1: undefined, fate: undefined }));
        }
        if ((e.k === 'recv' || e.k === 'drop') && byId.has(e.id)) Object.assign(byId.get(e.id), { t1: e.t, i1: i, fate: e.k });
        if (e.b) this.lease(open, e, i, finish);
        if (e.k === 'crash' || e.k === 'pause') {
          finish(down, e.n, e.t, i);
          down.set(e.n, this.band({ n: e.n, t0: e.t, i0: i, l: e.k === 'crash' ? 'down' : e.m || 'paused', kind: e.k }));
          // What a node held in memory is gone; its lease as others see it stands on their lanes.
          if (e.k === 'crash' && !e.b) for (const key of [...open.keys()]) if (key.startsWith(e.n + '|')) finish(open, key, e.t, i);
        }
        if (e.k === 'up' || e.k === 'resume') finish(down, e.n, e.t, i);
        if (e.k === 'part') {
          const link = { a: e.n, b: e.to, t0: e.t, i0: i };
          cut.set(e.n + '>' + e.to, link);
          this.cuts.push(link);
        }
        if (e.k === 'heal') finish(cut, e.n + '>' + e.to, e.t, i);
      });
    }

    message(m) {
      this.messages.push(m);
      return m;
    }

    band(b) {
      this.bands.push(b);
      return b;
    }

    // An event lists the bands that are open from now on: one that goes on is the same band, with a tick if renewed.
    lease(open, e, i, finish) {
      const labels = new Set(e.b.map((b) => e.n + '|' + b.l));
      for (const key of [...open.keys()]) if (key.startsWith(e.n + '|') && !labels.has(key)) finish(open, key, e.t, i);
      for (const b of e.b) {
        const key = e.n + '|' + b.l, now = open.get(key);
        if (now && (now.u === null || now.u >= e.t)) {
          if (b.u !== now.u) now.ticks.push(e.t);
          now.u = b.u;
        } else {
          open.set(key, this.band({ n: e.n, t0: e.t, i0: i, l: b.l, u: b.u, kind: 'lease', ticks: [] }));
        }
      }
    }

    ends(b) {
      return Math.min(b.t1 === undefined ? this.end : b.t1, b.u === null || b.u === undefined ? Infinity : b.u, this.end);
    }

    // The fields of every node after event `i`, and those that it changed.
    state(i) {
      const fields = new Map(this.nodes.map((n) => [n.id, new Map()]));
      this.events.forEach((e, j) => {
        const mine = fields.get(e.n);
        for (const name of Object.keys(e.s || {})) {
          const field = mine.get(name) || { v: null, known: false, now: false };
          // A field that is still to come keeps its row, so that the cards do not jump.
          mine.set(name, j > i ? field : { v: e.s[name], known: true, now: j === i, was: j === i && field.known ? field.v : undefined });
        }
      });
      return fields;
    }
  }

  // Microseconds to pixels. To scale if that can be read; else long waits are shortened, and the axis says so.
  class Scale {
    constructor(run, width) {
      const times = new Set([run.start, run.end]);
      run.events.forEach((e) => times.add(e.t));
      run.bands.forEach((b) => times.add(run.ends(b)));
      this.ts = [...times].filter((t) => t >= run.start && t <= run.end).sort((a, b) => a - b);
      const gaps = this.ts.slice(1).map((t, i) => t - this.ts[i]);
      const span = run.end - run.start || 1, room = width - 40;
      this.linear = gaps.filter((g) => (g * room) / span < 9).length <= gaps.length * 0.35;
      let widths = gaps.map((g) => (g * room) / span);
      if (!this.linear) {
        const mid = median(gaps);
        widths = gaps.map((g) => clamp((g / mid) ** 0.4, 0.45, 3));
        const sum = widths.reduce((a, b) => a + b, 0), unit = Math.max(room / sum, 19);
        widths = widths.map((w) => w * unit);
      }
      this.xs = [16];
      widths.forEach((w) => this.xs.push(this.xs[this.xs.length - 1] + w));
      this.width = Math.max(width, this.xs[this.xs.length - 1] + 24);
      const ratio = widths.map((w, i) => gaps[i] / w), usual = median(ratio);
      this.breaks = this.linear ? [] : ratio.map((r, i) => (r > 5 * usual ? (this.xs[i] + this.xs[i + 1]) / 2 : 0)).filter(Boolean);
    }

    between(from, to, v) {
      let lo = 0, hi = from.length - 1;
      if (v <= from[0] || hi === 0) return to[0];
      if (v >= from[hi]) return to[hi];
      while (hi - lo > 1) {
        const mid = (lo + hi) >> 1;
        if (from[mid] <= v) lo = mid;
        else hi = mid;
      }
      return to[lo] + ((v - from[lo]) / (from[hi] - from[lo])) * (to[hi] - to[lo]);
    }

    x(t) {
      return this.between(this.ts, this.xs, t);
    }

    t(x) {
      return this.between(this.xs, this.ts, x);
    }

    ticks() {
      if (!this.linear) {
        let free = -Infinity;
        return this.ts.filter((t, i) => this.xs[i] >= free && (free = this.xs[i] + 72));
      }
      const a = this.ts[0], b = this.ts[this.ts.length - 1], raw = ((b - a) * 80) / this.width || 1;
      const ten = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((n) => n * ten).find((n) => n >= raw);
      const out = [];
      for (let t = Math.ceil(a / step) * step; t <= b; t += step) out.push(t);
      return out;
    }
  }

  // The picture: strings of SVG, each with the event from which it is there.
  class Picture {
    constructor(run, width, id, roomy) {
      this.run = run;
      this.id = id;
      this.s = new Scale(run, width);
      this.top = TOP + (roomy ? 0 : 8);
      this.height = this.top + run.nodes.length * LANE - LANE / 2 + 24;
      this.scene = [];
      this.labels = [];
      // Where text stands already, by stretches of 300 pixels: a long run has thousands of texts.
      this.taken = new Map();
      this.colours = new Map();
      this.draw();
    }

    y(n) {
      return this.top + 26 + this.run.lane.get(n) * LANE;
    }

    add(i, svg, cls = '') {
      this.scene.push(`<g data-i="${i}" class="${cls}">${svg}</g>`);
    }

    draw() {
      const groups = new Map();
      for (const c of this.run.cuts) groups.set(`${c.t0},${c.t1}`, [...(groups.get(`${c.t0},${c.t1}`) || []), c]);
      groups.forEach((group) => this.cut(group));
      this.place();
      const rows = new Map();
      this.run.bands.forEach((b) => this.band(b, rows));
      this.run.messages.forEach((m) => this.arrow(m));
      this.run.events.forEach((e, i) => this.mark(e, i));
      this.run.messages.forEach((m) => this.arrowLabel(m));
    }

    // Links that are cut together are one partition. One cut link between neighbours is a field between their lanes;
    // a wider partition says on each lane who cannot be reached.
    cut(group) {
      const { run, s } = this, c = group[0], lane = (n) => run.lane.get(n);
      const x0 = s.x(c.t0), x1 = Math.max(s.x(run.ends(c)), x0 + 8);
      const field = (top, tall, text) => {
        this.add(c.i0, `<rect class="tp-cut" x="${x0}" y="${top}" width="${x1 - x0}" height="${tall}" rx="4" fill="url(#${this.id}c)"/>`);
        this.label(c.i0, short(text, Math.max(8, Math.floor((x1 - x0) / 6))), [[x0 + 5, top + 12]], 'tp-cutlabel', x1 - x0, true);
      };
      const pairs = new Set(group.map((o) => [o.a, o.b].sort().join()));
      if (pairs.size === 1 && Math.abs(lane(c.a) - lane(c.b)) === 1) {
        const text = group.length > 1 ? 'link cut' : lane(c.b) > lane(c.a) ? 'cut ↓' : 'cut ↑';
        field(Math.min(this.y(c.a), this.y(c.b)) + EDGE + 3, LANE - 2 * EDGE - 6, text);
        return;
      }
      for (const n of run.nodes) {
        const to = group.filter((o) => o.a === n.id).map((o) => run.nodes[lane(o.b)].name);
        if (to.length) field(this.y(n.id) + EDGE + 2, 16, `cut off from ${to.join(', ')}`);
      }
    }

    band(b, rows) {
      const { run, s } = this, x0 = s.x(b.t0), x1 = Math.max(s.x(run.ends(b)), x0 + 6), y = this.y(b.n);
      // Bands that overlap on one lane share its height.
      const peers = run.bands.filter((o) => o.n === b.n && o.kind === 'lease' && b.kind === 'lease' && o.t0 < run.ends(b) && b.t0 < run.ends(o));
      const many = Math.min(peers.length, 3);
      const used = peers.filter((o) => rows.has(o)).map((o) => rows.get(o));
      const row = [0, 1, 2].find((r) => !used.includes(r)) || 0;
      rows.set(b, row);
      const tall = many > 1 ? 15 : 22, top = many > 1 ? y - (many * 16) / 2 + row * 16 : y - EDGE;
      if (!this.colours.has(b.l)) this.colours.set(b.l, this.colours.size % 4);
      const cls = b.kind === 'lease' ? `tp-lease tp-hue${this.colours.get(b.l)}` : `tp-${b.kind}`;
      const fill = b.kind === 'lease' ? '' : ` fill="url(#${this.id}${b.kind === 'crash' ? 'd' : 'p'})"`;
      const ticks = (b.ticks || []).map((t) => `<path class="tp-renew" d="M${s.x(t)} ${top + 3}v${tall - 6}"/>`).join('');
      this.add(b.i0, `<rect x="${x0}" y="${top}" width="${x1 - x0}" height="${tall}" rx="5"${fill}/>${ticks}`, cls);
      let from = x0 + 8;
      for (const x of this.onLane.get(b.n) || []) if (x > from - 16 && x < from + 12) from = x + 11;
      const fits = x1 - from - 6, text = short(b.l, Math.max(3, Math.floor(fits / 6.4)));
      // A long band says its name again where its beginning has scrolled away.
      const legible = text === b.l || text.length > 7;
      for (let x = from; legible && (x === from || x < x1 - 200); x += 420) this.label(b.i0, text, [[x, top + tall / 2 + 4]], `tp-band ${cls}`, fits, true, x === from ? 0 : x);
    }

    ends(m) {
      const { s } = this, up = this.y(m.to) < this.y(m.from), dir = up ? -1 : 1;
      const x0 = s.x(m.t0), y0 = this.y(m.from) + dir * this.edge(m.from, m.t0);
      const yEnd = this.y(m.to) - dir * this.edge(m.to, m.t1 === undefined ? this.run.end : m.t1);
      if (m.fate === 'recv') return [x0, y0, s.x(m.t1), yEnd];
      const t1 = m.t1 === undefined ? this.run.end : m.t1;
      return [x0, y0, Math.max(s.x(t1), x0 + 12), y0 + (yEnd - y0) * 0.55];
    }

    edge(n, t) {
      return this.run.bands.some((b) => b.n === n && b.t0 <= t && this.run.ends(b) >= t) ? EDGE + 1 : 2;
    }

    arrow(m) {
      const [x0, y0, x1, y1] = (m.p = this.ends(m));
      const cls = m.fate === 'drop' ? 'lost' : m.c;
      const a = Math.atan2(y1 - y0, x1 - x0), at = (d, r) => `${(x1 + d * Math.cos(a + r)).toFixed(1)} ${(y1 + d * Math.sin(a + r)).toFixed(1)}`;
      const line = `<path class="tp-line${m.copy ? ' tp-copy' : ''}" d="M${x0} ${y0}L${x1} ${y1}"/>`;
      let head = `<path class="tp-fill" d="M${x1} ${y1}L${at(-11, 0.38)}L${at(-11, -0.38)}z"/>`;
      if (m.fate === undefined) head = `<circle class="tp-open" cx="${x1}" cy="${y1}" r="3.5"/>`;
      else if (cls === 'reply') head = `<path class="tp-line" d="M${at(-10, 0.5)}L${x1} ${y1}L${at(-10, -0.5)}"/>`;
      else if (cls === 'refusal') head = `<path class="tp-line" d="M${at(-10, 0.5)}L${x1} ${y1}L${at(-10, -0.5)}"/><path class="tp-bar" d="M${at(-13, 0.55)}L${at(-13, -0.55)}"/>`;
      else if (cls === 'gossip') head = `<circle class="tp-fill" cx="${x1}" cy="${y1}" r="4"/>`;
      else if (cls === 'lost') head = `<path class="tp-bar" d="M${x1 - 5} ${y1 - 5}l10 10m0 -10l-10 10"/>`;
      this.add(m.i0, line + head, `tp-msg tp-${cls}`);
    }

    arrowLabel(m) {
      const [x0, y0, x1, y1] = m.p, text = short(m.m, 26), w = text.length * 6.5;
      if (!text || m.copy) return;
      const spots = [];
      for (const f of [0.5, 0.36, 0.64, 0.22, 0.78]) {
        const x = x0 + (x1 - x0) * f, y = y0 + (y1 - y0) * f + 4, right = (x1 - x0) * (y1 - y0) <= 0 || x1 === x0;
        const r = [x + 8, y], l = [x - w - 8, y];
        spots.push(...(right ? [[r[0], r[1] + 5], [l[0], l[1] - 5]] : [[r[0], r[1] - 5], [l[0], l[1] + 5]]));
      }
      this.label(m.i0, text, spots, `tp-${m.fate === 'drop' ? 'lost' : m.c}`, w);
    }

    // Puts a text at the first spot where it covers no other; with no such spot the caption alone tells it.
    label(i, text, spots, cls, w, always, from = 0) {
      const wide = Math.min(text.length * 6.5, w), limit = this.s.width - 4;
      const near = (x) => [0, 1, 2].flatMap((i) => this.taken.get(Math.floor(x / 300) - 1 + i) || []);
      // No text of a message on a lane's line.
      const lines = this.run.nodes.map((n) => this.y(n.id));
      const free = spots.find(([x, y]) => x > 2 && x + wide < limit && !lines.some((line) => y - 10 < line + 6 && y + 3 > line - 6) && !near(x).some((o) => x < o[2] && x + wide > o[0] && y - 10 < o[3] && y + 3 > o[1]));
      const spot = free || (always && spots[0]);
      if (!spot) return;
      const cell = Math.floor(spot[0] / 300);
      if (!this.taken.has(cell)) this.taken.set(cell, []);
      this.taken.get(cell).push([spot[0], spot[1] - 10, spot[0] + wide, spot[1] + 3]);
      this.labels.push(`<text data-i="${i}" data-x="${from.toFixed(0)}" class="tp-label ${cls}" x="${spot[0].toFixed(1)}" y="${spot[1].toFixed(1)}">${esc(text)}</text>`);
    }

    // Marks of one moment stand side by side.
    place() {
      this.marks = new Map();
      this.onLane = new Map();
      const last = new Map();
      this.run.events.forEach((e, i) => {
        if (!MARKS[e.k] || (e.k === 'up' && e.t === this.run.start)) return;
        const x = this.s.x(e.t), before = last.get(e.n), row = e.k === 'op' || e.k === 'ret';
        const at = row || before === undefined ? x : Math.max(x, before + 15);
        if (!row) {
          last.set(e.n, at);
          if (!this.onLane.has(e.n)) this.onLane.set(e.n, []);
          this.onLane.get(e.n).push(at);
        }
        this.marks.set(i, Math.min(at, x + 32));
      });
    }

    mark(e, i) {
      if (!this.marks.has(i)) return;
      const x = this.marks.get(i), y = this.y(e.n);
      this.add(i, `<g transform="translate(${x} ${y})">${MARKS[e.k]}</g>`, `tp-mark tp-${e.k}mark`);
      if ((e.k === 'op' || e.k === 'ret') && e.m) {
        const text = short(e.m, 24), w = text.length * 6.5;
        this.label(i, text, [[x + 8, y - 15], [x - w - 8, y - 15]], 'tp-calllabel', w);
      }
    }

    svg(title) {
      const { s, run, id } = this, v = run.trace.violation, h = this.height;
      const axis = s.ticks().map((t) => `<path class="tp-grid" d="M${s.x(t)} ${this.top - 12}V${h - 8}"/><text class="tp-tick-text" x="${clamp(s.x(t), 20, s.width - 24)}" y="${this.top - 20}">${brief(t)}</text>`).join('');
      const breaks = s.breaks.map((x) => `<path class="tp-break" d="M${x - 4} ${this.top - 6}l4 -7M${x} ${this.top - 6}l4 -7"/>`).join('');
      const lanes = run.nodes.map((n) => `<path class="tp-lane" d="M4 ${this.y(n.id)}H${s.width - 6}"/><text class="tp-printed" x="4" y="${this.y(n.id) - 14}">${esc(n.name)}</text>`).join('');
      const hatch = (key, cls, d) => `<pattern id="${id}${key}" width="8" height="8" patternUnits="userSpaceOnUse"><rect class="${cls}-bg" width="8" height="8"/><path class="${cls}" d="${d}"/></pattern>`;
      let flag = '';
      if (v) {
        const x = s.x(v.t), wide = v.invariant.length * 6.7 + 26, left = clamp(x - wide + 10, 2, s.width - wide - 2);
        const rings = v.nodes.filter((n) => run.lane.has(n)).map((n) => `<circle class="tp-hit" cx="${x}" cy="${this.y(n)}" r="14"/>`).join('');
        flag = `<g class="tp-flag" data-i="${run.broken}"><path d="M${x} ${this.top - 12}V${h - 20}"/>${rings}<rect x="${left}" y="${h - 22}" width="${wide}" height="20" rx="10"/><text x="${left + 10}" y="${h - 8}">✕ ${esc(v.invariant)}</text></g>`;
      }
      return `<svg role="img" aria-label="${esc(title)}" viewBox="0 0 ${s.width} ${h}" width="${s.width}" height="${h}">
<defs>${hatch('p', 'tp-hatch-p', 'M-2 10L10 -2')}${hatch('d', 'tp-hatch-d', 'M-2 10L10 -2M-2 -2L10 10')}${hatch('c', 'tp-hatch-c', 'M-2 2L2 -2M-2 10L10 -2M6 10L10 6')}
<clipPath id="${id}k"><rect x="-20" y="0" width="0" height="${h}"/></clipPath></defs>
<g>${axis}${breaks}${lanes}</g><g class="tp-ghost">${this.scene.join('')}</g><g class="tp-done" clip-path="url(#${id}k)">${this.scene.join('')}</g>
<g class="tp-labels">${this.labels.join('')}</g>${flag}<g class="tp-flying"></g><circle class="tp-focus" r="13"/>
<g class="tp-cursor"><path d="M0 ${this.top - 12}V${h - 8}"/><rect x="-34" y="${this.top - 34}" width="68" height="20" rx="10"/><text y="${this.top - 20}"></text></g></svg>`;
    }
  }

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
      this.picture = new Picture(this.run, Math.max(this.wide - column - 18, least), this.id, roomy);
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
