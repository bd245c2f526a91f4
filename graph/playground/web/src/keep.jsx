// Keeps the tabs with all that was typed when the visitor leaves or reloads the page.

import { useEditorContext } from '@graphiql/react';
import { useLayoutEffect, useRef } from 'react';
import { hasTabs, storeTabs, untitled } from './storage.js';

// GraphiQL stores a change half a second after it was made. This is in milliseconds, with a margin.
const storedAfter = 1000;

// KeepTabs renders nothing, and stores what GraphiQL has not stored yet. It does not store anything else, since another
// window may have stored a newer state.
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

// typed returns a tab with the text of its editors, or the same tab if that is its content already.
function typed(tab, query, variables, headers = '') {
  const same = (part, text) => (tab[part] ?? '') === text;
  if (same('query', query) && same('variables', variables) && same('headers', headers)) return tab;
  if (same('query', query)) return { ...tab, variables, headers };
  const operationName = query.match(/^(?!#).*(?:query|subscription|mutation)\s+(\w+)/m)?.[1] ?? null; // as GraphiQL finds it
  return { ...tab, query, variables, headers, operationName, title: operationName ?? untitled };
}

// plain returns a tab as it is stored: without its response, and without headers, which may contain a key, unless the
// visitor wants to keep them.
function plain({ id, title, query, variables, headers, operationName }, withHeaders) {
  const text = (value) => value ?? null; // GraphiQL discards all tabs if one lacks a field
  return {
    id, title, query: text(query), variables: text(variables), headers: withHeaders ? text(headers) : null,
    operationName: text(operationName), response: null,
  };
}
