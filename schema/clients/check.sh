#!/usr/bin/env bash
# Holds the schema against the code generators and clients that callers use, as they come: compiles operations for each,
# then pages through demo data. DELIVERYGRAPH_URL names the endpoint of a gateway that serves demo data, with
# --batch-limit 10 and --trusted-documents transports/registered.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# Modules that were installed after the last change are as good as new.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then npm ci --silent --no-audit --no-fund; fi
echo "breaking changes"
node breaking.mjs
echo "Relay's compiler"
mkdir -p relay/generated
(cd relay && ../node_modules/.bin/relay-compiler relay.config.json)
echo "graphql-codegen and TypeScript"
(cd typescript && ../node_modules/.bin/graphql-codegen --config codegen.ts --silent && ../node_modules/.bin/tsc -p .)
echo "Relay, Apollo Client, urql, the TypeScript client and the audits of GraphQL over HTTP against ${DELIVERYGRAPH_URL:?names no gateway}"
node --test relay normalised transports typescript http
echo "graphql-ws and graphql-sse, against it and gateways of their own"
node --test subscriptions
echo "genqlient's client"
(cd go && go generate ./... && git diff --exit-code -- generated.go && go vet ./... && go test -count=1 ./...)
