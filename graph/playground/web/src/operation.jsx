// Selects the operation that runs. GraphiQL looks for operations 100 ms after the last change of the text, and would run
// the previous one until then.

import { useEditorContext } from '@graphiql/react';
import { parse } from 'graphql';
import { useEffect } from 'react';

// operationsOf returns the operations of a text, or undefined while it cannot be parsed.
export function operationsOf(text) {
  try {
    return parse(text).definitions.filter((definition) => definition.kind === 'OperationDefinition');
  } catch {
    return undefined;
  }
}

// chosenOperation returns the operation with that name, or the first one if the name is from an earlier text, or
// undefined if there is none.
export function chosenOperation(operations = [], name) {
  return operations.find((operation) => operation.name?.value === name) ?? operations[0];
}

// FollowText renders nothing, and passes the operations to GraphiQL as soon as they change.
export function FollowText() {
  const { queryEditor } = useEditorContext({ nonNull: true });
  useEffect(() => {
    if (!queryEditor) return undefined;
    function follow() {
      const operations = operationsOf(queryEditor.getValue());
      if (!operations) return;
      queryEditor.operations = operations;
      queryEditor.operationName = chosenOperation(operations, queryEditor.operationName)?.name?.value ?? null;
    }
    queryEditor.on('change', follow);
    return () => queryEditor.off('change', follow);
  }, [queryEditor]);
  return null;
}
