// The frame of a panel: a heading, a link to its query in the playground, what is wrong if something is, and a body.

import { ask, Failure, isPassing, settings } from './api.js';
import { h, show } from './dom.js';

// createPanel returns a panel that shows the answer to a query.
//   id, title         of its element
//   query(context)    the document, or null if there is nothing to ask
//   variables(context)
//   unavailable(context)  why there is nothing to ask for this visitor, or nothing
//   render(body, data, context)  shows the answer, or returns false if there is nothing in it
// The context is what the page has chosen: see app.js.
export function createPanel({ id, title, query, variables, render, unavailable = () => false, ...rest }) {
  const link = h('a', { class: 'query' }, 'Query');
  const heading = h('h2', { id: `${id}-title` }, title);
  const note = h('p', { class: 'note', role: 'status', hidden: true });
  const body = h('div', { class: 'body' }, h('p', { class: 'waiting' }, 'Loading…'));
  const element = h(
    'section',
    { id, class: `panel ${rest.class ?? ''}`, 'aria-labelledby': heading.id, 'aria-busy': 'true', hidden: rest.hidden },
    h('div', { class: 'head' }, heading, link),
    note,
    body,
  );
  let shown; // the choice that the body shows
  let asking;

  // refresh asks again and resolves when that is done: to undefined, or to what went wrong with the whole request.
  async function refresh(context) {
    asking?.abort();
    const document = query(context);
    element.hidden = document === null;
    if (document === null) {
      element.setAttribute('aria-busy', 'false');
      return undefined;
    }
    const reason = unavailable(context);
    if (reason) {
      say();
      show(body, h('p', { class: 'waiting' }, reason));
      element.setAttribute('aria-busy', 'false');
      return undefined;
    }
    const abort = (asking = new AbortController());
    const given = variables(context);
    link.href = playgroundLink(document, given);
    if (shown !== context.choice) element.setAttribute('aria-busy', 'true');
    try {
      const { data, errors } = await ask(document, given, abort.signal);
      if (abort.signal.aborted) return undefined;
      const passing = errors.find(isPassing);
      if (passing && shown === context.choice) return fail(new Failure(passing.message), context);
      say(...new Set(errors.map((error) => error.message)));
      if (render(body, data, context) === false) show(body, h('p', { class: 'waiting' }, 'No data.'));
      shown = context.choice;
      return passing && new Failure(passing.message);
    } catch (error) {
      if (abort.signal.aborted) return undefined;
      if (!(error instanceof Failure)) throw error;
      return fail(error, context);
    } finally {
      if (!abort.signal.aborted) element.setAttribute('aria-busy', 'false');
    }
  }

  // fail says what went wrong, and keeps what the panel shows unless that answers another question.
  function fail(error, { choice }) {
    if (shown !== choice) {
      show(body, h('p', { class: 'waiting' }, 'No data.'));
      shown = undefined;
    }
    say(error.message);
    return error;
  }

  function say(...messages) {
    note.hidden = messages.length === 0;
    show(note, messages.map(sentence).join(' '));
  }

  return { element, refresh };
}

// sentence writes a message of the gateway as a sentence. Names of arguments, such as filter.userId, stay as they are.
export const sentence = (message) =>
  (/^\w+\.\w/.test(message) ? message : message[0].toUpperCase() + message.slice(1)) + (/[.!?]$/.test(message) ? '' : '.');

function playgroundLink(query, variables) {
  const operationName = query.match(/query (\w+)/)[1];
  const given = new URLSearchParams({ query, variables: JSON.stringify(variables, null, 2), operationName });
  return `${settings.playground}#${given}`;
}
