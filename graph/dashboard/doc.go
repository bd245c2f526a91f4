// Package dashboard serves a page for operators of mail: rates of bounces and blocked emails, where they come from, and
// what happened to the mail of one recipient. Its data comes from the public GraphQL API alone, with the caller's key,
// so that it shows what the caller may see.
//
// Start reading at [New]; page.html is the page, and web/src/app.js is where the browser's side begins: it makes the
// panels. Each panel (web/src/panels) is a query, and a function that shows its answer. Package site serves the files.
//
// # Building the page
//
// The files in dist are committed, so Go alone builds the gateway. After a change in web, with Node.js 20 or newer:
//
//	cd graph/dashboard/web && npm ci && npm run build
//
// and commit dist with it. A test compares dist/SOURCE_HASH with the sources and fails if this was forgotten.
//
// The tests drive the page in Chromium where there is one. What it looked like is kept by
//
//	go test -artifacts -outputdir /tmp/shots ./internal/gateway -run Dashboard
package dashboard
