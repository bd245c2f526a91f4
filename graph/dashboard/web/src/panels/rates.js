// Rates of hard and soft bounces and of blocked emails over time, beside those of some weeks before.

import { filtersOf, numbered } from '../breakdown.js';
import { createChart } from '../chart.js';
import { h, show } from '../dom.js';
import { bucket, change, count, iso, parse, percent, ratio } from '../format.js';
import { createPanel } from '../panel.js';
import { variablesOf } from '../period.js';
import { choose } from '../state.js';
import { createDetails, table } from '../table.js';

const query = `query Rates($window: Window!, $before: Window!, $userId: ID, $senderId: ID, $interval: Interval!) {
  now: stats(window: $window, userId: $userId, senderId: $senderId) {
    series(interval: $interval) { start sent hardBounced softBounced blocked }
  }
  before: stats(window: $before, userId: $userId, senderId: $senderId) {
    series(interval: $interval) { start sent hardBounced softBounced blocked }
  }
}`;

// filteredQuery asks for the same by breakdowns, which have the filters that stats do not have. An operation may have 50
// fields at its root: so bounces are divided by type, with series, rather than asked for by type.
function filteredQuery({ interval }, filters) {
  const parts = [
    ['bounces', 'bounces', 'BounceFilter', 'by: [TYPE], top: 2', 'series(interval: $interval) { start count }'],
    ['blocked', 'blockedEmails', 'BlockedEmailFilter', `by: [${interval}], top: 1000`, ''],
    ['sent', 'emails', 'EmailFilter', `by: [${interval}], top: 1000`, ''],
  ];
  const each = (write) => numbered('', filters).flatMap((n) => parts.map(([part, ...of]) => write(part + n, ...of)));
  const filterVariables = each((part, _, type) => `$${part}: ${type}`).join(', ');
  return `query FilteredRates($window: Window!, $before: Window!, $interval: Interval!, ${filterVariables}) {
  ${['window', 'before']
    .flatMap((side) =>
      each(
        (part, list, _, groups, series) => `${side}_${part}: ${list}(window: $${side}, filter: $${part}) {
    breakdown(${groups}) { groups { keys { value } count ${series} } }
  }`,
      ),
    )
    .join('\n  ')}
}`;
}

// seriesOf returns the answer to filteredQuery in the form of that to query.
function seriesOf(data, side, { start, end, shift, interval }, filters) {
  const bounced = { HARD: 'hardBounced', SOFT: 'softBounced' };
  const length = interval === 'DAY' ? 86400 : 3600;
  const ahead = side === 'window' ? 0 : shift;
  const points = new Map();
  for (let t = Math.floor((start - ahead) / length) * length; t < end - ahead; t += length) {
    points.set(t, { start: iso(t), sent: 0, hardBounced: 0, softBounced: 0, blocked: 0 });
  }
  for (const part of ['bounces', 'blocked', 'sent']) {
    for (const name of numbered(`${side}_${part}`, filters)) {
      if (!data[name]?.breakdown) return undefined;
      for (const { keys, count: n, series } of data[name].breakdown.groups) {
        const { value } = keys[0];
        for (const at of series ?? [{ start: value, count: n }]) {
          const point = points.get(parse(at.start));
          if (point) point[series ? bounced[value] : part] += at.count;
        }
      }
    }
  }
  return { series: [...points.values()] };
}

const isFiltered = ({ chosen }) => Boolean(chosen.provider || chosen.category);

const kinds = [
  { field: 'hardBounced', title: 'Hard bounces', noun: 'hard bounces', line: '--hard' },
  { field: 'softBounced', title: 'Soft bounces', noun: 'soft bounces', line: '--soft' },
  { field: 'blocked', title: 'Blocked emails', noun: 'blocked emails', line: '--blocked' },
];

export function createRates() {
  const cards = kinds.map(createCard);
  const earlier = h('span');
  const hint = 'Drag over a chart to zoom in; the Back button zooms out. Hours with few emails can reach above a chart.';
  return createPanel({
    id: 'rates',
    title: 'Rates',
    class: 'wide',
    query: (context) => (isFiltered(context) ? filteredQuery(context.period, filtersOf(context)) : query),
    variables(context) {
      const { period, chosen } = context;
      const windows = { ...variablesOf(period), interval: period.interval };
      if (!isFiltered(context)) return { ...windows, userId: chosen.user || null, senderId: chosen.sender || null };
      const plain = filtersOf(context, { category: false });
      const given = (part, of) => numbered(part, of).map((n, i) => [n, of[i]]);
      return {
        ...windows,
        ...Object.fromEntries([
          ...given('bounces', filtersOf(context)),
          ...given('blocked', plain),
          ...given('sent', plain),
        ]),
      };
    },
    render(body, answer, context) {
      const { period } = context;
      const filters = filtersOf(context);
      const data = isFiltered(context)
        ? { now: seriesOf(answer, 'window', period, filters), before: seriesOf(answer, 'before', period, filters) }
        : answer;
      if (!data.now?.series) return false;
      if (!body.contains(cards[0].element)) {
        body.replaceChildren(
          h(
            'div',
            { class: 'cards' },
            cards.map((card) => card.element),
          ),
          h('p', { class: 'hint' }, earlier, hint),
        );
      }
      const points = align(data.now?.series, data.before?.series, period);
      const compared = points.some(({ before }) => before?.sent > 0);
      earlier.textContent = compared ? `The pale line is the rate ${period.earlier}. ` : '';
      return cards.forEach((card) => card.update(points, context));
    },
  });
}

