// The page: what is chosen at the top, and panels that show it, refreshed every minute.

import './style.css';
import { ask, Failure, now } from './api.js';
import { createControls } from './controls.js';
import { h, show } from './dom.js';
import { seconds, iso } from './format.js';
import { createKeyForm } from './key.js';
import { createRates } from './panels/rates.js';
import { createSenders } from './panels/senders.js';
import { periodOf } from './period.js';
import { state, watchState } from './state.js';

const every = 60_000; // milliseconds between refreshes
const status = document.getElementById('status');
document.getElementById('update').addEventListener('click', refresh);

const controls = createControls();
const keyForm = createKeyForm(refresh);
const panels = [
  createRates(),
  createSenders((senders) => { controls.setSenders(senders); controls.update(state(), periodOf(state())); }),
];
const grid = h('div', { class: 'panels' }, panels.map((panel) => panel.element));
document.getElementById('app').append(controls.element, keyForm.element, grid);

let updated; // when everything was last up to date, in seconds
let timer;
let latest = 0; // counts refreshes: only the latest one reports

// refresh asks for everything again. Panels keep what they show until the answers are there.
async function refresh() {
  clearTimeout(timer);
  const turn = ++latest;
  const chosen = state();
  const period = periodOf(chosen);
  const context = { chosen, period, choice: location.hash, viewer };
  controls.update(chosen, period);
  const failures = (await Promise.all([readUsers(), ...panels.map((panel) => panel.refresh(context))])).filter(Boolean);
  if (turn !== latest) return;
  report(failures);
  timer = setTimeout(() => document.visibilityState === 'visible' && refresh(), every);
}

function report(failures) {
  const refused = failures.find((failure) => failure.code === 'UNAUTHENTICATED');
  grid.hidden = Boolean(refused);
  if (refused) {
    viewer = undefined;
    keyForm.show(refused.message);
  }
  else keyForm.hide();
  const lost = failures.some((failure) => !failure.code);
  if (!lost && !refused) {
    updated = now();
    show(status, 'Updated ', h('time', { datetime: iso(Math.floor(updated)) }, seconds(updated)), ' UTC', failures.length > 0 && ', in part');
  } else {
    const since = updated ? `This is the data of ${seconds(updated)} UTC.` : '';
    show(status, h('strong', null, refused ? 'A key is needed.' : `The last update failed at ${seconds(now())} UTC.`), ` ${since}`);
  }
  document.body.classList.toggle('stale', lost);
}

let viewer;
const viewerQuery = `query Viewer($window: Window!) {
  viewer { name users permissions }
  users(window: $window, first: 500) { nodes { userId } }
}`;

// readUsers finds the users to choose from, once.
async function readUsers() {
  if (viewer) return undefined;
  try {
    const { data } = await ask(viewerQuery, { window: { last: 'P90D' } });
    viewer = data.viewer;
    controls.setUsers(viewer.users ?? data.users?.nodes.map((user) => user.userId) ?? []);
    controls.update(state(), periodOf(state()));
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error;
  }
}

watchState(refresh);
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && !(now() - updated < every / 1000)) refresh();
});
refresh();
