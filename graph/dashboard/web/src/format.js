// How numbers and times are written: as in English, with times in UTC and 24 hours.

const whole = new Intl.NumberFormat('en');
const percents = [
  new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  new Intl.NumberFormat('en', { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 }),
];
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const days = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ');

export const count = (n) => (n == null ? '–' : whole.format(n));
export const percent = (rate) => (rate == null ? '–' : percents[rate < 0.1 ? 0 : 1].format(rate));
const two = (n) => String(n).padStart(2, '0');

// The functions below take seconds since 1970.
const date = (t) => new Date(t * 1000);
export const day = (t) => `${date(t).getUTCDate()} ${months[date(t).getUTCMonth()]}`;
export const weekday = (t) => `${days[date(t).getUTCDay()]} ${day(t)}`;
export const clock = (t) => `${two(date(t).getUTCHours())}:${two(date(t).getUTCMinutes())}`;
export const moment = (t) => `${weekday(t)} ${clock(t)}`;
export const seconds = (t) => `${clock(t)}:${two(date(t).getUTCSeconds())}`;
export const iso = (t) => date(t).toISOString().replace('.000', '');
export const parse = (text) => Math.floor(Date.parse(text) / 1000);

// bucket writes the hour or the day that begins at t.
export const bucket = (t, interval) =>
  interval === 'DAY' ? weekday(t) : `${weekday(t)} ${clock(t)}–${clock(t + 3600)}`;

// ratio is a / b, or null where there is nothing to compare with.
export const ratio = (a, b) => (a == null || !b ? null : a / b);

// change writes how a rate compares with the one before. Rates of less than ten events are too uncertain to call a
// change better or worse.
export function change(now, before, events) {
  const { text, trend } = compare(now, before);
  return { text, trend: events < 10 ? 'none' : trend };
}

function compare(now, before) {
  if (now == null || before == null) return { text: '–', trend: 'none' };
  if (before === 0) return now === 0 ? { text: 'no change', trend: 'none' } : { text: 'new', trend: 'up' };
  const relative = now / before - 1;
  if (Math.abs(relative) < 0.005) return { text: 'no change', trend: 'none' };
  const trend = relative > 0 ? 'up' : 'down';
  const arrow = relative > 0 ? '▲' : '▼';
  if (relative >= 9) return { text: `${arrow} ${whole.format(Math.round(now / before))}×`, trend };
  return { text: `${arrow} ${whole.format(Math.round(Math.abs(relative) * 100))}%`, trend };
}
