#!/usr/bin/env bash
# Installs what `loadtest compare` compares the gateway with: nginx with nchan, and the packages of Socket.IO. The tool starts and
# ends their servers itself.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi

if [ ! -e /usr/lib/nginx/modules/ngx_nchan_module.so ]; then
  had_nginx=$([ -x /usr/sbin/nginx ] && echo yes || echo no)
  ./scripts/install.sh nginx libnginx-mod-nchan
  # Debian starts a service that it installs; nobody asked for one.
  if [ "$had_nginx" = no ]; then
    if [ -d /run/systemd/system ]; then
      "${as_root[@]}" systemctl disable --now nginx
    else
      "${as_root[@]}" service nginx stop || true
    fi
  fi
fi
npm ci --silent --prefix loadtest/peers/socketio
