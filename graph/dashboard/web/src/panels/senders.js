// Senders, those with the most bounces first.

import { h, show } from '../dom.js';
import { change, count, percent } from '../format.js';
import { createPanel } from '../panel.js';
import { variablesOf } from '../period.js';
import { choose } from '../state.js';
import { table } from '../table.js';

const query = `query Senders($window: Window!, $before: Window!, $userId: ID) {
  senders(window: $window, userId: $userId, first: 500) {
    nodes {
      senderId
      address
      now: stats(window: $window) { sent bounced hardBounceRate softBounceRate blockedRate bounceRate }
      before: stats(window: $before) { bounced bounceRate }
    }
    pageInfo { hasNextPage }
  }
}`;

const few = 10;

export function createSenders() {
  let all = false;
  return createPanel({
    id: 'senders',
    title: 'Senders',
    class: 'wide',
    // With these filters, which stats do not have, app.js shows a breakdown instead.
    query: ({ chosen }) => (chosen.provider || chosen.category ? null : query),
    variables: ({ period, chosen }) => ({ ...variablesOf(period), userId: chosen.user || null }),
    render(body, data, { period, chosen }) {
      const nodes = data.senders?.nodes ?? [];
      const listed = nodes
        .filter((sender) => !chosen.sender || sender.senderId === chosen.sender)
        .sort((a, b) => (b.now?.bounced ?? 0) - (a.now?.bounced ?? 0));
      if (!data.senders) return false;
      if (listed.length === 0) return show(body, h('p', { class: 'waiting' }, 'No sender sent email in this window.'));
      const draw = () =>
        show(
          body,
          table(
            `Senders with the most bounces, ${period.label}`,
            [
              { title: 'Sender', class: 'name' },
              { title: 'Sent', class: 'number minor' },
              { title: 'Bounces', class: 'number' },
              { title: 'Hard', class: 'number' },
              { title: 'Soft', class: 'number' },
              { title: 'Blocked', class: 'number minor' },
              { title: 'Change', class: 'number' },
            ],
            (all ? listed : listed.slice(0, few)).map((sender) => row(sender, period)),
          ),
          listed.length > few &&
            h(
              'button',
              {
                class: 'more',
                'data-key': 'more',
                onclick: () => {
                  all = !all;
                  draw();
                },
              },
              all ? `Show ${few}` : `Show all ${count(listed.length)}`,
            ),
          data.senders.pageInfo.hasNextPage &&
            h(
              'p',
              { class: 'hint' },
              'Only the first 500 senders by number were read: choose a user to see the others.',
            ),
        );
      return draw();
    },
  });
}

function row({ senderId, address, now, before }, { earlier }) {
  const { text, trend } = change(now?.bounceRate, before?.bounceRate, Math.max(now?.bounced, before?.bounced));
  return [
    h(
      'button',
      { class: 'choice', 'data-key': senderId, onclick: () => choose({ sender: senderId }) },
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
