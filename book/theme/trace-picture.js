// The picture of a run: lanes, messages, bands and marks as SVG, each with the event from which it is there.
'use strict';
const TracePicture = (() => {
  const { Scale, esc, short, clamp, brief } = TraceRun;
  const LANE = 78, TOP = 40, EDGE = 11;
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

  return Picture;
})();
