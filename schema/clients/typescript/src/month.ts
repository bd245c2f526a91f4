// A partner's program: it reads a month of bounces, page by page, with types that graphql-codegen generates from the schema.
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import { graphql } from '../generated/gql.js';
import type { BouncesOfMonthQuery } from '../generated/graphql.js';

export const BOUNCES = graphql(`
  query BouncesOfMonth($window: Window!, $filter: BounceFilter, $after: String) {
    bounces(window: $window, filter: $filter, first: 500, after: $after) {
      totalCount
      nodes {
        id
        bouncedAt
        recipient
        type
        category
        postbackAt
        sender {
          address
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

type Bounce = NonNullable<BouncesOfMonthQuery['bounces']>['nodes'][number];

// A gateway's endpoint, and the caller's API key or token if the gateway requires one.
export interface Gateway {
  url: string;
  key?: string;
}

interface ResponseError {
  message: string;
  path?: (string | number)[];
  extensions: { code: string; retryable: boolean; retryAfterMs?: number };
}

// A response has data, errors, or both: a field that failed is null, and its error has its path.
interface Response<T> {
  data?: T | null;
  errors?: ResponseError[];
}

// ask runs an operation. It retries while all errors are retryable, after the time that they give or with backoff.
export async function ask<T, V>(gateway: Gateway, document: TypedDocumentNode<T, V>, variables: V, attempts = 5): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const { data, errors } = await send(gateway, document, variables);
    if (data && !errors) return data;
    if (!errors) throw new Error('a response without data and errors');
    if (attempt === attempts || !errors.every((e) => e.extensions.retryable)) {
      throw new Error(errors.map((e) => `${e.extensions.code}: ${e.message}`).join('; '));
    }
    const wait = Math.max(...errors.map((e) => e.extensions.retryAfterMs ?? 250 * 2 ** attempt));
    await new Promise((resolve) => setTimeout(resolve, wait * (1 + Math.random() / 4)));
  }
}

// send sends a request. Status 429 (over budget) and 503 (overloaded) have a response with errors too.
async function send<T, V>({ url, key }: Gateway, document: TypedDocumentNode<T, V>, variables: V): Promise<Response<T>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json',
      ...(key && { Authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({ query: print(document), variables }),
  });
  if (!response.headers.get('Content-Type')?.includes('json')) throw new Error(`HTTP ${response.status}: not from the gateway`);
  return response.json();
}

export async function month(gateway: Gateway, start: string, end: string): Promise<{ bounces: Bounce[]; total: number | null }> {
  const bounces: Bounce[] = [];
  let total: number | null = null;
  for (let after: string | null = null; ; ) {
    const { bounces: page }: BouncesOfMonthQuery = await ask(gateway, BOUNCES, { window: { between: { start, end } }, after });
    if (!page) throw new Error('a response without errors has its page');
    bounces.push(...page.nodes);
    total = page.totalCount ?? null;
    if (!page.pageInfo.hasNextPage) return { bounces, total };
    after = page.pageInfo.endCursor ?? null;
  }
}