// align returns the points of a series, each with the point so many weeks before it.
function align(now, before, { shift }) {
  const earlier = new Map((before ?? []).map((point) => [parse(point.start), point]));
  return (now ?? []).map((point) => {
    const time = parse(point.start);
    return { time, now: point, before: earlier.get(time - shift) };
  });
}

function createCard(kind) {
  const figure = h('p', { class: 'figure' });
  const readout = h('p', { class: 'readout' });
  const details = createDetails('Table');
  let points = [];
  let period;
  const chart = createChart({
    label: `${kind.title}: rate over time. The table below has the same numbers.`,
    line: kind.line,
    pointed: (i) => show(readout, i === null || !points[i] ? worst() : at(points[i])),
    chosen: (start, end) => choose({ from: iso(start), to: iso(end) }),
  });
  const element = h(
    'article',
    { id: kind.field, class: 'card' },
    h('h3', null, kind.title),
    figure,
    chart.element,
    readout,
    details.element,
  );

  const rate = (point) => ratio(point?.[kind.field], point?.sent);
  const sum = (side, field) => points.reduce((total, point) => total + (point[side]?.[field] ?? 0), 0);

  // zoom shows the day of a bucket, or the hour itself within a day.
  function zoom(time) {
    const length = period.end - period.start > 86400 ? 86400 : 3600;
    const start = Math.floor(time / length) * length;
    choose({ from: iso(start), to: iso(start + length) });
  }

  function at({ time, now, before }, name = (text) => h('strong', null, text)) {
    const then = before && before.sent > 0 ? `, ${period.earlier} ${percent(rate(before))}` : '';
    return [
      name(bucket(time, period.interval)),
      `: ${percent(rate(now))}, ${count(now[kind.field])} of ${count(now.sent)}${then}`,
    ];
  }

  // worst names the bucket that is furthest above the window's own rate, in events: an incident, rather than an hour
  // of three emails.
  function worst() {
    const usual = ratio(sum('now', kind.field), sum('now', 'sent')) ?? 0;
    const excess = ({ now }) => now[kind.field] - usual * now.sent;
    const found = points.reduce((best, point) => (excess(point) > (best ? excess(best) : 0) ? point : best), undefined);
    return found
      ? [
          `Worst ${period.interval === 'DAY' ? 'day' : 'hour'}: `,
          at(found, (text) =>
            h('button', { class: 'choice', 'data-key': 'worst', onclick: () => zoom(found.time) }, text),
          ),
        ]
      : `No ${kind.noun} in this window.`;
  }

  // limit returns where the scale ends. An hour with one email that bounces has a rate of 100%, which would flatten all
  // else: so each hour counts as if it had some more emails with the usual rate.
  function limit() {
    const sent = sum('now', 'sent');
    const usual = ratio(sum('now', kind.field), sent) ?? 0;
    const more = Math.min(20, sent / Math.max(1, points.length));
    let highest = 0;
    let damped = 0;
    for (const point of points.flatMap(({ now, before }) => (before ? [now, before] : [now]))) {
      if (point.sent === 0) continue;
      highest = Math.max(highest, rate(point));
      damped = Math.max(damped, (point[kind.field] + usual * more) / (point.sent + more));
    }
    return Math.max(0.01, Math.min(1.08 * highest, 1.25 * damped));
  }

  function update(next, context) {
    points = next;
    period = context.period;
    const ignored = kind.field === 'blocked' && context.chosen.category;
    const total = sum('now', kind.field);
    const sent = sum('now', 'sent');
    const sentBefore = sum('before', 'sent');
    const now = ratio(total, sent);
    const totalBefore = sum('before', kind.field);
    const before = ratio(totalBefore, sentBefore);
    if (sent === 0 && total === 0) show(figure, 'No emails were sent in this window.');
    else {
      const { text, trend } = change(now, before, Math.max(total, totalBefore));
      show(
        figure,
        h('strong', null, percent(now)),
        ' ',
        h('span', { class: 'total' }, `${count(total)} of ${count(sent)} emails`),
        h(
          'span',
          { class: `change ${trend}` },
          sentBefore === 0 ? `no emails ${period.earlier}` : `${text} (${period.earlier} ${percent(before)})`,
        ),
        ignored && h('span', { class: 'total' }, 'Blocked emails have no category: these are all.'),
      );
    }
    chart.draw(
      points.map((p) => p.time),
      points.map((p) => rate(p.before)),
      points.map((p) => rate(p.now)),
      { seconds: period.interval === 'DAY' ? 86400 : 3600, limit: limit() },
    );
    show(readout, worst());
    details.update(() =>
      table(
        `${kind.title}, ${period.label}`,
        [
          { title: period.interval === 'DAY' ? 'Day (UTC)' : 'Hour (UTC)', class: 'time' },
          { title: 'Sent', class: 'number' },
          { title: 'Count', class: 'number' },
          { title: 'Rate', class: 'number' },
          { title: period.earlier, class: 'number' },
        ],
        points
          .toReversed()
          .map(({ time, now: point, before: then }) => [
            bucket(time, period.interval),
            count(point.sent),
            count(point[kind.field]),
            percent(rate(point)),
            percent(rate(then)),
          ]),
      ),
    );
  }

  return { element, update };
}
