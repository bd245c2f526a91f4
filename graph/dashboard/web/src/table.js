// The tables behind charts, and those of groups.

import { h, show } from './dom.js';

// table returns a table with a caption. Columns are {title, class}; rows are lists of cells: texts or elements.
export function table(caption, columns, rows) {
  return h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h(
      'table',
      null,
      h('caption', null, caption),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          columns.map((c) => h('th', { scope: 'col', class: c.class }, c.title)),
        ),
      ),
      h(
        'tbody',
        null,
        rows.map((row) =>
          h(
            'tr',
            null,
            row.map((cell, i) =>
              i === 0
                ? h('th', { scope: 'row', class: columns[i].class }, cell)
                : h('td', { class: columns[i].class }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

// createDetails returns a closed table that is made when it is opened, and kept up to date while it is open.
export function createDetails(summary) {
  const body = h('div');
  let make = () => '';
  const element = h(
    'details',
    { ontoggle: () => element.open && show(body, make()) },
    h('summary', null, summary),
    body,
  );
  return {
    element,
    // update has the table made by next from now on.
    update(next) {
      make = next;
      if (element.open) show(body, make());
    },
  };
}
