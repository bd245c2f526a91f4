// Where GraphiQL keeps a visitor's tabs, history and settings: the browser's local storage, or memory where that is
// denied.

// openStorage returns GraphiQL's storage, with the examples as open tabs if this is the first visit, and what a link
// shares in front of the visitor.
//
// Names are prefixed by the page's path: other tools on 127.0.0.1:8080 use GraphiQL as well, and so do other gateways
// behind the same host, and a visitor would meet their tabs here.
export function openStorage(examples, shared) {
  const storage = prefixed(`deliverygraph ${location.pathname} `, browserStorage());
  if (examples.length > 0 && !storage.getItem('graphiql:tabState')) openTabs(storage, examples);
  if (shared) openShared(storage, shared);
  return storage;
}

// exampleText is what an example's tab holds: its description as a comment, and its query.
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

// openTabs stores what GraphiQL itself would store with these tabs open. GraphiQL's own property for this
// (`defaultTabs`) forgets the first tab's variables, and opens an empty tab more on the next visit, because it looks for
// a tab that equals the stored query and variables.
function openTabs(storage, examples) {
  const tabs = examples.map((example, i) => newTab(`example-${i}`, example.name, exampleText(example), example.variables));
  activate(storage, tabs, 0);
}

// openShared puts an operation into a tab behind the others, or finds the one that has it, and shows that.
function openShared(storage, { query, variables, operationName }) {
  const { tabs } = JSON.parse(storage.getItem('graphiql:tabState') ?? '{"tabs": []}');
  let index = tabs.findIndex((tab) => tab.query === query && (tab.variables || null) === variables);
  if (index < 0) index = tabs.push(newTab(`shared-${Date.now()}`, operationName, query, variables)) - 1;
  activate(storage, tabs, index);
}

function newTab(id, operationName, query, variables) {
  return { id, title: operationName ?? '<untitled>', query, variables: variables || null, headers: null, operationName, response: null };
}

function activate(storage, tabs, index) {
  storage.setItem('graphiql:tabState', JSON.stringify({ activeTabIndex: index, tabs }));
  storage.setItem('graphiql:query', tabs[index].query);
  if (tabs[index].variables) storage.setItem('graphiql:variables', tabs[index].variables);
  else storage.removeItem('graphiql:variables');
}

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
