// A node by hand: what can happen next as cards, each with words for what to do about it.
//
// The page keeps nothing but the path, and that in its address: every choice posts the whole path, and the answer is
// the whole state. So the browser's Back is a step back, and the address is the link.
'use strict';
(() => {
  const { esc, brief, words, value } = TraceRun;
  const FATES = [['', 'to its end'], [' | cut 0', 'crash before its first effect leaves'], [' | cut 1', 'crash after 1 effect'], [' | cut 2', 'crash after 2 effects'], [' | cut 3', 'crash after 3 effects'], [' | stall 0', 'pause before its first effect leaves'], [' | stall 1', 'pause after 1 effect'], [' | stall 2', 'pause after 2 effects'], [' | slow 0', 'its first sync is slow'], [' | badsync 0', 'its first sync fails']];
  const SECTIONS = [['message', 'Messages under way', 'Nothing is under way.'], ['timer', 'Timers', 'No timer is pending.'], ['ask', 'Clients may ask', 'No node is there to be asked.'], ['call', 'Clients that wait', ''], ['time', 'Time', ''], ['node', 'Nodes', '']];
  const BAR = [['back', 'Step back', 'u'], ['first', 'To the start', ''], ['again', 'Run again with the code as it is now', 'r'], ['save', 'Save as a regression', ''], ['link', 'Copy the link', '']];

  class LabExplore extends HTMLElement {
    connectedCallback() {
      if (this.at) return;
      this.lab = this.getAttribute('lab');
      this.at = { scene: '', path: [] };
      this.className = 'le';
      this.innerHTML = `<div class="le-start"><label>Scene <select class="le-scenes"></select></label><button type="button" data-start="scene">Start</button><button type="button" data-start="last">Start from the last failure</button></div>
<div class="le-bar" role="group" aria-label="The path">${BAR.map(([name, word, key]) => `<button type="button" data-bar="${name}"${key ? ` aria-keyshortcuts="${key}"` : ''}>${word}</button>`).join('')}</div>
<p class="le-hint">Keys, while the focus is in here: <kbd>u</kbd> steps back, <kbd>r</kbd> runs the path again. After a save of your file the next step uses the new code.</p>
<p class="le-says" role="status" tabindex="-1">Your code is being built …</p>
<div class="le-alert" role="alert"></div><div class="le-notes"></div>
<p class="le-watched"></p>
<p class="le-fate"><label>The next handler runs <select>${FATES.map(([key, word]) => `<option value="${key}">${word}</option>`).join('')}</select></label></p>
<div class="le-sections"></div>
<details class="le-path" open><summary>The path so far</summary><ol></ol></details>
<div class="le-run"></div>`;
      this.addEventListener('click', (event) => this.click(event));
      this.addEventListener('keydown', (event) => this.key(event));
      addEventListener('popstate', () => this.read());
      this.read();
    }

    $(selector) {
      return this.querySelector(selector);
    }

    // The address says where to begin: a run to take up, or a scene and its steps.
    read() {
      const asked = new URLSearchParams(location.hash.slice(1));
      const from = asked.get('from');
      if (from) return this.ask({ from, newest: 1 }, 'replace');
      return this.ask({ scene: asked.get('scene') || '', path: asked.getAll('step'), newest: 1 }, 'keep');
    }

    address() {
      const parts = [['scene', this.at.scene], ...this.at.path.map((step) => ['step', step])];
      return '#' + new URLSearchParams(parts);
    }

    async ask(question, history) {
      if (this.busy) return;
      this.busy = true;
      this.setAttribute('aria-busy', 'true');
      const focus = this.place();
      let answer;
      try {
        const got = await fetch(`/.lab/explore/${this.lab}`, { method: 'POST', body: JSON.stringify(question) });
        const text = await got.text();
        try { answer = JSON.parse(text); } catch { answer = { error: text }; }
      } catch (error) {
        answer = { error: `The server does not answer (${error.message}): is \`cargo lab explore\` still running?` };
      }
      this.busy = false;
      this.removeAttribute('aria-busy');
      this.show(question, answer, history);
      this.focusAgain(focus);
    }

    show(question, answer, history) {
      const frame = answer.frame;
      if (answer.scenes) this.scenes(answer.scenes, frame);
      if (frame) {
        this.frame = frame;
        this.at = { scene: frame.scene, path: frame.path };
      } else if (question.path) {
        // The code did not come back from this path: it stays, so that one can step back from it.
        this.at = { scene: question.scene, path: question.path };
      }
      if (history === 'push' && location.hash !== this.address()) window.history.pushState(null, '', this.address());
      if (history === 'replace' && frame) window.history.replaceState(null, '', this.address());
      this.alert(answer, frame);
      this.notes(answer, frame);
      this.says(answer, frame);
      this.cards(frame);
      this.path(frame);
      if (frame) this.run(frame);
      this.dataset.hash = frame ? frame.hash : '';
      this.dataset.steps = this.at.path.length;
    }

    scenes(all, frame) {
      const box = this.$('.le-scenes');
      const html = all.map((s) => `<option value="${esc(s.name)}">${esc(s.name)}: ${esc(s.title)}</option>`).join('');
      if (box.dataset.html !== html) box.innerHTML = box.dataset.html = html;
      if (frame) box.value = frame.scene;
    }

    // What is wrong, by its name.
    alert(answer, frame) {
      let text = '';
      const broken = frame && frame.broken;
      if (broken && broken.todo) text = `<b>To do: ${esc(broken.todo)}</b> This step needs it. Step back, or write it and run again.`;
      else if (broken && broken.place) text = `<b>Your code panicked</b> at ${esc(broken.place)}: ${esc(broken.message)}`;
      else if (broken) text = `<b>${esc(broken.invariant)} is broken:</b> ${esc(broken.message)}`;
      else if (answer.ended) text = `<b>Your code did not come back from the last step (${esc(answer.ended.verdict)}):</b> ${esc(answer.ended.message)}`;
      else if (answer.not_built) text = `<b>Your code does not compile.</b> Mend it, then run again.<pre>${esc(answer.not_built)}</pre>`;
      else if (answer.error) text = `<b>That did not work:</b> ${esc(answer.error)}`;
      this.$('.le-alert').innerHTML = text;
    }

    notes(answer, frame) {
      const notes = [], saved = answer.saved;
      if (frame && frame.parted) notes.push(`The path ends after ${frame.parted.after} steps. The next one, <code>${esc(frame.parted.step)}</code>, cannot be taken: ${esc(frame.parted.why)}`);
      if (saved) notes.push(saved.error ? `Not saved: ${esc(saved.error)}` : `Saved as <b>${esc(saved.name)}</b> in <code>${esc(saved.file)}</code>. <code>cargo lab test ${esc(this.lab)}</code> tries it from now on, and <code>${esc(saved.command)}</code> tells it.`);
      const left = answer.left_out || [];
      if (left.length) notes.push(`A hand cannot do all of that run, or your code does otherwise. Left out: <ul>${left.slice(0, 12).map((text) => `<li>${esc(text)}</li>`).join('')}${left.length > 12 ? `<li>and ${left.length - 12} more</li>` : ''}</ul>`);
      if (answer.output) notes.push(`Your code printed:<pre tabindex="0">${esc(answer.output)}</pre>`);
      this.$('.le-notes').innerHTML = notes.map((note) => `<div>${note}</div>`).join('');
    }

    says(answer, frame) {
      if (!frame) return (this.$('.le-says').textContent = `After ${this.at.path.length} steps: no state to show.`);
      const steps = frame.path.length, last = frame.said[steps - 1];
      const saved = answer.saved && answer.saved.name ? ` Saved as ${answer.saved.name}.` : '';
      const next = frame.broken ? '' : ` ${frame.offers.length} cards to choose from.`;
      this.$('.le-says').textContent = `${brief(frame.now)}, ${steps} ${steps === 1 ? 'step' : 'steps'}. ${last ? `Now: ${last}.` : 'All nodes have started.'}${next}${saved}`;
      this.$('.le-watched').textContent = frame.watched.length ? `Watched after every step: ${frame.watched.join(', ')}.` : '';
      return undefined;
    }

    cards(frame) {
      const box = this.$('.le-sections'), name = (id) => (frame.nodes.find((n) => n.id === id) || { name: '' }).name;
      this.deeds = [];
      if (!frame) return (box.innerHTML = '');
      const html = SECTIONS.map(([topic, title, none]) => {
        const offers = frame.offers.filter((o) => o.topic === topic);
        let cards = offers.map((o) => this.card(o, name));
        if (topic === 'node') cards = frame.nodes.map((n) => this.node(n, offers.find((o) => o.node === n.id)));
        if (topic === 'ask') cards = frame.nodes.map((n) => this.asks(n, offers.filter((o) => o.node === n.id)));
        cards = cards.filter(Boolean);
        if (!cards.length && !none) return '';
        return `<section class="le-${topic}" aria-label="${title}"><h2>${title}</h2>${cards.length ? `<ul>${cards.join('')}</ul>` : `<p class="le-none">${none}</p>`}</section>`;
      });
      box.innerHTML = html.join('');
      return undefined;
    }

    card(o, name) {
      const facts = [];
      if (o.topic === 'message') facts.push(`${o.class}, ${name(o.from)} → ${name(o.node)}`);
      if (o.topic === 'timer' || o.topic === 'call') facts.push(name(o.node));
      if (o.count > 1) facts.push(`${o.count} of them`);
      if (o.due !== null) facts.push(o.due > 0 ? `due in ${brief(o.due)}` : o.due < 0 ? `late by ${brief(-o.due)}` : 'due now');
      if (o.remark) facts.push(o.remark);
      const about = o.topic === 'message' ? `“${o.text}” from ${name(o.from)} to ${name(o.node)}` : `“${o.text}” at ${name(o.node)}`;
      const what = o.topic === 'time' ? '' : `<p class="le-what">${esc(o.text)}</p>`;
      return `<li class="le-card">${what}${facts.length ? `<p class="le-facts">${esc(facts.join(' · '))}</p>` : ''}${this.buttons(o, o.topic === 'time' ? '' : about)}</li>`;
    }

    // All that may be asked of one node.
    asks(n, offers) {
      if (!offers.length) return '';
      const deeds = offers.map((o) => ({ ...o.deeds[0], word: o.text }));
      return `<li class="le-card"><p class="le-facts">${esc(n.name)}</p>${this.buttons({ topic: 'ask', deeds }, `ask ${n.name}`)}</li>`;
    }

    // What a node shows, and what the last step changed in it, in words and not only in colour.
    node(n, o) {
      const view = n.view && typeof n.view === 'object' ? n.view : n.view === null ? {} : { view: n.view };
      const before = n.before && typeof n.before === 'object' ? n.before : {};
      const rows = Object.keys(view).map((key) => {
        const now = value(view[key]), was = key in before ? value(before[key]) : now;
        return `<div class="${was === now ? '' : 'le-changed'}"><dt>${esc(words(key))}</dt><dd>${esc(now)}${was === now ? '' : ` <small>changed, was ${esc(was)}</small>`}</dd></div>`;
      });
      const state = n.state === 'up' ? '' : ` <b class="le-is">${esc(n.state)}</b>`;
      return `<li class="le-card"><h3>${esc(n.name)}${state}</h3>${rows.length ? `<dl>${rows.join('')}</dl>` : '<p class="le-none">shows nothing</p>'}${o ? this.buttons(o, n.name) : ''}</li>`;
    }

    buttons(o, about) {
      const one = (deed) => {
        const at = this.deeds.push(deed) - 1;
        return `<button type="button" data-deed="${at}" data-key="${esc(o.topic + deed.steps.join())}"${about ? ` aria-label="${esc(`${deed.word}: ${about}`)}"` : ''}>${esc(deed.word)}</button>`;
      };
      return `<p class="le-deeds">${o.deeds.map(one).join('')}</p>`;
    }

    path(frame) {
      const said = frame ? frame.said : [];
      this.$('.le-path ol').innerHTML = this.at.path.map((step, i) => `<li><span>${esc(said[i] || step)}</span> <button type="button" data-to="${i + 1}" aria-label="Back to here: after step ${i + 1}">Back to here</button></li>`).join('');
      this.querySelectorAll('[data-bar=back], [data-bar=first], [data-bar=save]').forEach((button) => button.setAttribute('aria-disabled', !this.at.path.length));
    }

    // The run so far, in the book's own player.
    run(frame) {
      const box = this.$('.le-run');
      if (!frame.trace.events.length) return (box.innerHTML = '');
      const data = JSON.stringify(frame.trace).replace(/</g, '\\u003c');
      box.innerHTML = `<trace-player>${frame.figure.replace('>', `><script type="application/json">${data}</script>`)}</trace-player>`;
      return undefined;
    }

    click(event) {
      const button = event.target.closest('button');
      if (!button || button.getAttribute('aria-disabled') === 'true') return;
      const { deed, to, bar, start } = button.dataset;
      if (deed) this.take(this.deeds[deed]);
      else if (to) this.go(this.at.path.slice(0, to));
      else if (bar) this[bar]();
      else if (start === 'last') this.ask({ from: 'last', newest: 1 }, 'push');
      else if (start) this.ask({ scene: this.$('.le-scenes').value, path: [], newest: 1 }, 'push');
    }

    take(deed) {
      const fate = this.$('.le-fate select');
      const steps = [...deed.steps];
      if (deed.handler) steps[steps.length - 1] += fate.value;
      fate.value = '';
      this.ask({ scene: this.at.scene, path: [...this.at.path, ...steps], newest: steps.length }, 'push');
    }

    go(path) {
      this.ask({ scene: this.at.scene, path, newest: 1 }, 'push');
    }

    back() {
      if (this.at.path.length) this.go(this.at.path.slice(0, -1));
    }

    first() {
      this.go([]);
    }

    again() {
      this.ask({ scene: this.at.scene, path: this.at.path, newest: 1 }, 'replace');
    }

    save() {
      this.ask({ scene: this.at.scene, path: this.at.path, newest: 1, save: true }, 'keep');
    }

    async link() {
      window.history.replaceState(null, '', this.address());
      const says = this.$('.le-says');
      try {
        await navigator.clipboard.writeText(location.href);
        says.textContent = 'The link is copied: it leads to this state, on your own code.';
      } catch {
        says.textContent = 'The address of this page is the link: copy it from the address bar.';
      }
    }

    key(event) {
      // mdBook turns the page at ← and → wherever the focus is.
      if (event.key.startsWith('Arrow')) event.stopPropagation();
      if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest('select, input, textarea')) return;
      const deed = { u: () => this.back(), r: () => this.again() }[event.key];
      if (!deed) return;
      event.preventDefault();
      event.stopPropagation();
      deed();
    }

    // After a step the cards are new: the focus goes to the same button, or to the first of its section, or to the words.
    place() {
      const now = document.activeElement;
      if (!this.contains(now) || !now.closest('.le-sections, .le-path')) return null;
      const section = now.closest('section');
      return { key: now.dataset.key, section: section && section.className };
    }

    focusAgain(focus) {
      if (!focus) return;
      const same = focus.key && [...this.querySelectorAll('[data-key]')].find((button) => button.dataset.key === focus.key);
      const first = focus.section && this.$(`section.${focus.section} button`);
      (same || first || this.$('.le-says')).focus({ preventScroll: !!(same || first) });
    }
  }

  customElements.define('lab-explore', LabExplore);
})();
