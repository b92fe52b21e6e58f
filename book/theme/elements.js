// <lab-chart> and <lab-quiz>, and what stock mdBook leaves to mend.
//
// Both elements read the page's own text: a chart its table, a quiz its list and its folded answer. Without this script
// the table and the list are the figure.
'use strict';
(() => {
  const esc = (s) => String(s).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
  let made = 0;

  class LabChart extends HTMLElement {
    connectedCallback() {
      const table = this.querySelector('table');
      if (this.dataset.ready || !table) return;
      this.dataset.ready = 'yes';
      const cells = (row) => [...row.cells].map((cell) => cell.textContent.trim());
      const head = cells(table.tHead.rows[0]);
      const rows = [...table.tBodies[0].rows].map(cells).filter((row) => row.length > 1);
      const number = (text) => parseFloat(text.replace(/[\s,_%×]/g, '').replace('−', '-'));
      this.series = head.slice(1).map((name, i) => ({ name, values: rows.map((row) => number(row[i + 1] || '')) }));
      this.labels = rows.map((row) => row[0]);
      this.bars = this.getAttribute('type') === 'bar';
      this.xs = this.bars ? rows.map((_, i) => i) : this.labels.map(number);
      this.mount(table.closest('.table-wrapper') || table, head[0]);
    }

    mount(table, first) {
      const title = this.getAttribute('title') || '';
      // The browser's own tooltip would cover the chart.
      this.removeAttribute('title');
      const box = document.createElement('div');
      box.className = 'lab-chart';
      const sample = (i) => (this.bars ? `<rect class="lc-barre" x="8" y="1" width="18" height="12" fill-opacity="${1 - i * 0.3}"/>` : `<path d="M1 7h32"/>${this.dot(i, 17, 7)}`);
      const key = (s, i) => `<li><svg viewBox="0 0 34 14" height="14" aria-hidden="true"><g class="lc-s lc-s${i % 4}">${sample(i)}</g></svg>${esc(s.name)}</li>`;
      const legend = this.series.length > 1 ? `<ul class="lc-legend">${this.series.map(key).join('')}</ul>` : '';
      box.innerHTML = `<p class="lc-title">${esc(title)}</p>${legend}<div class="lc-plot"></div><details><summary>The numbers</summary></details>`;
      this.append(box);
      box.querySelector('details').append(table);
      const plot = box.querySelector('.lc-plot');
      const draw = () => (plot.innerHTML = this.svg(plot.clientWidth || 660, title, this.getAttribute('x') || first));
      draw();
      let wide = plot.clientWidth;
      new ResizeObserver(() => plot.clientWidth !== wide && ((wide = plot.clientWidth), draw())).observe(plot);
      addEventListener('beforeprint', () => (box.querySelector('details').open = true));
    }

    scale(values, from, to, log, zero) {
      const good = values.filter(Number.isFinite);
      let lo = Math.min(...good), hi = Math.max(...good);
      if (log) {
        const f = (v) => from + ((Math.log10(v) - Math.log10(lo)) / (Math.log10(hi / lo) || 1)) * (to - from);
        const ticks = [];
        for (let p = Math.floor(Math.log10(lo)); p <= Math.ceil(Math.log10(hi)); p++) for (const m of [1, 2, 5]) ticks.push(m * 10 ** p);
        return { f, ticks: ticks.filter((t) => t >= lo * 0.999 && t <= hi * 1.001) };
      }
      if (zero) [lo, hi] = [Math.min(0, lo), Math.max(0, hi)];
      const raw = (hi - lo) / 5 || 1, ten = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 2.5, 5, 10].map((n) => n * ten).find((n) => n >= raw);
      const top = zero ? Math.ceil(hi / step - 1e-9) * step : hi, ticks = [];
      for (let t = Math.ceil(lo / step) * step; t <= top + step * 1e-6; t += step) ticks.push(+t.toPrecision(6));
      return { f: (v) => from + ((v - lo) / (top - lo || 1)) * (to - from), ticks };
    }

    svg(width, title, xName) {
      const base = Math.round(Math.min(320, Math.max(220, width * 0.5))), all = this.series.flatMap((s) => s.values), n = this.xs.length;
      const y = this.scale(all, base - 48, 24, this.hasAttribute('log-y'), true);
      const left = 14 + Math.max(...y.ticks.map((t) => String(t).length)) * 7.4, slot = (width - left - 12) / (n || 1);
      const x = this.bars ? { f: (i) => left + (i + 0.5) * slot, ticks: this.xs } : this.scale(this.xs, left + 8, width - 18, this.hasAttribute('log-x'));
      let free = -Infinity;
      const names = this.bars ? this.labels.map((label) => this.wrap(label, slot)) : [];
      const more = Math.max(0, ...names.map((lines) => lines.length - 1)) * 15, h = base + more;
      const named = (lines, i) => lines.map((line, j) => `<text x="${x.f(i)}" y="${base - 29 + j * 15}" text-anchor="middle">${esc(line)}</text>`).join('');
      const xTicks = this.bars ? names.map(named).join('') : x.ticks.map((t) => {
        const text = String(t), half = text.length * 3.6;
        if (x.f(t) - half < free) return '';
        free = x.f(t) + half + 6;
        return `<text x="${x.f(t)}" y="${base - 29}" text-anchor="middle">${esc(text)}</text>`;
      }).join('');
      const grid = y.ticks.map((t) => `<path class="lc-grid" d="M${left} ${y.f(t)}H${width - 8}"/><text x="${left - 6}" y="${y.f(t) + 4}" text-anchor="end">${t}</text>`).join('');
      const marks = this.series.map((s, i) => (this.bars ? this.rects(s, i, x, y, slot) : this.line(s, i, x, y))).join('');
      const told = this.series.map((s) => `${s.name}: ${this.labels.map((l, i) => `${l} ${s.values[i]}`).join(', ')}`).join('. ');
      const id = `lc${++made}`;
      return `<svg role="img" aria-labelledby="${id}t ${id}d" viewBox="0 0 ${width} ${h}"><title id="${id}t">${esc(title)}</title><desc id="${id}d">${esc(told)}</desc>
${grid}<path class="lc-axis" d="M${left} 18V${base - 44}H${width - 8}"/>${xTicks}<text x="${(left + width) / 2}" y="${h - 8}" text-anchor="middle">${esc(xName)}</text><text x="2" y="12">${esc(this.getAttribute('y') || '')}</text>${marks}</svg>`;
    }

    line(s, i, x, y) {
      const points = s.values.map((v, j) => [x.f(this.xs[j]), y.f(v)]).filter((p) => p.every(Number.isFinite)).map((p) => p.map((c) => c.toFixed(1)));
      return `<g class="lc-s lc-s${i % 4}"><path d="M${points.map((p) => p.join(' ')).join('L')}"/>${points.map(([px, py]) => this.dot(i, px, py)).join('')}</g>`;
    }

    // Series differ in shape as well as in colour.
    dot(i, x, y) {
      return [`<circle class="lc-dot" cx="${x}" cy="${y}" r="4.5"/>`, `<path class="lc-dot" d="M${x} ${y - 6}l5.5 10h-11z"/>`, `<rect class="lc-dot" x="${x - 4}" y="${y - 4}" width="8" height="8"/>`, `<path class="lc-dot" d="M${x} ${y - 6}l6 6l-6 6l-6 -6z"/>`][i % 4];
    }

    wrap(label, slot) {
      const lines = [''], room = Math.max(4, Math.floor(slot / 6.6));
      for (const full of label.split(' ')) {
        const word = full.length > room ? `${full.slice(0, room - 1)}…` : full;
        const longer = `${lines[lines.length - 1]} ${word}`.trim();
        if (longer.length > room && lines[lines.length - 1]) lines.push(word);
        else lines[lines.length - 1] = longer;
      }
      return lines;
    }

    rects(s, i, x, y, slot) {
      const w = Math.min(46, (slot * 0.78) / this.series.length), base = y.f(0);
      return `<g class="lc-s lc-s${i % 4}">${s.values.map((v, j) => {
        if (!Number.isFinite(v)) return '';
        const px = x.f(j) + (i - this.series.length / 2) * w, py = y.f(v);
        return `<rect class="lc-barre" x="${px + 1}" y="${Math.min(py, base)}" width="${w - 2}" height="${Math.abs(base - py)}" fill-opacity="${1 - i * 0.3}"/><text x="${px + w / 2}" y="${py - 5}" text-anchor="middle" stroke="none">${esc(v)}</text>`;
      }).join('')}</g>`;
    }
  }

  // The question, a list of options, and <details> with the answer; answer="2" names the right option.
  class LabQuiz extends HTMLElement {
    connectedCallback() {
      const list = this.querySelector(':scope > ol, :scope > ul'), answer = this.querySelector(':scope > details');
      if (this.dataset.ready || !list || !answer) return;
      this.dataset.ready = 'yes';
      const name = `quiz-${++made}`, right = +this.getAttribute('answer') - 1;
      const box = document.createElement('div'), set = document.createElement('fieldset'), legend = document.createElement('legend');
      box.className = 'lab-quiz';
      while (this.firstChild !== list) legend.append(this.firstChild);
      set.append(legend);
      const labels = [...list.children].map((item, i) => {
        const label = document.createElement('label'), text = document.createElement('span');
        label.innerHTML = `<input type="radio" name="${name}" value="${i}">`;
        text.append(...item.childNodes);
        label.append(text);
        set.append(label);
        return label;
      });
      const says = document.createElement('div');
      says.className = 'lq-says';
      says.setAttribute('aria-live', 'polite');
      list.remove();
      answer.hidden = true;
      box.append(set, says, answer);
      this.append(box);
      addEventListener('beforeprint', () => ((answer.hidden = false), (answer.open = true)));
      this.addEventListener('keydown', (event) => event.key.startsWith('Arrow') && event.stopPropagation());
      set.addEventListener('change', (event) => {
        const at = +event.target.value, good = at === right;
        labels.forEach((label, i) => label.classList.toggle('lq-right', good && i === at));
        labels[at].classList.toggle('lq-wrong', !good);
        says.innerHTML = `<strong>${good ? '✓ Right.' : '✕ Not this one. Think again, or read the answer.'}</strong>`;
        answer.hidden = false;
        if (good) answer.open = true;
      });
    }
  }

  customElements.define('lab-chart', LabChart);
  customElements.define('lab-quiz', LabQuiz);
})();

// What scrolls sideways must be reached by the keyboard: a listing or a table that is wider than the page.
(() => {
  const reach = () => document.querySelectorAll('main pre > code, main .table-wrapper').forEach((el) => {
    if (el.scrollWidth > el.clientWidth) el.tabIndex = 0;
    else el.removeAttribute('tabindex');
  });
  reach();
  addEventListener('resize', reach);
  addEventListener('load', reach);
})();

// mdBook's switch of the sidebar is a label with a button's attributes: make it the button that it says it is.
(() => {
  const toggle = document.getElementById('mdbook-sidebar-toggle');
  if (!toggle) return;
  toggle.setAttribute('role', 'button');
  toggle.tabIndex = 0;
  toggle.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    toggle.click();
  });
})();
