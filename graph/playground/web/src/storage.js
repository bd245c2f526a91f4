// Storage for a visitor's tabs, history and settings: the browser's local storage, or memory if that is denied.

// openStorage returns GraphiQL's storage. On the first visit the examples are open as tabs. The operation of a shared
// link is in the active tab.
//
// Names begin with the page's path. Otherwise a visitor would see the tabs of other tools on 127.0.0.1:8080 that use
// GraphiQL, or of other gateways behind the same host.
export function openStorage(examples, shared) {
  const storage = prefixed(`deliverygraph ${location.pathname} `, browserStorage());
  if (!readTabs(storage)) openTabs(storage, examples);
  if (shared) openShared(storage, shared);
  else openAgain(storage);
  return storage;
}

// The names under which GraphiQL stores its tabs and, separately, the texts of the editors.
const stored = { tabs: 'graphiql:tabState', query: 'graphiql:query', variables: 'graphiql:variables', headers: 'graphiql:headers' };

// exampleText returns the text of an example's tab: its description as a comment, and its query.
export function exampleText({ description, query }) {
  return comment(description) + query.trim() + '\n';
}

// comment breaks a text into lines that fit into the query's half of a laptop's screen: the editor does not wrap.
function comment(text) {
  const lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last && last.length + word.length < 50) lines[lines.length - 1] += ` ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines.map((line) => line + '\n').join('');
}

// openTabs stores what GraphiQL would store with these tabs open. GraphiQL's own property for this (`defaultTabs`) loses
// the variables of the first tab, and opens another, empty tab on the next visit, because it looks for a tab that equals
// the stored query and variables.
function openTabs(storage, examples) {
  if (examples.length === 0) {
    storage.removeItem(stored.tabs);
    return;
  }
  const tabs = examples.map((example, i) => newTab(`example-${i}`, example.name, exampleText(example), example.variables));
  storeTabs(storage, tabs, 0);
}

// openShared opens an operation in a new last tab, or activates the tab that has it already.
function openShared(storage, { query, variables, operationName }) {
  const { tabs } = readTabs(storage) ?? { tabs: [] };
  let index = tabs.findIndex((tab) => tab.query === query && (tab.variables || null) === variables);
  if (index < 0) index = tabs.push(newTab(`shared-${Date.now()}`, operationName, query, variables)) - 1;
  storeTabs(storage, tabs, index);
}

// openAgain makes the editors start with the content of the active tab. GraphiQL stores its tabs half a second after
// each change, and the texts of the editors at other times. If they differ, as after a crash, it would open another tab
// with these texts.
function openAgain(storage) {
  const found = readTabs(storage);
  if (found?.tabs[found.activeTabIndex]) storeTabs(storage, found.tabs, found.activeTabIndex);
}

function newTab(id, operationName, query, variables) {
  return { id, title: operationName ?? untitled, query, variables: variables || null, headers: null, operationName, response: null };
}

// readTabs returns the stored tabs, or undefined if there are none or they are invalid, with which GraphiQL would fail.
function readTabs(storage) {
  try {
    const found = JSON.parse(storage.getItem(stored.tabs));
    return Array.isArray(found.tabs) ? found : undefined;
  } catch {
    return undefined;
  }
}

// storeTabs stores all tabs, and the texts of the active one as those of the editors, so that both agree. If the storage
// is full, nothing is stored, and the page still works.
export function storeTabs(storage, tabs, activeTabIndex) {
  try {
    storage.setItem(stored.tabs, JSON.stringify({ activeTabIndex, tabs }));
    const active = tabs[activeTabIndex];
    for (const part of ['query', 'variables', 'headers']) {
      if (active[part]) storage.setItem(stored[part], active[part]);
      else storage.removeItem(stored[part]);
    }
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

// hasTabs reports whether tabs are stored. They are not after the visitor has cleared all data.
export function hasTabs(storage) {
  return Boolean(storage.getItem(stored.tabs));
}

// untitled is GraphiQL's own name for a tab without one.
export const untitled = '<untitled>';

function prefixed(prefix, storage) {
  const names = () => Object.keys(storage).filter((name) => name.startsWith(prefix));
  return {
    getItem: (name) => storage.getItem(prefix + name),
    setItem: (name, value) => storage.setItem(prefix + name, value),
    removeItem: (name) => storage.removeItem(prefix + name),
    clear: () => names().forEach((name) => storage.removeItem(name)),
    get length() {
      return names().length;
    },
  };
}

function browserStorage() {
  try {
    localStorage.getItem('');
    return localStorage;
  } catch {
    return memoryStorage();
  }
}

// memoryStorage keeps items as its own properties, as local storage does.
function memoryStorage() {
  const methods = {
    getItem(name) {
      return this[name] ?? null;
    },
    setItem(name, value) {
      this[name] = String(value);
    },
    removeItem(name) {
      delete this[name];
    },
  };
  return Object.create(methods);
}
