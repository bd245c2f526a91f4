// What happened to mail to one recipient, and whether more of it is likely to be blocked.

import { h, show } from '../dom.js';
import { count, iso, moment, parse } from '../format.js';
import { createPanel } from '../panel.js';
import { choose } from '../state.js';
import { table } from '../table.js';

const query = `query Recipient($address: String!, $window: Window!, $userId: ID, $content: Boolean!) {
  recipient(address: $address) {
    suppression(userId: $userId, window: $window) {
      verdict
      because { __typename at ... on Bounce { category } ... on BlockedEmail { reason } }
    }
    events(window: $window, order: NEWEST_FIRST, first: 50) {
      nodes {
        __typename
        at
        emailId
        userId
        senderId
        sender { address }
        ... on Email { delivered }
        ... on Bounce { type category code detail @include(if: $content) { diagnosticCode } }
        ... on BlockedEmail { reason }
      }
      pageInfo { hasNextPage }
    }
  }
}`;

const days = 400; // as far back as suppressions are looked for by default

const verdicts = {
  BLOCKED: ['bad', 'Mail to this address is blocked.'],
  LIKELY_BLOCKED: ['bad', 'Mail to this address is probably blocked.'],
  NO_EVIDENCE: ['good', 'No sign that mail to this address is blocked.'],
};
const unknown = ['', 'Nothing is known about this address.'];

export function createRecipient() {
  return createPanel({
    id: 'recipient',
    title: 'Recipient',
    class: 'wide',
    hidden: true, // until there is one
    query: ({ chosen }) => (chosen.recipient ? query : null),
    variables: ({ chosen, period, viewer }) => ({
      address: chosen.recipient,
      window: { between: { start: iso(period.now - days * 86400), end: iso(period.now) } },
      userId: chosen.user || null,
      content: viewer.permissions.includes('content:read'),
    }),
    unavailable: ({ viewer }) =>
      !viewer.permissions.includes('recipients:read') && [
        'Looking up a recipient needs the scope recipients:read, which your key does not have. ',
        closeButton(),
      ],
    render(body, { recipient }, { chosen }) {
      const address = h('p', { class: 'address' }, h('strong', null, chosen.recipient), ' ', closeButton());
      if (!recipient) return show(body, address);
      return show(body, address, verdict(recipient, chosen), timeline(recipient.events, chosen));
    },
  });
}

const closeButton = () =>
  h('button', { class: 'more', 'data-key': 'close', onclick: () => choose({ recipient: '' }) }, 'Close');

function verdict({ suppression, events }, { user }) {
  if (!suppression) return null;
  const silent = events && !events.pageInfo.hasNextPage && !events.nodes.some((e) => !user || e.userId === user);
  const [look, words] = silent ? unknown : (verdicts[suppression.verdict] ?? ['', suppression.verdict]);
  const names = { Email: 'a delivery', Bounce: 'a hard bounce', BlockedEmail: 'a blocked email' };
  const detail = ({ category, reason }) => ((category ?? reason) ? ` (${category ?? reason})` : '');
  const because = suppression.because.map(
    (event) => `${names[event.__typename] ?? 'an event'}${detail(event)} on ${moment(parse(event.at))}`,
  );
  return h(
    'p',
    { class: `verdict ${look}` },
    h('strong', null, words),
    because.length > 0 && ` Because of ${because.join(' and ')} UTC.`,
    suppression.verdict === 'NO_EVIDENCE' &&
      because.length === 0 &&
      ` It may ${silent ? '' : 'still '}be suppressed for ${silent ? 'some' : 'another'} reason, such as a complaint: ` +
        'the data has no list of suppressions.',
  );
}

function timeline(events, { user, sender }) {
  if (!events) return null;
  // An email that bounced or was blocked is in the list as an email too: once is enough.
  const failed = new Set(events.nodes.filter((e) => e.__typename !== 'Email').map((e) => e.emailId));
  const shown = events.nodes
    .filter((e) => e.__typename !== 'Email' || !failed.has(e.emailId))
    .filter((e) => (!user || e.userId === user) && (!sender || e.senderId === sender));
  if (shown.length === 0) return h('p', { class: 'waiting' }, `No mail to this address in the last ${days} days.`);
  const which = events.pageInfo.hasNextPage ? `newest ${count(shown.length)} events` : 'events';
  return [
    table(
      `The ${which} of the last ${days} days, newest first`,
      [{ title: 'Time (UTC)', class: 'time' }, { title: 'What happened' }, { title: 'Sender', class: 'name minor' }],
      shown.map((event) => [
        moment(parse(event.at)),
        [
          outcome(event),
          event.detail?.diagnosticCode && h('p', { class: 'said' }, event.detail.diagnosticCode),
          h('p', { class: 'narrow' }, from(event)),
        ],
        from(event),
      ]),
    ),
  ];
}

const from = (event) => event.sender?.address ?? `Sender ${event.senderId}`;

function outcome(event) {
  switch (event.__typename) {
    case 'Bounce':
      return h(
        'span',
        { class: 'change up' },
        `${event.type === 'HARD' ? 'Hard' : 'Soft'} bounce: ${event.category}, ${event.code}`,
      );
    case 'BlockedEmail':
      return h('span', { class: 'change up' }, `Blocked: ${event.reason}`);
    default:
      return event.delivered ? h('span', { class: 'change down' }, 'Delivered') : 'Sent, not delivered';
  }
}
