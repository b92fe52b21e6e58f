// A run of the simulator, ready to be drawn: what belongs together, where it lies in time, and how it is said.
'use strict';
const TraceRun = (() => {
  const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
  const short = (s, n) => (s.length > n ? s.slice(0, n - 1) + '…' : s);
  const clamp = (v, a, b) => Math.min(b, Math.max(a, v));
  const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1] || 1;
  const clock = (t) => (t / 1e3).toFixed(3) + ' ms';
  const brief = (t) => +(t / 1e3).toFixed(1) + ' ms';
  const words = (name) => name.replace(/_/g, ' ');
  // The same words as the terminal's.
  const part = (name, v) => {
    if (typeof v === 'string') return v;
    if (Array.isArray(v) && v.length > 1) return `${words(name)} [${value(v)}]`;
    if (v && typeof v === 'object' && !Array.isArray(v) && Object.keys(v).length) return `${words(name)} (${value(v)})`;
    return `${words(name)} ${Number.isInteger(v) && name.endsWith('until') ? clock(v) + ' on its clock' : value(v)}`;
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

  return { Run, Scale, esc, short, clamp, clock, brief, words, value };
})();
