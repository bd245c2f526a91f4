// Fetches the schema again where the gateway asks for a key and the visitor has given one since.

import { useEditorContext, useSchemaStore } from '@graphiql/react';
import { useEffect } from 'react';

// A pause in typing, in milliseconds, after which the headers are tried.
const pause = 500;

// FetchSchema shows nothing. While there is no schema it fetches it with the headers that are given, whenever they change.
// Once there is one it is the same for every caller.
export function FetchSchema() {
  const { headerEditor } = useEditorContext({ nonNull: true });
  const { introspect, schema } = useSchemaStore();
  useEffect(() => {
    if (!headerEditor || schema) return undefined;
    let timer;
    let tried;
    function fetchSoon() {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const headers = headersIn(headerEditor.getValue());
        if (!headers || headers === tried) return;
        tried = headers;
        introspect();
      }, pause);
    }
    headerEditor.on('change', fetchSoon);
    if (headerEditor.getValue()) fetchSoon(); // kept from the last visit: GraphiQL's own attempt may have come without them
    return () => {
      clearTimeout(timer);
      headerEditor.off('change', fetchSoon);
    };
  }, [headerEditor, introspect, schema]);
  return null;
}

// headersIn returns headers in one spelling, or undefined while they are none.
function headersIn(text) {
  try {
    const headers = JSON.parse(text);
    return headers && typeof headers === 'object' && Object.keys(headers).length > 0 ? JSON.stringify(headers) : undefined;
  } catch {
    return undefined;
  }
}
