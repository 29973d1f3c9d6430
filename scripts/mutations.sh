#!/usr/bin/env bash
# Puts known bugs back, one at a time, into a copy of the sources, and makes sure that a test finds each of them.
#
#   scripts/mutations.sh             all of scripts/mutations/*.patch; a table at the end; some ten minutes
#   scripts/mutations.sh NAME…       some of them
#   scripts/mutations.sh --check     only whether each still fits the sources
#
# A patch begins with what the bug is, which promise it breaks, and the command that must fail ("Caught:", maybe several).
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --check ]; then
  for patch in scripts/mutations/*.patch; do
    git apply --check "$patch" || { echo "$patch does not fit any more: bring it up to date"; exit 1; }
  done
  exit
fi

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for patch in scripts/mutations/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
# Everything in the copy is as new as this run: what the last run built with a bug in it must not be taken for built.
copy=target/mutations/copy
rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- | tar --extract --touch --directory="$copy"
export CARGO_TARGET_DIR="$PWD/target/mutations/build"
log=$PWD/target/mutations/test.log
table=()
missed=0
for name in "${names[@]}"; do
  patch=$PWD/scripts/mutations/$name.patch
  patch --silent --strip 1 --directory="$copy" < "$patch"
  what=$(sed -n 's/^What: *//p' "$patch")
  promise=$(sed -n 's/^Breaks: *//p' "$patch")
  while read -r command; do
    found=
    if ! (cd "$copy" && $command < /dev/null > "$log" 2>&1); then
      found=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | sed 's/ - should panic//')
    fi
    if [ -z "$found" ]; then
      missed=$((missed + 1))
      by="**nothing**"
      echo "$name: NOT FOUND by $command"
      tail -n 15 "$log"
    else
      count=$(wc -l <<< "$found")
      by="\`$(head -n 1 <<< "$found")\`"
      if [ "$count" -gt 1 ]; then by="$by and $((count - 1)) more"; fi
      echo "$name: found by $by"
    fi
    table+=("| $what | $promise | $by |")
  done < <(sed -n 's/^Caught: *//p' "$patch")
  patch --silent --reverse --strip 1 --directory="$copy" < "$patch"
done
printf '\n| the bug | the promise | found by |\n|---|---|---|\n'
printf '%s\n' "${table[@]}"
exit $((missed > 0))
