#!/usr/bin/env bash
# Are the documents of the protocol current, valid by public validators, and true of a running gateway?
set -euo pipefail
cd "$(dirname "$0")/.."
built=${CARGO_TARGET_DIR:-$PWD/target}/debug
cargo build --quiet --workspace --bins
"$built/xtask" documents --check
cd protocol/check
# npm writes the file on the left when it installs.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent
npm run --silent types
GATEWAY="$built/gateway" npm run --silent test
