// Senders, those with the most bounces first.

import { h, show } from '../dom.js';
import { change, count, percent } from '../format.js';
import { createPanel } from '../panel.js';
import { variablesOf } from '../period.js';
import { choose } from '../state.js';
import { table } from '../table.js';

const query = `query Senders($window: Window!, $before: Window!, $userId: ID, $first: Int!) {
  senders(window: $window, userId: $userId, first: $first, orderBy: {field: BOUNCED, direction: DESC}) {
    totalCount
    nodes {
      senderId
      address
      now: stats(window: $window) { sent bounced hardBounceRate softBounceRate blockedRate bounceRate }
      before: stats(window: $before) { bounced bounceRate }
    }
  }
}`;

const few = 10;
const most = 500; // rows of a page

const columns = [
  { title: 'Sender', class: 'name' },
  { title: 'Sent', class: 'number minor' },
  { title: 'Bounces', class: 'number' },
  { title: 'Hard', class: 'number' },
  { title: 'Soft', class: 'number' },
  { title: 'Blocked', class: 'number minor' },
  { title: 'Change', class: 'number' },
];

export function createSenders() {
  let length = few;
  return createPanel({
    id: 'senders',
    title: 'Senders',
    class: 'wide',
    // With these filters, which stats do not have, app.js shows a breakdown instead.
    query: ({ chosen }) => (chosen.provider || chosen.category ? null : query),
    // The chosen sender may be any of them.
    variables: ({ period, chosen }) => ({
      ...variablesOf(period),
      userId: chosen.user || null,
      first: chosen.sender ? most : length,
    }),
    render(body, { senders }, { period, chosen, refresh }) {
      if (!senders) return false;
      if (senders.nodes.length === 0) {
        return show(body, h('p', { class: 'waiting' }, 'No sender sent email in this window.'));
      }
      const isChosen = (sender) => sender.senderId === chosen.sender;
      const listed = [...senders.nodes.filter(isChosen), ...senders.nodes.filter((sender) => !isChosen(sender))];
      const more = () => {
        length = length === few ? most : few;
        refresh();
      };
      return show(
        body,
        table(
          `${count(senders.totalCount)} senders, those with the most bounces first, ${period.label}`,
          columns,
          listed.slice(0, length).map((sender) => row(sender, period, isChosen(sender))),
        ),
        senders.totalCount > few &&
          h(
            'button',
            { class: 'more', 'data-key': 'more', onclick: more },
            length > few ? `Show ${few}` : `Show ${senders.totalCount > most ? most : 'all'}`,
          ),
      );
    },
  });
}

function row({ senderId, address, now, before }, { earlier }, pressed) {
  const events = Math.max(now?.bounced ?? 0, before?.bounced ?? 0);
  const { text, trend } = change(now?.bounceRate, before?.bounceRate, events);
  return [
    h(
      'button',
      {
        class: 'choice',
        'data-key': senderId,
        'aria-pressed': String(pressed),
        onclick: () => choose({ sender: pressed ? '' : senderId }),
      },
      address ?? `Sender ${senderId}`,
    ),
    count(now?.sent),
    count(now?.bounced),
    percent(now?.hardBounceRate),
    percent(now?.softBounceRate),
    percent(now?.blockedRate),
    h('span', { class: `change ${trend}`, title: `${earlier} ${percent(before?.bounceRate)}` }, text),
  ];
}
