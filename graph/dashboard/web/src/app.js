// The page: what is chosen at the top, and panels that show it, refreshed every minute.

import './style.css';
import { ask, Failure, isPassing, now } from './api.js';
import { filtersOf, mostDomains } from './breakdown.js';
import { createControls } from './controls.js';
import { h, show } from './dom.js';
import { seconds, iso } from './format.js';
import { createKeyForm } from './key.js';
import { sentence } from './panel.js';
import { createRates } from './panels/rates.js';
import { createGroups } from './panels/groups.js';
import { createRecipient } from './panels/recipient.js';
import { createSenders } from './panels/senders.js';
import { periodOf, variablesOf } from './period.js';
import { state, watchState } from './state.js';

const every = 60_000; // milliseconds between refreshes
const status = document.getElementById('status');
document.getElementById('update').addEventListener('click', refresh);

const controls = createControls();
const keyForm = createKeyForm(refresh);
const panels = [
  createRecipient(),
  createRates(),
  createGroups({
    id: 'providers',
    title: 'Providers',
    dimension: 'PROVIDER',
    selects: 'provider',
    column: 'Mailbox provider',
  }),
  createGroups({
    id: 'categories',
    title: 'Categories',
    dimension: 'CATEGORY',
    selects: 'category',
    column: 'Category',
  }),
  createGroups({
    id: 'diagnostics',
    title: 'Diagnostics',
    dimension: 'DIAGNOSTIC',
    column: 'What servers said',
    needs: 'content:read',
    wide: true,
  }),
  createSenders(),
  createGroups({
    id: 'senders-filtered',
    title: 'Senders',
    dimension: 'SENDER',
    selects: 'sender',
    column: 'Sender',
    wide: true,
    only: ({ chosen }) => chosen.provider || chosen.category, // without filters there is more to show about senders
  }),
];
const grid = h(
  'div',
  { class: 'panels' },
  panels.map((panel) => panel.element),
);
const problem = h('p', { class: 'note', role: 'alert', hidden: true });
document.getElementById('app').append(controls.element, keyForm.element, problem, grid);

let updated; // when everything was last up to date, in seconds
let timer;
let latest = 0; // counts refreshes: only the latest one reports

// refresh asks for everything again. Panels keep what they show until the answers are there.
async function refresh() {
  clearTimeout(timer);
  const turn = ++latest;
  const chosen = state();
  const period = periodOf(chosen);
  controls.update(chosen, period);
  const unknown = await readViewer();
  if (turn !== latest) return;
  const context = { chosen, period, choice: location.hash, viewer, refresh, domains: [] };
  const whole = unknown ?? (await findDomains(context));
  if (turn !== latest) return;
  const asked = whole ? [whole] : [readChoices(context), ...panels.map((panel) => panel.refresh(context))];
  const failures = (await Promise.all(asked)).filter(Boolean);
  if (turn !== latest) return;
  report(failures, asked.length);
  timer = setTimeout(() => document.visibilityState === 'visible' && refresh(), every);
}

// report says how an update went, of so many requests.
function report(failures, asked) {
  const refused = failures.find((failure) => failure.refused);
  if (refused) {
    viewer = undefined;
    keyForm.show(refused.message);
  } else keyForm.hide();
  const lost = failures.some((failure) => failure.passing) || (asked === 1 && failures.length === 1);
  if (!lost && !refused) {
    updated = now();
    show(
      status,
      'Updated ',
      h('time', { datetime: iso(Math.floor(updated)) }, seconds(updated)),
      ' UTC',
      failures.length > 0 && ', in part',
    );
  } else {
    const since = updated ? `This is the data of ${seconds(updated)} UTC.` : '';
    show(
      status,
      h('strong', null, refused ? 'A key is needed.' : `The last update failed at ${seconds(now())} UTC.`),
      ` ${since}`,
    );
  }
  document.body.classList.toggle('stale', lost);
  // What went wrong everywhere is said once.
  const everywhere =
    failures.length > 0 &&
    !refused &&
    (asked === 1 || failures.length > 2) &&
    failures.every(({ message }) => message === failures[0].message);
  show(problem, everywhere ? sentence(failures[0].message) : '');
  problem.hidden = !everywhere;
  document.body.classList.toggle('one-problem', everywhere);
  grid.hidden = Boolean(refused) || (asked === 1 && !updated);
}

// What the visitor may see is read once.
let viewer;

async function readViewer() {
  if (viewer) return undefined;
  return orFailure(async () => {
    const { data } = await ask('query Viewer { viewer { users permissions } }');
    viewer = data.viewer;
  });
}

const choicesQuery = `query Choices($window: Window!, $userId: ID) {
  users(window: $window, first: 500) { nodes { userId } }
  senders(window: $window, userId: $userId, first: 500) { nodes { senderId address } }
}`;

// readChoices finds the users and senders to choose from: those of the window.
async function readChoices({ chosen, period }) {
  return orFailure(async () => {
    const { window } = variablesOf(period);
    const { data } = await ask(choicesQuery, { window, userId: chosen.user || null });
    if (!data.users || !data.senders) return;
    controls.offer(viewer.users ?? data.users.nodes.map((user) => user.userId), data.senders.nodes);
    controls.update(state(), periodOf(state()));
  });
}

// findDomains finds the domains of the chosen provider that have the most bounces.
async function findDomains(context) {
  const { chosen, period } = context;
  if (!chosen.provider) return undefined;
  return orFailure(async () => {
    const { data, errors } = await ask(
      `query Domains($window: Window!, $filter: BounceFilter) {
        bounces(window: $window, filter: $filter) {
          breakdown(by: [PROVIDER, DOMAIN], top: 1000) { groups { keys { value } } }
        }
      }`,
      { window: variablesOf(period).window, filter: filtersOf(context, { except: 'category' })[0] },
    );
    if (!data.bounces?.breakdown) {
      throw new Failure(errors[0]?.message ?? 'The domains of the provider are not known.', {
        passing: errors.some(isPassing),
      });
    }
    const domains = data.bounces.breakdown.groups
      .filter(({ keys }) => keys[0].value === chosen.provider)
      .map(({ keys }) => keys[1].value);
    context.domains = domains.length > 0 ? domains.slice(0, mostDomains) : [chosen.provider];
    controls.note(
      domains.length > mostDomains ? `only its ${mostDomains} domains with the most bounces, of ${domains.length}` : '',
    );
  });
}

// orFailure returns the Failure that an action threw, if it did.
async function orFailure(action) {
  try {
    await action();
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
