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
  if (!answer) throw new Failure(`The gateway answered with status ${response.status}, without JSON.`);
  if (!answer.data) {
    const error = answer.errors?.[0] ?? { message: 'The gateway answered without data.' };
    throw new Failure(error.message, { refused: response.status === 401, passing: isPassing(error) });
  }
  return { data: answer.data, errors: answer.errors ?? [] };
}

// Failure says why there is no answer: because the caller's key was refused, or for a reason that may pass.
export class Failure extends Error {
  constructor(message, { refused = false, passing = true } = {}) {
    super(message);
    this.refused = refused;
    this.passing = passing && !refused;
  }
}

// isPassing reports whether the same operation may succeed later.
export const isPassing = (error) => error.extensions?.retryable === true;

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
