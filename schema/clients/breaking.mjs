// Tells whether a client that was generated within the last 90 days still works: the published schema is held against
// what it was on each of these days. A change that breaks such a client must be announced: its line, as printed here,
// stands in CHANGELOG.md under "Breaking". Fields are deprecated at least so long before they go.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BreakingChangeType, buildSchema, findBreakingChanges } from 'graphql';

const days = 90;
const file = 'schema/published/schema.graphql';
const git = (...args) => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
process.chdir(git('rev-parse', '--show-toplevel').trim());

// Where documents may have directives. A directive that may be at fewer places of a schema breaks no document.
const executable = /^(QUERY|MUTATION|SUBSCRIPTION|FIELD|FRAGMENT_DEFINITION|FRAGMENT_SPREAD|INLINE_FRAGMENT|VARIABLE_DEFINITION) /;
const breaks = ({ type, description }) =>
  type !== BreakingChangeType.DIRECTIVE_LOCATION_REMOVED || executable.test(description);

const announced = new Set(readFileSync('CHANGELOG.md', 'utf8').split('\n').map((line) => line.replace(/^\s*-\s*/, '')));
const now = buildSchema(readFileSync(file, 'utf8'));
// Those of the last days, and the one that was published when they began.
const versions = git('log', `--since=${days}.days`, '--format=%H', '--', file).split('\n').filter(Boolean);
const before = git('log', '-1', `--before=${days}.days`, '--format=%H', '--', file).trim();
if (before) versions.push(before);

const breaking = new Map();
for (const version of versions) {
  const text = git('ls-tree', version, '--', file) && git('show', `${version}:${file}`);
  if (!text) continue; // the commit that took the file away
  for (const { description } of findBreakingChanges(buildSchema(text), now).filter(breaks)) {
    if (!announced.has(description)) breaking.set(description, version.slice(0, 12));
  }
}
for (const [description, version] of breaking) console.error(`breaks clients of ${version}: ${description}`);
if (breaking.size) process.exit(1);
console.log(`nothing breaks clients of the ${versions.length} schemas of the last ${days} days`);
