import { serverAudits } from 'graphql-http';
import assert from 'node:assert/strict';
import test from 'node:test';
import { url } from '../gateway.mjs';

// Every audit of the GraphQL-over-HTTP specification: not only what a server MUST, but also what it SHOULD and MAY do.
const audits = serverAudits({ url });

test('there are as many audits as there were', () => assert.equal(audits.length, 61));

for (const audit of audits) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    assert.equal(result.status, 'ok', result.reason);
  });
}
