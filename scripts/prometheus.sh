#!/usr/bin/env bash
# Puts Prometheus and promtool into target/tools/prometheus, out of Debian's package: installing that would start a service.
set -euo pipefail
cd "$(dirname "$0")/.."
place=target/tools/prometheus
[ -x "$place/usr/bin/promtool" ] && exit

if ! command -v apt-get >/dev/null; then
  echo "expected apt-get to fetch the package prometheus; please put its programs into $place/usr/bin yourself" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
rm -rf "$place"
mkdir -p "$place"
cd "$place"
fetch() { apt-get download -qq -o APT::Sandbox::User=root prometheus; }
fetch 2>/dev/null || { "${as_root[@]}" apt-get update -qq && fetch; }
dpkg-deb --extract prometheus_*.deb .
rm prometheus_*.deb
