// The page: GraphiQL with the settings that the server wrote into it.

import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/style.css';
import './style.css';
import { examplesPlugin } from './examples.jsx';
import { createFetcher } from './fetcher.js';
import { KeepTabs } from './keep.jsx';
import { FollowText } from './operation.jsx';
import { FetchSchema } from './schema.jsx';
import { ShareButton, takeSharedOperation } from './share.jsx';
import { openStorage } from './storage.js';

// It has the fields of the Go type `settings`: endpoint, title, dashboard, tabs.
const settings = JSON.parse(document.getElementById('settings').textContent);

// GraphiQL compares these by identity, so they are made once.
const fetcher = createFetcher(settings.endpoint);
const storage = openStorage(settings.tabs, takeSharedOperation());
const plugins = [{ ...explorerPlugin(), title: 'Explorer' }];
if (settings.tabs.length > 0) plugins.unshift(examplesPlugin(settings.tabs));

const newTab = '# Ctrl+Space lists what may be written here.\n# Ctrl+Enter runs the query.\n\n';

// A tab that was opened or chosen elsewhere may be out of sight in a long row of tabs.
function showActiveTab() {
  setTimeout(() => document.querySelector('.graphiql-tab-active')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
}

createRoot(document.getElementById('app')).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    plugins={plugins}
    defaultQuery={newTab}
    onTabChange={showActiveTab}
    schemaDescription
  >
    <GraphiQL.Logo>
      <span className="title">{settings.title}</span>
      {settings.dashboard && <a className="dashboard" href={settings.dashboard}>Dashboard</a>}
    </GraphiQL.Logo>
    <GraphiQL.Toolbar>
      {({ prettify, merge, copy }) => (
        <>
          {prettify}
          {merge}
          {copy}
          <ShareButton />
          <KeepTabs storage={storage} />
          <FollowText />
          <FetchSchema />
        </>
      )}
    </GraphiQL.Toolbar>
  </GraphiQL>,
);
