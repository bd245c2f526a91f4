import { readFileSync } from 'node:fs';

// Where the gateway under test answers, with the 90 days of demo data that `deliverygraph` starts with.
export const url = process.env.DELIVERYGRAPH_URL ?? 'http://127.0.0.1:8080/graphql';

// Whole days that are over, so that no bounce arrives while a test pages through them.
const day = 24 * 60 * 60 * 1000;
const midnight = Math.floor(Date.now() / day) * day;
export const between = (from, to) => ({
  between: { start: new Date(midnight - from * day).toISOString(), end: new Date(midnight - to * day).toISOString() },
});

// The text of the document "week", which the gateway under test has registered.
export const registered = readFileSync(new URL('transports/registered/week.graphql', import.meta.url), 'utf8');

// A fetch that keeps what was sent: bodies of POST, the parameters of GET.
export const recorder = () => {
  const bodies = [];
  const recording = (to, init) => {
    bodies.push(init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(to).searchParams));
    return fetch(to, init);
  };
  return { bodies, fetch: recording };
};
