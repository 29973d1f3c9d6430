#!/usr/bin/env bash
# Counts the instructions of the hot path (gateway/benches/instructions.rs) under callgrind.
#
#   scripts/instructions.sh            compares with gateway/benches/instructions.txt: more than 10 % above is an error
#   scripts/instructions.sh --accept   writes that file
#
# The same program differs by 0.1 % from run to run, and by 4 % on a processor without AVX2, where the C library copies in
# smaller pieces. Another compiler may differ by more: accept its counts in a commit of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
accepted=gateway/benches/instructions.txt
[ "$(uname -m)" = x86_64 ] || { echo "expected x86_64, as $accepted is counted there" >&2; exit 1; }

program=$(cargo bench --quiet --workspace --bench instructions --no-run --message-format json |
  sed -n 's|.*"executable":"\([^"]*/instructions-[^"]*\)".*|\1|p')
log=target/callgrind.log
measured=$(mktemp)
profile=$(mktemp)
trap 'rm -f "$measured" "$profile"' EXIT
"$program" --list | while read -r name rounds; do
  valgrind --tool=callgrind --callgrind-out-file="$profile" --toggle-collect='instructions::counted*' \
    "$program" "$name" </dev/null 2>"$log" || { cat "$log" >&2; exit 1; }
  awk -v name="$name" -v rounds="$rounds" '/^totals:/ { printf "%s %d\n", name, $2 / rounds }' "$profile"
done >"$measured"
awk '$2 == 0 { exit 1 }' "$measured" || { echo "callgrind did not find the function instructions::counted" >&2; exit 1; }

if [ "${1:-}" = --accept ]; then
  cp "$measured" "$accepted"
  cat "$accepted"
  exit
fi
awk '
  NR == FNR { accepted[$1] = $2; next }
  !($1 in accepted) { printf "%-32s %10d  is not accepted yet\n", $1, $2; failed++; next }
  { change = 100 * ($2 / accepted[$1] - 1)
    remark = change > 10 ? "  TOO MANY" : change < -10 ? "  accept them, so that it stays so" : ""
    failed += change > 10
    printf "%-32s %10d  accepted %10d  %+.1f %%%s\n", $1, $2, accepted[$1], change, remark
    delete accepted[$1] }
  END { for (name in accepted) { printf "%-32s is not counted any more\n", name; failed++ }
        if (failed) print "If that is meant: make instructions-accept"
        exit failed > 0 }
' "$accepted" "$measured"
