// Links that open a query, with its variables, in a new tab. Both are in the link's fragment, which browsers do not
// send, so no server logs them. Links never contain headers, which may contain a key.

import { ToolbarButton, useEditorContext } from '@graphiql/react';
import { useEffect, useState } from 'react';

const names = ['query', 'variables', 'operationName'];

// takeSharedOperation returns the operation in the page's address, or undefined. The page shows it but does not run it.
// It is taken only once, so that a visitor who changes its tab and reloads the page finds only that tab.
export function takeSharedOperation() {
  const operation = sharedOperation();
  if (!operation || history.state?.taken) return undefined;
  history.replaceState({ taken: true }, '');
  return operation;
}

function sharedOperation() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.get('query')) return undefined;
  return Object.fromEntries(names.map((name) => [name, given.get(name) || null]));
}

function linkTo(operation) {
  const given = new URLSearchParams();
  for (const name of names) if (operation[name]) given.set(name, operation[name]);
  const link = new URL(location);
  link.search = '';
  link.hash = given;
  return link.href;
}

// A link pasted into the address bar of the open page changes only the fragment, and loads nothing.
addEventListener('hashchange', () => {
  if (!sharedOperation()) return;
  history.replaceState(null, '');
  location.reload();
});

// ShareButton copies a link to the active tab, and puts it into the address bar in case the page may not copy.
export function ShareButton() {
  const { queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  async function share() {
    const link = linkTo({
      query: queryEditor?.getValue(),
      variables: variableEditor?.getValue(),
      operationName: queryEditor?.operationName,
    });
    history.replaceState({ taken: true }, '', link);
    await navigator.clipboard?.writeText(link).catch(() => {});
    setCopied(true);
  }

  return (
    <ToolbarButton label={copied ? 'The link is in the address bar and the clipboard' : 'Copy a link to this query'} onClick={share}>
      {copied ? <Done className="graphiql-toolbar-icon" /> : <Chain className="graphiql-toolbar-icon" />}
    </ToolbarButton>
  );
}

function Chain(props) {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" aria-hidden="true" {...props}>
      <path d="M8.5 11.5a3.5 3.5 0 0 0 5 0l3-3a3.5 3.5 0 0 0-5-5l-1.2 1.2" />
      <path d="M11.5 8.5a3.5 3.5 0 0 0-5 0l-3 3a3.5 3.5 0 0 0 5 5l1.2-1.2" />
    </svg>
  );
}

function Done(props) {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" aria-hidden="true" {...props}>
      <path d="M4 10.5l4 4 8-9" />
    </svg>
  );
}
