import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { buildSchema, isObjectType } from 'graphql';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { between, url } from '../gateway.mjs';

// What docs/frontends.md says to set: which objects have no id.
const embedded = () => null;
const code = (o) => o.code;
const client = () =>
  new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        keys: {
          Stats: embedded,
          StatsPoint: embedded,
          BounceDetail: embedded,
          BounceRule: embedded,
          XHeader: embedded,
          RecipientStats: embedded,
          Suppression: embedded,
          MessageRecipient: embedded,
          Message: (o) => o.emailId,
          Recipient: (o) => o.address,
          BounceCategory: code,
          BlockedReason: code,
        },
        resolvers: { Query: { bounces: relayPagination() } },
      }),
      fetchExchange,
    ],
  });

const LIST = gql`
  query Bounces($window: Window!, $after: String) {
    bounces(window: $window, first: 20, after: $after) {
      edges {
        node {
          id
          detail {
            ruleName
            rule {
              description
            }
          }
          xHeaders {
            name
            value
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

test("urql's relayPagination joins pages, and no object lacks a key", async (t) => {
  const complaints = [];
  for (const level of ['warn', 'error']) t.mock.method(console, level, (...words) => complaints.push(words.join(' ')));
  const urql = client();
  const window = between(8, 1);
  const first = await urql.query(LIST, { window }).toPromise();
  assert.equal(first.error, undefined);
  const second = await urql.query(LIST, { window, after: first.data.bounces.pageInfo.endCursor }).toPromise();
  assert.equal(second.error, undefined);
  const { edges } = second.data.bounces;
  assert.equal(edges.length, 40);
  assert.equal(new Set(edges.map((e) => e.node.id)).size, 40);
  assert.deepEqual(complaints, []);
});

test('docs/frontends.md names the key of every type without an id', () => {
  const text = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const row = /^\| urql, Graphcache \|.*$/m.exec(text('../../../docs/frontends.md'))[0];
  const keyless = /^(__.*|Query|Subscription|PageInfo|.*(Connection|Edge))$/; // Graphcache asks for no key of these
  for (const type of Object.values(buildSchema(text('../../published/schema.graphql')).getTypeMap())) {
    if (!isObjectType(type) || type.getFields().id || keyless.test(type.name)) continue;
    assert.ok(row.includes(`\`${type.name}\``), `${type.name} has no key`);
  }
});
