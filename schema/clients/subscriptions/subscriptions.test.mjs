import { createClient as createEvents } from 'graphql-sse';
import { createClient as createSocket } from 'graphql-ws';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import WebSocket from 'ws';
import { url } from '../gateway.mjs';
import { command, folder, start } from '../gateway_process.mjs';

// graphql-ws and graphql-sse as they come. Demo data has a new bounce every 15 seconds.
const SUBSCRIPTION = 'subscription New($after: String) { bounces(after: $after) { cursor node { id recipient } } }';
const fast = ['--subscription-poll', '200ms', '--subscription-heartbeat', '200ms'];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Clients that live as long as their test. A client in Node reconnects after a refused connection only if it is configured to.
const socketOf = (t, url, options) => {
  const client = createSocket({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, shouldRetry: () => true, retryWait: () => pause(100), ...options });
  t.after(() => client.dispose());
  return client;
};
const eventsOf = (t, url, options) => {
  const client = createEvents({ url, retry: () => pause(100), ...options });
  t.after(() => client.dispose());
  return client;
};
const transports = { 'graphql-ws': socketOf, 'graphql-sse': eventsOf };

// take gives the next n events of a subscription.
async function take(events, n) {
  const taken = [];
  while (taken.length < n) {
    const { value, done } = await events.next();
    assert.ok(!done, 'the subscription is complete');
    assert.equal(value.errors, undefined);
    taken.push(value.data.bounces);
  }
  return taken;
}

describe('subscriptions', { concurrency: 3, timeout: 180_000 }, () => {
  test('a query over a WebSocket', async (t) => {
    const client = socketOf(t, url);
    for await (const { data, errors } of client.iterate({ query: '{ stats(window: {last: "P7D"}) { sent } }' })) {
      assert.equal(errors, undefined);
      assert.ok(data.stats.sent > 0);
    }
    await assert.rejects(client.iterate({ query: '{ nothing }' }).next(), (errors) => /Cannot query field/.test(errors[0].message));
  });

  for (const [name, connect] of Object.entries(transports)) {
    test(`${name}: bounces come as they appear, and go on from a cursor`, async (t) => {
      const { url, stop } = await start(t, ...fast);
      const client = connect(t, url);
      const [first, second] = await take(client.iterate({ query: SUBSCRIPTION }), 2);
      assert.notEqual(first.node.id, second.node.id);
      // Events that were reported are not reported again, and events that came meanwhile are.
      const again = connect(t, url);
      const [resumed] = await take(again.iterate({ query: SUBSCRIPTION, variables: { after: first.cursor } }), 1);
      assert.deepEqual(resumed.node, second.node);
      client.dispose();
      again.dispose();
      assert.equal(await stop(), 0);
    });

    test(`${name}: a client connects again when the gateway has been restarted`, async (t) => {
      const before = await start(t, ...fast);
      const closes = [];
      const client = connect(t, before.url, { retryAttempts: 1000, on: { closed: (event) => closes.push(event.code) } });
      const events = client.iterate({ query: SUBSCRIPTION });
      await take(events, 1);
      assert.equal(await before.stop(), 0);
      const after = await start(t, ...fast, '--listen', new URL(before.url).host);
      await take(events, 1);
      if (name === 'graphql-ws') assert.equal(closes[0], 1001);
      client.dispose();
      assert.equal(await after.stop(), 0);
    });
  }

  test('keys: a client without one is refused, and a stream ends when its key is withdrawn', async (t) => {
    const [key, line] = command('key', 'new', '--name', 'page', '--users', '*', '--scopes', 'metrics:read').trim().split('\n');
    const keys = join(folder, 'keys');
    writeFileSync(keys, `${line}\n`);
    const { url, stop } = await start(t, ...fast, '--auth-keys', keys);

    const closed = (connectionParams) =>
      new Promise((done) => {
        socketOf(t, url, { lazy: false, retryAttempts: 0, connectionParams, onNonLazyError: () => {}, on: { closed: ({ code, reason }) => done({ code, reason }) } });
      });
    for (const params of [undefined, { Authorization: 'Bearer mistyped-mistyped-mistyped' }]) {
      const { code, reason } = await closed(params);
      assert.equal(code, 4403);
      assert.match(reason, params ? /API key is unknown/ : /send your API key/);
    }
    await assert.rejects(eventsOf(t, url, { retryAttempts: 0 }).iterate({ query: SUBSCRIPTION }).next(), (err) => err.response.status === 401);

    const socket = socketOf(t, url, { retryAttempts: 0, connectionParams: { Authorization: `Bearer ${key}` } });
    const stream = eventsOf(t, url, { retryAttempts: 0, headers: { 'X-API-Key': key } });
    const [overSocket, overStream] = [socket, stream].map((client) => client.iterate({ query: SUBSCRIPTION }));
    const [[one], [other]] = await Promise.all([take(overSocket, 1), take(overStream, 1)]);
    for (const { node } of [one, other]) assert.match(node.recipient, /^\*\*\*/); // without recipients:read
    writeFileSync(keys, '# none\n');
    const last = async (events) => {
      for (;;) {
        const { value, done } = await events.next();
        if (done || value.errors) return value;
      }
    };
    await assert.rejects(last(overSocket), { code: 4403 });
    const { errors } = await last(overStream);
    assert.equal(errors[0].extensions.code, 'UNAUTHENTICATED');
    assert.ok((await overStream.next()).done);
    assert.equal(await stop(), 0);
  });
});
