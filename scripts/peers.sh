#!/usr/bin/env bash
# Installs what `loadtest compare` compares the gateway with: nginx with nchan, and the packages of Socket.IO. The tool starts and
# ends their servers itself.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || ./scripts/install.sh nginx libnginx-mod-nchan
npm ci --silent --prefix loadtest/peers/socketio
