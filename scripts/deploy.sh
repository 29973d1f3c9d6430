#!/usr/bin/env bash
# Checks every file in deploy/ with a program that reads it. A file that nothing reads is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=$(mktemp -d)
trap 'rm -r "$directory"' EXIT
: >"$directory/covered"

# check FILE… -- COMMAND…: the command reads these files.
check() {
  while [ "$1" != -- ]; do
    echo "$1" >>"$directory/covered"
    shift
  done
  shift
  "$@" >"$directory/said" 2>&1 || { echo "$*"; cat "$directory/said"; exit 1; } >&2
}

# elsewhere FILE BY: another program or test, which names it, reads the file.
elsewhere() {
  grep -qF "$1" "$2" || { echo "$2 does not name $1" >&2; exit 1; }
  echo "$1" >>"$directory/covered"
}

elsewhere deploy/gateway.toml gateway/src/config/sources.rs
elsewhere deploy/redis/users.acl store/tests/contract/redis_server.rs

export GATEWAY_BIND=127.0.0.1:8080 GATEWAY_NODE_A=127.0.0.1:8081 GATEWAY_NODE_B=127.0.0.1:8082 GATEWAY_NODE_C=127.0.0.1:8083
check deploy/haproxy/haproxy.cfg -- haproxy -c -f deploy/haproxy/haproxy.cfg
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
  -keyout "$directory/key.pem" -out "$directory/certificate.pem" 2>"$directory/said"
cat "$directory/certificate.pem" "$directory/key.pem" >"$directory/site.pem"
export GATEWAY_BIND_TLS=127.0.0.1:8443 GATEWAY_CERTIFICATE=$directory/site.pem
check deploy/haproxy/tls.cfg -- haproxy -c -f deploy/haproxy/haproxy.cfg -f deploy/haproxy/tls.cfg

export GATEWAY_BIND_INTERNAL=127.0.0.1:9090
export GATEWAY_NODE_A_INTERNAL=127.0.0.1:9091 GATEWAY_NODE_B_INTERNAL=127.0.0.1:9092 GATEWAY_NODE_C_INTERNAL=127.0.0.1:9093
check deploy/haproxy/internal.cfg -- haproxy -c -f deploy/haproxy/haproxy.cfg -f deploy/haproxy/internal.cfg

# With directories of its own, so that nobody needs to be root.
temporary=$(printf '%s_temp_path %s; ' client_body body proxy proxy fastcgi fastcgi uwsgi uwsgi scgi scgi)
sed "s,/var/log/nginx,$directory,; s,^http {,&\n$temporary," deploy/nginx/nginx.conf >"$directory/nginx.conf"
check deploy/nginx/nginx.conf -- nginx -t -q -e stderr -p "$directory" -c "$directory/nginx.conf" -g 'pid nginx.pid;'

linters=target/tools/deploy/bin
check deploy/Dockerfile -- "$linters/hadolint" deploy/Dockerfile
check deploy/kubernetes/*.yaml -- "$linters/kubernetes-validate" --strict deploy/kubernetes/*.yaml
check deploy/compose.yaml -- scripts/deploy/node_modules/.bin/dclint --max-warnings 0 --config scripts/deploy/dclint.yaml deploy/compose.yaml

promtool=target/tools/prometheus/usr/bin/promtool
check deploy/prometheus/{prometheus,nodes,rules,alerts}.yml -- "$promtool" check config deploy/prometheus/prometheus.yml
check deploy/prometheus/alerts_test.yml -- "$promtool" test rules deploy/prometheus/alerts_test.yml
elsewhere deploy/grafana/dashboard.json gateway/tests/process/dashboards.rs
check deploy/grafana/provisioning/*/*.yml -- \
  "$linters/python" -c 'import sys, yaml; [yaml.safe_load(open(name)) for name in sys.argv[1:]]' deploy/grafana/provisioning/*/*.yml

# With a program that is there: the gateway is not installed.
unit=$directory/conversation-gateway.service
sed 's,^ExecStart=/usr/bin/gateway ,ExecStart=/bin/true ,' deploy/systemd/conversation-gateway.service >"$unit"
check deploy/systemd/conversation-gateway.service -- systemd-analyze verify "$unit"
# Of 100 points, where 100 is no protection at all.
check deploy/systemd/conversation-gateway.service -- systemd-analyze security --offline=true --threshold=15 "$unit"

git ls-files --cached --others --exclude-standard deploy | sort -u >"$directory/all"
if uncovered=$(sort -u "$directory/covered" | comm -3 "$directory/all" - | grep .); then
  printf 'neither checked nor there, see %s:\n%s\n' "$0" "$uncovered" >&2
  exit 1
fi
echo "deploy: $(wc -l <"$directory/all") files are good"
