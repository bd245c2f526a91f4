// What the visitor has chosen: window, user, sender, filters and recipient. It stands in the page's address behind "#",
// which browsers keep to themselves, so that no server on the way logs a recipient's address.

import { parse } from './format.js';
import { windows } from './period.js';

const names = ['window', 'from', 'to', 'user', 'sender', 'provider', 'category', 'recipient'];
const watchers = [];

// state returns what is chosen: a text for each name, empty if nothing is. What the address has that cannot be chosen is
// left out, and ignored says so.
export function state() {
  const given = new URLSearchParams(location.hash.slice(1));
  const chosen = Object.fromEntries(names.map((name) => [name, given.get(name)?.trim() ?? '']));
  const { window, from, to } = chosen;
  const ignored = [];
  if (window && !windows.some(([code]) => code === window)) {
    ignored.push(`The window “${window}” in the page's address is not one of those above`);
    chosen.window = '';
  }
  if ((from || to) && !(parse(from) < parse(to))) {
    ignored.push(`The window in the page's address, from “${from}” to “${to}”, does not end after it begins`);
    chosen.from = chosen.to = '';
  }
  for (const name of ['user', 'sender']) {
    if (!chosen[name] || /^[1-9]\d{0,17}$/.test(chosen[name])) continue;
    ignored.push(`The ${name} “${chosen[name]}” in the page's address is not a number`);
    chosen[name] = '';
  }
  if (!chosen.from) chosen.window ||= 'P7D';
  return { ...chosen, ignored };
}

// choose changes parts of the state, and adds to the browser's history.
export function choose(change) {
  const next = { ...state(), ...change };
  if (change.window) next.from = next.to = '';
  if (change.from) next.window = '';
  const given = new URLSearchParams();
  for (const name of names) if (next[name]) given.set(name, next[name]);
  const hash = '#' + given;
  if (hash !== location.hash) {
    history.pushState(null, '', hash);
    watchers.forEach((watch) => watch());
  }
}

// watchState calls watch after each change, whether made here, by the Back button or in the address bar.
export function watchState(watch) {
  watchers.push(watch);
  addEventListener('popstate', watch);
}
