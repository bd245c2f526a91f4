// Keeps the tabs as they are when the visitor leaves or loads the page again, down to the last letter typed.

import { useEditorContext } from '@graphiql/react';
import { useLayoutEffect, useRef } from 'react';
import { hasTabs, storeTabs, untitled } from './storage.js';

// GraphiQL stores a change half a second after it was made, in milliseconds and with some to spare.
const storedAfter = 1000;

// KeepTabs shows nothing, and stores what GraphiQL has not stored yet. It leaves alone what was stored before: since
// then another window may have.
export function KeepTabs({ storage }) {
  const { tabs, activeTabIndex, queryEditor, variableEditor, headerEditor, shouldPersistHeaders } = useEditorContext({ nonNull: true });
  const changed = useRef(0);
  useLayoutEffect(() => {
    changed.current = performance.now();
  }, [tabs, activeTabIndex]);

  useLayoutEffect(() => {
    function keep() {
      if (!queryEditor || !variableEditor || !hasTabs(storage)) return;
      const active = typed(tabs[activeTabIndex], queryEditor.getValue(), variableEditor.getValue(), headerEditor?.getValue());
      if (active === tabs[activeTabIndex] && performance.now() - changed.current > storedAfter) return;
      const kept = tabs.map((tab, i) => plain(i === activeTabIndex ? active : tab, shouldPersistHeaders));
      storeTabs(storage, kept, activeTabIndex);
    }
    addEventListener('pagehide', keep);
    return () => removeEventListener('pagehide', keep);
  }, [storage, tabs, activeTabIndex, queryEditor, variableEditor, headerEditor, shouldPersistHeaders]);
  return null;
}

// typed is a tab with what stands in its editors: the same one if that is what it holds.
function typed(tab, query, variables, headers = '') {
  const same = (part, text) => (tab[part] ?? '') === text;
  if (same('query', query) && same('variables', variables) && same('headers', headers)) return tab;
  if (same('query', query)) return { ...tab, variables, headers };
  const operationName = query.match(/^(?!#).*(?:query|subscription|mutation)\s+(\w+)/m)?.[1] ?? null; // as GraphiQL finds it
  return { ...tab, query, variables, headers, operationName, title: operationName ?? untitled };
}

// plain is a tab as it is stored: without its answer, and without headers, which may hold a key, unless the visitor
// wants them kept.
function plain({ id, title, query, variables, headers, operationName }, withHeaders) {
  const text = (value) => value ?? null; // GraphiQL throws all tabs away if one lacks a part
  return {
    id, title, query: text(query), variables: text(variables), headers: withHeaders ? text(headers) : null,
    operationName: text(operationName), response: null,
  };
}
