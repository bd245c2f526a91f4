// The window that is shown, and the one before that it is compared with.

import { day, iso, moment, parse } from './format.js';
import { now } from './api.js';

const hour = 3600;
const week = 7 * 24 * hour;

// The windows to choose from: durations up to now.
export const windows = [
  ['PT24H', 24 * hour, 'last 24 hours'],
  ['P7D', week, 'last 7 days'],
  ['P30D', 30 * 24 * hour, 'last 30 days'],
  ['P90D', 90 * 24 * hour, 'last 90 days'],
];

// Windows up to this length are shown by hour, longer ones by day: a chart of thousands of hours shows noise.
const mostHours = 31 * 24;

// periodOf returns the chosen window: start and end in seconds, the interval of its charts, and how far back the window
// before lies: so many whole weeks that it ends before this one starts, because weekdays differ.
export function periodOf({ window, from, to }) {
  const minute = Math.floor(now() / 60) * 60;
  let start = parse(from);
  let end = parse(to);
  if (window) {
    const [, length] = windows.find(([code]) => code === window);
    end = minute;
    start = Math.floor((end - length) / hour) * hour;
  }
  const weeks = Math.ceil((end - start - hour) / week) || 1;
  const wholeDays = start % (24 * hour) === 0 && end % (24 * hour) === 0;
  return {
    now: minute,
    start,
    end,
    shift: weeks * week,
    interval: (end - start) / hour <= mostHours + 1 ? 'HOUR' : 'DAY',
    earlier: weeks === 1 ? 'a week earlier' : `${weeks} weeks earlier`,
    label: `${wholeDays ? days(start, end) : `${moment(start)} to ${moment(end)}`} UTC`,
  };
}

const days = (start, end) => (end - start === 24 * hour ? day(start) : `${day(start)} to ${day(end - 1)}`);

// variablesOf returns the windows as variables of a query.
export function variablesOf(period) {
  const between = (start, end) => ({ between: { start: iso(start), end: iso(end) } });
  return {
    window: between(period.start, period.end),
    before: between(period.start - period.shift, period.end - period.shift),
  };
}
