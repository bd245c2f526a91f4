// Fetches the schema again if the gateway requires a key and the visitor has entered one.

import { useEditorContext, useSchemaStore } from '@graphiql/react';
import { useEffect } from 'react';

// A pause in typing, in milliseconds, after which the headers are tried.
const pause = 500;

// FetchSchema renders nothing. Until there is a schema, it fetches it with the current headers whenever they change. The
// schema is the same for all callers.
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
    if (headerEditor.getValue()) fetchSoon(); // kept from the last visit; GraphiQL may have tried without them
    return () => {
      clearTimeout(timer);
      headerEditor.off('change', fetchSoon);
    };
  }, [headerEditor, introspect, schema]);
  return null;
}

// headersIn returns headers in canonical form, or undefined if the text is not valid.
function headersIn(text) {
  try {
    const headers = JSON.parse(text);
    return headers && typeof headers === 'object' && Object.keys(headers).length > 0 ? JSON.stringify(headers) : undefined;
  } catch {
    return undefined;
  }
}
