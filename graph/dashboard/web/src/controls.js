// What is chosen at the top: window, user, sender, and the filters that clicks in panels set.

import { h, show } from './dom.js';
import { iso, parse } from './format.js';
import { periodOf, windows } from './period.js';
import { choose, state } from './state.js';

export function createControls() {
  const window = h(
    'select',
    { id: 'window', onchange: () => (window.value === 'custom' ? custom() : choose({ window: window.value })) },
    windows.map(([code, , name]) => h('option', { value: code }, name)),
    h('option', { value: 'custom' }, 'from … to …'),
  );
  const from = time('from', 'From (UTC)');
  const to = time('to', 'to');
  const between = h(
    'form',
    { class: 'between', hidden: true, onsubmit: take, oninput: () => to.input.setCustomValidity('') },
    from.label,
    to.label,
    h('button', null, 'Show'),
  );
  const user = h('select', { id: 'user', onchange: () => choose({ user: user.value, sender: '' }) });
  const sender = h('select', { id: 'sender', onchange: () => choose({ sender: sender.value }) });
  const recipient = h('input', {
    id: 'address',
    type: 'search',
    placeholder: 'name@example.com',
    autocomplete: 'off',
    spellcheck: 'false',
    pattern: '.*@.*',
    title: 'A whole address, such as name@example.com',
  });
  const search = h(
    'form',
    { class: 'search', role: 'search', onsubmit: find },
    labelled('Recipient', recipient),
    h('button', null, 'Find'),
  );
  const filters = h('div', { class: 'filters' });
  const shown = h('p', { id: 'shown' });
  const ignored = h('p', { class: 'note', role: 'status', hidden: true });
  let note = '';
  let entered; // the times that update last wrote into the form
  let users = [];
  let senders = [];

  function take(event) {
    event.preventDefault();
    const start = parse(`${from.input.value}Z`);
    const end = parse(`${to.input.value}Z`);
    to.input.setCustomValidity(start < end ? '' : 'The end must be after the start.');
    if (to.input.reportValidity()) choose({ from: iso(start), to: iso(end) });
  }

  function find(event) {
    event.preventDefault();
    choose({ recipient: recipient.value });
  }

  function custom() {
    const { start, end } = periodOf(state());
    choose({ from: iso(start), to: iso(Math.ceil(end / 3600) * 3600) });
  }

  // update shows what is chosen.
  function update(chosen, period) {
    window.value = chosen.window || 'custom';
    between.hidden = window.value !== 'custom';
    const times = [iso(period.start), iso(period.end)].map((time) => time.slice(0, 16));
    if (String(times) !== String(entered)) {
      [from.input.value, to.input.value] = entered = times; // an update does not undo what is being entered
      to.input.setCustomValidity('');
    }
    if (document.activeElement !== recipient) recipient.value = chosen.recipient;
    shown.textContent = period.label;
    ignored.hidden = chosen.ignored.length === 0;
    if (ignored.textContent !== said(chosen.ignored)) ignored.textContent = said(chosen.ignored);
    options(user, 'all users', withChosen(users, chosen.user), chosen.user, (id) => [id, `User ${id}`]);
    const known = senders.map((s) => s.senderId);
    options(sender, 'all senders', withChosen(known, chosen.sender), chosen.sender, (id) => [
      id,
      senders.find((s) => s.senderId === id)?.address ?? `Sender ${id}`,
    ]);
    show(
      filters,
      ['provider', 'category']
        .filter((name) => chosen[name])
        .map((name) =>
          h(
            'button',
            { class: 'filter', 'data-key': name, onclick: () => choose({ [name]: '' }) },
            `${name}: `,
            h('strong', null, chosen[name]),
            name === 'provider' && note && ` (${note})`,
            h('span', { 'aria-hidden': 'true' }, ' ×'),
            h('span', { class: 'unseen' }, ' (remove this filter)'),
          ),
        ),
    );
  }

  const element = h(
    'div',
    { class: 'controls', role: 'group', 'aria-label': 'What is shown' },
    labelled('Window', window),
    between,
    labelled('User', user),
    labelled('Sender', sender),
    search,
    shown,
    filters,
    ignored,
  );
  return {
    element,
    update,
    // note says what the filter by provider leaves out.
    note(text) {
      note = text;
      update(state(), periodOf(state()));
    },
    // offer sets the users and senders to choose from.
    offer(ids, found) {
      users = ids;
      senders = found.toSorted((a, b) => (a.address ?? '').localeCompare(b.address ?? ''));
    },
  };
}

const said = (ignored) => ignored.map((what) => `${what}, so it is ignored.`).join(' ');

// withChosen keeps a choice in the list that did nothing in this window.
const withChosen = (ids, id) => (id && !ids.includes(id) ? [...ids, id] : ids);

function options(select, all, ids, value, option) {
  show(
    select,
    h('option', { value: '' }, all),
    ids.map((id) => {
      const [code, name] = option(id);
      return h('option', { value: code }, name);
    }),
  );
  select.value = value;
}

function labelled(text, input) {
  return h('label', null, h('span', null, text), input);
}

function time(name, text) {
  const input = h('input', { type: 'datetime-local', id: name, required: true });
  return { input, label: labelled(text, input) };
}
