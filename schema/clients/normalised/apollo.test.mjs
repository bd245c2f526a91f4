import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import assert from 'node:assert/strict';
import test from 'node:test';
import { between, url } from '../gateway.mjs';

// What docs/frontends.md says to set: the arguments that tell lists apart, and which objects have no id of their own.
const merge = true;
const cache = () =>
  new InMemoryCache({
    possibleTypes: {
      Node: ['User', 'Sender', 'Bounce', 'Email', 'BlockedEmail'],
      DeliveryEvent: ['Bounce', 'Email', 'BlockedEmail'],
    },
    typePolicies: {
      Query: { fields: { bounces: relayStylePagination(['window', 'filter', 'order']) } },
      Recipient: { merge, fields: { events: relayStylePagination(['window', 'order']) } },
      Stats: { merge },
      BounceDetail: { merge },
      BounceRule: { merge },
      Breakdown: { merge },
      BreakdownOther: { merge },
      Message: { merge },
      RateLimit: { merge },
      RecipientStats: { merge },
      Suppression: { merge },
      Viewer: { merge },
    },
  });
const client = () => new ApolloClient({ link: new HttpLink({ uri: url }), cache: cache() });

const LIST = gql`
  query Bounces($window: Window!, $after: String) {
    bounces(window: $window, first: 20, after: $after) {
      edges {
        cursor
        node {
          id
          recipient
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

test("Apollo Client's relayStylePagination joins pages", async () => {
  const apollo = client();
  const variables = { window: between(8, 1) };
  const list = apollo.watchQuery({ query: LIST, variables });
  const first = await new Promise((resolve) => list.subscribe((result) => result.loading || resolve(result.data.bounces)));
  assert.equal(first.edges.length, 20);
  await list.fetchMore({ variables: { after: first.pageInfo.endCursor } });
  const { bounces } = apollo.readQuery({ query: LIST, variables });
  assert.equal(bounces.edges.length, 40);
  assert.equal(new Set(bounces.edges.map((e) => e.node.id)).size, 40);
});

test('Apollo Client keeps stats of different windows and fields apart', async () => {
  const apollo = client();
  const week = between(8, 1);
  const ask = (fields, window) =>
    apollo.query({
      query: gql`query($w: Window!, $s: Window!) { senders(window: $w, first: 1) { nodes { id stats(window: $s) { ${fields} } } } }`,
      variables: { w: week, s: window },
    });
  await ask('sent', week);
  await ask('bounced', week);
  await ask('sent', between(3, 1));
  const [sender] = Object.values(apollo.cache.extract()).filter((o) => o.__typename === 'Sender');
  const kept = Object.entries(sender).filter(([key]) => key.startsWith('stats'));
  assert.equal(kept.length, 2, 'one for each window');
  assert.ok(kept.some(([, s]) => 'sent' in s && 'bounced' in s), 'and both fields in the one of the week');
});

test('Apollo Client keeps what different queries select of objects without an id', async () => {
  const apollo = client();
  const ask = async (query, variables) => (await apollo.query({ query: gql(query), variables })).data;
  const window = between(8, 1);
  const given = '$w: Window!, $a: String!, $e: String!';
  // A new bounce, whose email is in the window too.
  const newest = 'bounces(window: $w, order: NEWEST_FIRST, first: 1) { edges { node { id recipient emailId } } }';
  const { bounces } = await ask(`query($w: Window!) { ${newest} }`, { w: window });
  const { recipient, emailId } = bounces.edges[0].node;
  const variables = { w: window, a: recipient, e: emailId };
  const queries = [
    'bounces(window: $w, first: 1) { edges { node { id detail { ruleName } } } breakdown(by: [TYPE]) { total } }',
    'bounces(window: $w, first: 1) { edges { node { id detail { rule { name } } } } breakdown(by: [TYPE]) { complete } }',
    'bounces(window: $w, first: 1) { edges { node { id detail { rule { description } } } } }',
    'recipient(address: $a) { suppression(window: $w) { verdict } stats(window: $w) { sent } }',
    'recipient(address: $a) { address suppression(window: $w) { asOf } stats(window: $w) { bounced } }',
    'recipient(address: $a) { events(window: $w, first: 1) { edges { node { id at } } pageInfo { endCursor } } }',
    'message(emailId: $e, window: $w) { processedAt }',
    'message(emailId: $e, window: $w) { recipientCount }',
    'viewer { name }',
    'viewer { permissions }',
  ].map((fields) => {
    const used = given.split(', ').filter((variable) => fields.includes(variable.slice(0, 2)));
    return `query${used.length ? `(${used.join(', ')})` : ''} { ${fields} }`;
  });
  for (const query of queries) await ask(query, variables);
  for (const query of queries) assert.ok(apollo.readQuery({ query: gql(query), variables }), `lost: ${query}`);
});
