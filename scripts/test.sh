#!/usr/bin/env bash
# Runs every test of the workspace and of the web client, checks that each rule of docs/DOMAIN.md has one that passed, and ends with their sum.
set -uo pipefail
cd "$(dirname "$0")/.."
log=target/test.log
mkdir -p target
cargo test --workspace --no-fail-fast 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
# Once more with the other driver of WebSockets, what is about connections.
GATEWAY_WEBSOCKET=actix-ws cargo test -p conversation-gateway --test wire --test process --test two_nodes --no-fail-fast 2>&1 | tee -a "$log"
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
gateway=${CARGO_TARGET_DIR:-$PWD/target}/debug/gateway
for tests in test integration browser examples; do
  (cd clients/web && GATEWAY="$gateway" npm run --silent "$tests") 2>&1 | tee -a "$log"
  [ "${PIPESTATUS[0]}" -eq 0 ] || status=1
done
if [ "$status" -eq 0 ]; then
  cargo xtask proofs --log "$log" --check || status=1
fi
# Sums of cargo, and of node.
awk '/^test result:/ { passed += $4; failed += $6 }
     /^ℹ pass / { passed += $3 }
     /^ℹ fail / { failed += $3 }
     END { printf "\n%d passed, %d failed\n", passed, failed }' "$log"
exit "$status"
