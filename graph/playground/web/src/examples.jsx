// The panel that lists the examples, for visitors who closed or changed their tabs.

import { useEditorContext } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { exampleText } from './storage.js';

// examplesPlugin returns the panel as a GraphiQL plugin.
export function examplesPlugin(examples) {
  return { title: 'Examples', icon: ExamplesIcon, content: () => <Examples examples={examples} /> };
}

// Where the panel covers the editor (see style.css), it closes after a choice. It clicks its own button, since GraphiQL
// has no other way to close a panel together with its pane.
const narrow = matchMedia('(max-width: 720px)');

function Examples({ examples }) {
  const { tabs, activeTabIndex, addTab, changeTab, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const [opening, setOpening] = useState(null);

  // GraphiQL opens a tab within an updater of React's state, which React may run again in a later render, and each run
  // empties the editors (and right after the page has loaded there may be none yet). So a new tab is filled for as long
  // as it does not hold the example.
  useEffect(() => {
    if (!opening || tabs.length <= opening.tabsBefore || !queryEditor || !variableEditor) return;
    if (queryEditor.getValue() !== opening.query) queryEditor.setValue(opening.query);
    if (variableEditor.getValue() !== opening.variables) variableEditor.setValue(opening.variables);
    if (tabs[activeTabIndex].query === opening.query) setOpening(null);
  }, [opening, tabs, activeTabIndex, queryEditor, variableEditor]);

  // An example that is still open, unchanged, is shown; otherwise it opens in a new tab.
  function open(example) {
    show(example);
    if (narrow.matches) document.querySelector('.graphiql-sidebar button.active')?.click();
  }

  function show(example) {
    const query = exampleText(example);
    const variables = example.variables || '';
    const index = tabs.findIndex((tab) => tab.query === query && (tab.variables ?? '') === variables);
    if (index >= 0) {
      changeTab(index);
      return;
    }
    // Not within the click, which React would run before updates that are still waiting, and again after them: the
    // second run would find the example in the editor, and take it for the text of the tab before.
    setTimeout(() => {
      setOpening({ query, variables, tabsBefore: tabs.length });
      addTab();
    });
  }

  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      <ul>
        {examples.map((example) => (
          <li key={example.name}>
            <button type="button" onClick={() => open(example)}>
              <strong>{example.name}</strong>
              <span>{example.description}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ExamplesIcon(props) {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" {...props}>
      <rect x="2.5" y="3" width="15" height="14" rx="2" />
      <path d="M2.5 7h15M6.5 10.5h7M6.5 13.5h4.5" strokeLinecap="round" />
    </svg>
  );
}
