import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import test from 'node:test';
import relay from 'relay-runtime';
import { between, url } from '../gateway.mjs';

const require = createRequire(import.meta.url); // the compiler's modules are CommonJS, as bundlers and Jest take them
const list = require('./generated/bouncesList.graphql.js');
const nextPage = require('./generated/bouncesNextPageQuery.graphql.js');
const one = require('./generated/bouncesOneQuery.graphql.js');
const page = require('./generated/bouncesPageQuery.graphql.js');
const { Environment, Network, RecordSource, Store, createOperationDescriptor, fetchQuery, getSingularSelector } = relay;

const environment = () =>
  new Environment({
    network: Network.create(async (request, variables) => {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
        body: JSON.stringify({ query: request.text, variables }),
      });
      return answer.json();
    }),
    store: new Store(new RecordSource()),
  });

test('Relay joins the pages of a connection in its store', async () => {
  const env = environment();
  const variables = { window: between(8, 1), count: 20 };
  await fetchQuery(env, page, variables).toPromise();
  const shown = () => {
    const operation = createOperationDescriptor(page, variables);
    const root = env.lookup(operation.fragment).data;
    return env.lookup(getSingularSelector(list, root)).data.bounces;
  };
  assert.equal(shown().edges.length, 20);
  const first = shown();
  await fetchQuery(env, nextPage, { ...variables, cursor: first.pageInfo.endCursor }).toPromise();
  const both = shown();
  assert.equal(both.edges.length, 40, 'the second page stands behind the first');
  assert.equal(new Set(both.edges.map((e) => e.node.id)).size, 40, 'no row comes twice');
  assert.deepEqual(both.edges.slice(0, 20).map((e) => e.cursor), first.edges.map((e) => e.cursor));
  assert.ok(both.totalCount > 40);
});

test('Relay finds an object again by its id', async () => {
  const env = environment();
  const variables = { window: between(8, 1), count: 1 };
  await fetchQuery(env, page, variables).toPromise();
  const operation = createOperationDescriptor(page, variables);
  const [edge] = env.lookup(getSingularSelector(list, env.lookup(operation.fragment).data)).data.bounces.edges;
  const { node } = await fetchQuery(env, one, { id: edge.node.id }).toPromise();
  assert.equal(node.__typename, 'Bounce');
  assert.equal(node.id, edge.node.id);
});
