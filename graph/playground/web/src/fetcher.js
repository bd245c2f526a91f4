// Sends operations to the gateway.

const accept = 'application/graphql-response+json, application/json;q=0.9';

// createFetcher returns what GraphiQL calls for each operation. It answers with an observable rather than a promise,
// since GraphiQL then shows a stop button, and stopping drops the connection, so that the gateway stops its work too.
// Whatever goes wrong becomes an answer in GraphQL's form: GraphiQL would show a thrown error with its stack.
export function createFetcher(endpoint) {
  return (operation, { headers } = {}) => ({
    subscribe({ next, complete }) {
      const abort = new AbortController();
      ask(endpoint, operation, headers, abort.signal).then((answer) => {
        if (abort.signal.aborted) return;
        next(answer);
        complete();
      });
      return { unsubscribe: () => abort.abort() };
    },
  });
}

async function ask(endpoint, operation, headers, signal) {
  let response, body;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(operation),
      signal,
    });
    body = await response.text();
  } catch (error) {
    return failure(`No answer from ${new URL(endpoint, location)}: ${error.message}. Is the gateway running?`);
  }
  try {
    return JSON.parse(body);
  } catch {
    const status = `${response.status} ${response.statusText}`.trim();
    const start = body.trim().slice(0, 300) || 'an empty body';
    return failure(`The gateway answered ${status} without JSON: ${start}`);
  }
}

function failure(message) {
  return { errors: [{ message }] };
}
