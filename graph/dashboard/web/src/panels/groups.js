// Bounces by one of their properties: providers, categories, diagnostics, senders.

import { filtersOf, numbered, sum } from '../breakdown.js';
import { sparkline } from '../chart.js';
import { h, show } from '../dom.js';
import { bucket, change, count, parse, percent } from '../format.js';
import { createPanel } from '../panel.js';
import { variablesOf } from '../period.js';
import { choose } from '../state.js';
import { createDetails, table } from '../table.js';

const top = 10;

// groupsQuery asks for the groups of both windows, those of the window before only to compare.
function groupsQuery(name, dimension, filters) {
  const names = numbered('', filters);
  return `query ${name}($window: Window!, $before: Window!, $interval: Interval!, $top: Int!, ${names
    .map((n) => `$filter${n}: BounceFilter`)
    .join(', ')}) {${names
    .map(
      (n) => `
  now${n}: bounces(window: $window, filter: $filter${n}) {
    breakdown(by: [${dimension}], top: $top) {
      total
      groups {
        keys { value label }
        count
        share
        rate
        series(interval: $interval) { start count }
      }
      other { groups count }
    }
  }
  before${n}: bounces(window: $before, filter: $filter${n}) {
    breakdown(by: [${dimension}], top: 1000) { groups { keys { value } count rate } other { groups count } }
  }`,
    )
    .join('')}
}`;
}

// createGroups returns a panel.
//   id, title, dimension  of what it groups by
//   selects               the part of the state that a click on a group sets
//   column                the title of its first column
//   only(context)         whether to show it; by default always
//   needs                 a scope without which there is nothing to see
export function createGroups({ id, title, dimension, selects, column, needs, wide = false, only }) {
  const name = title.replaceAll(' ', '');
  const more = (context) => () => {
    length = length === top ? 100 : top;
    context.refresh();
  };
  let length = top;
  const groups = h('div');
  const details = createDetails('Table over time');
  return createPanel({
    id,
    title,
    class: wide ? 'wide' : '',
    hidden: Boolean(only),
    unavailable: ({ viewer }) =>
      needs && !viewer.permissions.includes(needs) && `${title} need the scope ${needs}, which your key does not have.`,
    query: (context) =>
      !only || only(context) ? groupsQuery(name, dimension, filtersOf(context, { except: selects })) : null,
    variables(context) {
      const filters = filtersOf(context, { except: selects });
      return {
        ...variablesOf(context.period),
        top: length,
        interval: sparkInterval(context.period),
        ...Object.fromEntries(numbered('filter', filters).map((n, i) => [n, filters[i]])),
      };
    },
    render(body, data, context) {
      const sides = (side) =>
        sum(numbered(side, filtersOf(context, { except: selects })).map((n) => data[n]?.breakdown));
      const breakdown = sides('now');
      const before = sides('before');
      if (!breakdown) return false;
      if (!body.contains(groups)) body.replaceChildren(groups, details.element);
      details.element.hidden = breakdown.total === 0;
      if (breakdown.total === 0) return show(groups, h('p', { class: 'waiting' }, 'No bounces in this window.'));
      const { other } = breakdown;
      details.update(() => overTime(breakdown, context));
      return show(
        groups,
        table(
          `${bounces(breakdown.total)}, ${context.period.label}`,
          columns(column, breakdown),
          rows(breakdown, before, context, selects, length),
        ),
        other.groups > 0 &&
          h('p', { class: 'hint' }, `${count(other.groups)} more, with ${bounces(other.count)} together.`),
        (other.groups > 0 || length > top) &&
          h(
            'button',
            { class: 'more', 'data-key': 'more', onclick: more(context) },
            length > top ? `Show ${top}` : 'Show more',
          ),
      );
    },
  });
}

// overTime returns the table behind the sparklines.
function overTime({ groups }, { period }) {
  const interval = sparkInterval(period);
  const columns = [
    { title: interval === 'DAY' ? 'Day (UTC)' : 'Hour (UTC)', class: 'time' },
    ...groups.map(({ keys }) => ({ title: keys[0].label ?? keys[0].value ?? 'none', class: 'number' })),
  ];
  const times = (groups[0]?.series ?? []).map(({ start }) => parse(start));
  return table(
    `Bounces, ${period.label}`,
    columns,
    times.map((t, i) => [bucket(t, interval), ...groups.map((g) => count(g.series[i]?.count))]).toReversed(),
  );
}

const bounces = (n) => (n === 1 ? '1 bounce' : `${count(n)} bounces`);

const sparkInterval = ({ start, end }) => (end - start > 3 * 86400 ? 'DAY' : 'HOUR');

const hasRates = ({ groups }) => groups.some((group) => group.rate != null);

function columns(column, breakdown) {
  return [
    { title: column, class: 'name' },
    { title: 'Bounces', class: 'number' },
    hasRates(breakdown) ? { title: 'Rate', class: 'number' } : { title: 'Share', class: 'number' },
    { title: 'Over time', class: 'number minor' },
    { title: 'Change', class: 'number' },
  ];
}

function rows(now, before, { chosen, period }, selects, length) {
  const rates = hasRates(now);
  const earlier = new Map((before?.groups ?? []).map((group) => [group.keys[0].value, group]));
  const all = earlier.size > 0 && before.other.groups === 0;
  return now.groups.slice(0, length).map((group) => {
    const { value, label } = group.keys[0];
    const then = earlier.get(value) ?? (all ? { count: 0, rate: 0 } : {});
    const both = group.rate != null && then.rate != null;
    const events = Math.max(group.count, then.count ?? 0);
    const { text, trend } = both ? change(group.rate, then.rate, events) : change(group.count, then.count, events);
    const title = `${period.earlier} ${both ? percent(then.rate) : count(then.count)}`;
    return [
      name(label ?? value ?? 'none', value, selects, chosen),
      count(group.count),
      rates ? percent(group.rate) : percent(group.share),
      sparkline(group.series.map((point) => point.count)),
      h('span', { class: `change ${trend}`, title }, text),
    ];
  });
}

function name(text, value, selects, chosen) {
  if (!selects) return h('span', { class: 'said' }, text);
  if (value == null) return text;
  const pressed = chosen[selects] === value;
  return h(
    'button',
    {
      class: 'choice',
      'data-key': value,
      'aria-pressed': String(pressed),
      onclick: () => choose({ [selects]: pressed ? '' : value }),
    },
    text,
  );
}
