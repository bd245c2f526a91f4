// Breakdowns of lists, filtered by what the visitor has clicked.

// A mailbox provider has several domains, and lists are filtered by one. So queries ask for each of its domains, up to
// this number, and the answers are added up here. The rates take 6 fields at the root of an operation for each domain,
// of which it may have 50.
export const mostDomains = 8;

// filtersOf returns the filters of a list for all choices but one, one filter for each domain of the chosen provider: a
// panel still lists the groups beside the chosen one.
export function filtersOf({ chosen, domains }, { except, category = true } = {}) {
  const filter = {};
  if (chosen.user) filter.userId = chosen.user;
  if (chosen.sender && except !== 'sender') filter.senderId = chosen.sender;
  if (chosen.category && category && except !== 'category') filter.category = chosen.category;
  if (domains.length === 0 || except === 'provider') return [filter];
  return domains.map((domain) => ({ ...filter, domain }));
}

// numbered returns names for so many filters: plain, or with numbers if there are several.
export const numbered = (name, filters) => filters.map((_, i) => (filters.length === 1 ? name : `${name}${i + 1}`));

// sum adds breakdowns up: the groups by their values, the largest first. It returns undefined if one is missing.
export function sum(breakdowns) {
  if (breakdowns.length === 0 || breakdowns.some((b) => !b)) return undefined;
  if (breakdowns.length === 1) return breakdowns[0];
  const groups = new Map();
  for (const group of breakdowns.flatMap((b) => b.groups)) {
    const { value } = group.keys[0];
    groups.set(value, groups.has(value) ? added(groups.get(value), group) : group);
  }
  const total = breakdowns.reduce((n, b) => n + (b.total ?? 0), 0);
  const listed = [...groups.values()].sort((a, b) => b.count - a.count).map((g) => ({ ...g, share: g.count / total }));
  const other = { groups: 0, count: 0 };
  for (const b of breakdowns) {
    other.groups += b.other?.groups ?? 0;
    other.count += b.other?.count ?? 0;
  }
  return { total, groups: listed, other };
}

function added(a, b) {
  const sent = (g) => (g.rate > 0 ? g.count / g.rate : NaN);
  const all = sent(a) + sent(b);
  return {
    ...a,
    count: a.count + b.count,
    rate: all > 0 ? (a.count + b.count) / all : null,
    series: a.series?.map(({ start, count }, i) => ({ start, count: count + (b.series[i]?.count ?? 0) })),
  };
}
