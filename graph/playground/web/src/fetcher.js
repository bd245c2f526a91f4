// Sends operations to the gateway.

import { chosenOperation, operationsOf } from './operation.jsx';

const accept = 'application/graphql-response+json, application/json;q=0.9';

// createFetcher returns the function that GraphiQL calls for each operation. It returns an observable rather than a
// promise: GraphiQL then shows a stop button, and stopping closes the connection, so the gateway stops its work too.
// Errors are returned as GraphQL errors, since GraphiQL would show a thrown error with its stack.
export function createFetcher(endpoint) {
  return (asked, { headers } = {}) => ({
    subscribe({ next, complete }) {
      const abort = new AbortController();
      const show = (answer) => abort.signal.aborted || next(answer);
      const chosen = chosenOperation(operationsOf(asked.query), asked.operationName);
      const operation = { ...asked, operationName: chosen?.name?.value };
      const answered = chosen?.operation === 'subscription'
        ? follow(endpoint, operation, headers, abort.signal, show)
        : ask(endpoint, operation, headers, abort.signal).then(show);
      answered.then(() => abort.signal.aborted || complete());
      return { unsubscribe: () => abort.abort() };
    },
  });
}

// follow shows each event of a subscription as it comes: server-sent events, in the distinct connections mode of
// graphql-sse.
async function follow(endpoint, operation, headers, signal, show) {
  try {
    const response = await post(endpoint, operation, { ...headers, accept: `text/event-stream, ${accept}` }, signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      show(read(response, await response.text()));
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ; ) {
      const { value, done } = await reader.read();
      if (done) break;
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = event.match(/^data: (.+)$/m);
        if (data && event.startsWith('event: next')) show(JSON.parse(data[1]));
      }
    }
  } catch (error) {
    if (!signal.aborted) show(unreachable(endpoint, error));
  }
}

async function ask(endpoint, operation, headers, signal) {
  let response, body;
  try {
    response = await post(endpoint, operation, { accept, ...headers }, signal);
    body = await response.text();
  } catch (error) {
    return unreachable(endpoint, error);
  }
  return read(response, body);
}

function post(endpoint, operation, headers, signal) {
  return fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
    signal,
  });
}

function read(response, body) {
  try {
    return JSON.parse(body);
  } catch {
    const status = `${response.status} ${response.statusText}`.trim();
    const start = body.trim().slice(0, 300) || 'an empty body';
    return failure(`The gateway answered ${status} without JSON: ${start}`);
  }
}

function unreachable(endpoint, error) {
  return failure(`No answer from ${new URL(endpoint, location)}: ${error.message}. Is the gateway running?`);
}

function failure(message) {
  return { errors: [{ message }] };
}
