// Package playground serves GraphiQL, the in-browser editor for GraphQL, as an http.Handler that needs nothing but this
// binary: script, stylesheet and icon are embedded, and the page's Content-Security-Policy lets it talk to its own
// origin alone.
//
// It hides how the page is built and gets its settings; package site serves it. Start reading at [New]; page.html is
// the page, examples holds what a new visitor finds open, and web/src/app.jsx is where the browser's side begins.
//
// # Building the page
//
// The files in dist are committed, so Go alone builds the gateway. After a change in web, with Node.js 20 or newer:
//
//	cd graph/playground/web && npm ci && npm run build
//
// and commit dist with it. A test compares dist/SOURCE_HASH with the sources and fails if this was forgotten. GraphiQL
// 4 is used rather than 5, whose editor is four times the size and needs worker scripts.
//
// The tests drive the page in Chromium where there is one. What it looked like is kept by
//
//	go test -artifacts -outputdir /tmp/shots ./graph/playground
package playground
