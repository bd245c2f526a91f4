// Asks the GraphQL endpoint, with the visitor's key if the gateway wants one.

// The shape is that of the Go type `settings`.
export const settings = JSON.parse(document.getElementById('settings').textContent);

// The key is kept for this tab alone, until it is closed. The name has the page's path, as other gateways may be behind
// the same host.
const keyName = `deliverygraph ${location.pathname} key`;
let key = read();

export function setKey(text) {
  key = text.trim();
  try {
    if (key) sessionStorage.setItem(keyName, key);
    else sessionStorage.removeItem(keyName);
  } catch {
    // Without storage the key lasts until the page is left.
  }
}

export const hasKey = () => key !== '';

function read() {
  try {
    return sessionStorage.getItem(keyName) ?? '';
  } catch {
    return '';
  }
}

// The gateway's clock, in seconds since 1970: windows end now, by the clock that the data has.
let ahead = 0;
export const now = () => Date.now() / 1000 + ahead;

// ask sends an operation and returns its data, which may be partly null, and its errors. It throws a Failure if there
// is no data at all, and an AbortError if it was stopped by the signal.
export async function ask(query, variables, signal) {
  let response, text;
  try {
    response = await fetch(settings.endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(key && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure('The gateway does not answer.');
  }
  setClock(response);
  const answer = parse(text);
  if (response.status === 401) throw new Failure(answer?.errors?.[0]?.message ?? 'A key is needed.', 'UNAUTHENTICATED');
  if (!answer) throw new Failure(`The gateway answered ${response.status} ${response.statusText} without JSON.`.replace('  ', ' '));
  if (!answer.data) throw new Failure(answer.errors?.[0]?.message ?? 'The answer is empty.', answer.errors?.[0]?.extensions?.code);
  return { data: answer.data, errors: answer.errors ?? [] };
}

// Failure is an answer without data, with the gateway's code for it if it has one.
export class Failure extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

// setClock follows the gateway's clock where the visitor's is wrong by more than the seconds that an answer takes.
function setClock(response) {
  const offset = (Date.parse(response.headers.get('date')) - Date.now()) / 1000;
  if (Math.abs(offset - ahead) > 30) ahead = Math.abs(offset) > 30 ? offset : 0;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
