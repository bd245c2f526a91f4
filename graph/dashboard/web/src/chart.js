// Charts over time: lines drawn by uPlot, and sparklines.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, day, percent } from './format.js';
import { s } from './dom.js';

const hour = 3600;
const height = 170;
const color = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// createChart returns a chart of a rate, with the rate before as a pale line.
//   label         for those who do not see it
//   line          the custom property with its colour
//   pointed(i)    is called with the index under the pointer, or null
//   chosen(a, b)  is called with the seconds between which the visitor has dragged
export function createChart({ label, line, pointed, chosen }) {
  const element = document.createElement('div');
  element.className = 'chart';
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', label);
  let plot;
  let bucket = hour;
  let top = 1;

  function create(data) {
    const axis = { stroke: color('--muted'), font: '11px system-ui, sans-serif', ticks: { show: false } };
    const grid = { stroke: color('--grid'), width: 1 };
    const path = uPlot.paths.stepped({ align: 1, alignGaps: 1 }); // no step lasts into buckets without a rate
    // Without half a pixel more, half of the line from the rate before a gap to that after it stays visible.
    const gaps = (u, i, from, to, all) => all.map(([start, end]) => [start, end + devicePixelRatio / 2]);
    return new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        legend: { show: false },
        padding: [8, 24, 0, 0],
        tzDate: (t) => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC'),
        scales: {
          x: { time: true, range: (u, min, max) => [min, max] },
          y: { range: () => [0, top] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            space: 60,
            size: 26,
            incrs: [1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 720].map((n) => n * hour),
            values: (u, at) => at.map((t) => (t % (24 * hour) === 0 ? day(t) : clock(t))),
          },
          { ...axis, grid, space: 34, size: 46, values: (u, at) => at.map(short) },
        ],
        series: [
          {},
          { stroke: color('--before'), width: 1.5, points: { show: false }, paths: path, gaps },
          {
            stroke: color(line),
            fill: color(`${line}-fill`),
            width: 1.5,
            points: { show: false },
            paths: path,
            gaps,
          },
        ],
        cursor: {
          sync: { key: 'time', setSeries: false },
          y: false,
          points: { size: 7 },
          drag: { x: true, y: false, setScale: false },
        },
        hooks: {
          setCursor: [(u) => pointed(u.cursor.idx ?? null)],
          setSelect: [
            (u) => {
              const { left, width } = u.select;
              if (width < 4) return;
              const at = (x) => Math.floor(u.posToVal(x, 'x') / bucket) * bucket;
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              chosen(at(left), at(left + width) + bucket);
            },
          ],
        },
      },
      data,
      element,
    );
  }

  // draw shows times in seconds and, for each, the rate before and the rate; null where there is none. The scale ends
  // at limit.
  function draw(times, before, now, { seconds, limit }) {
    bucket = seconds;
    top = limit;
    // The last value is a step like the others: it lasts until the end of its bucket.
    const data = [
      [...times, times.at(-1) + seconds],
      [...before, before.at(-1)],
      [...now, now.at(-1)],
    ];
    if (plot) plot.setData(data);
    else plot = create(data);
  }

  new ResizeObserver(() => {
    const width = element.clientWidth;
    if (plot && width > 0 && width !== plot.width) plot.setSize({ width, height });
  }).observe(element);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plot?.redraw(false, true));

  return { element, draw };
}

// short writes a rate on an axis.
const short = (rate) => percent(rate).replace(/\.?0+%/, '%');

// sparkline draws counts as a small line, and is hidden from those who do not see it: the table beside it has the sum.
export function sparkline(counts) {
  const width = 84;
  const tall = 20;
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length - 1);
  const points = counts.map((n, i) => `${(i * step).toFixed(1)},${(tall - 1 - (n / most) * (tall - 2)).toFixed(1)}`);
  return s(
    'svg',
    { class: 'spark', viewBox: `0 0 ${width} ${tall}`, width, height: tall, 'aria-hidden': 'true' },
    s('polyline', { points: points.join(' '), fill: 'none', 'vector-effect': 'non-scaling-stroke' }),
  );
}
