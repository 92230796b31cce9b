#!/bin/bash
# Consentry as a peer of a relay benchmark: verbs setup, start, stop, prestart_after_crash, info; everything else comes in PB_*
# variables. As in real use: each message scanned, each recipient's consent judged, one signed copy for each recipient.
#
#   CONSENTRY_BUILD       build folder (default: build/release of this checkout, built if it is missing)
#   CONSENTRY_TLS         starttls: offered on the way in (default none)
#   CONSENTRY_RECIPIENTS  so many message numbers get a consent (default 20000; number 0 also to 1000 recipients)
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CONSENTRY_BUILD:-$root/build/release}
store=${PB_STATE:-}/store
consentry() { "$build/bin/consentry" --socket "$PB_STATE/admin.sock" "$@"; }

write_config() {
  cat <<X
[server]
host_name = "relay.bench.test"
[store]
folder = "$store"
map_size_gib = 16
[[listener]]
address = "127.0.0.1:$PB_PORT"
role = "submission"
tls = "${CONSENTRY_TLS:-none}"
[tls]
self_signed = true
[smtp]
auth_without_tls = true
password_length_min = 8
connections_per_ip_max = 1000
[mail]
bounce_domain = "bounce.bench.test"
feedback_address = "fbl@bench.test"
unsubscribe_url = "https://bench.test/u/"
postmaster = "postmaster@bench.test"
[dns]
forward = ["127.0.0.1@9"]
timeout_s = 1
[preflight]
every_h = 0
[policy]
file = "$root/conf/policy/default.toml"
patterns = "$root/conf/patterns"
[complaints]
reporters = "$root/conf/reporters.toml"
[admin]
socket = "$PB_STATE/admin.sock"
[log]
level = "warn"
X
  local i
  for i in $(seq 1 "$PB_DOMAINS"); do
    printf '[[route]]\ndomain = "d%02d.test"\nhost = "127.0.1.%d"\nport = %d\n' "$i" "$i" "$PB_SINK_PORT"
  done
}

# The recipients of the load generator: u<number>@dNN.test, and u<number>.<k>@dNN.test of messages to many.
write_consents() {
  awk -v day="$(date -u -d yesterday +%Y-%m-%dT%H:%M:%SZ)" -v n="${CONSENTRY_RECIPIENTS:-20000}" -v domains="$PB_DOMAINS" '
    function row(address) { print address "," day ",web_form,own_form,sha256:bench,news" }
    BEGIN {
      print "email,given_at,method,provenance,notice_hash,topic"
      for (i = 0; i < n; i++) row(sprintf("u%010d@d%02d.test", i, i % domains + 1))
      for (k = 0; k < 1000; k++) row(sprintf("u%010d.%d@d%02d.test", 0, k, k % domains + 1))
    }'
}

setup() {
  [ -x "$build/bin/consentryd" ] || { (cd "$root" && cmake --preset release && ninja -C build/release consentryd consentry); }
  rm -rf "$PB_STATE"
  (umask 077; mkdir -p "$store/dkim/$PB_FROM_DOMAIN")
  install -m 600 "$PB_KEY" "$store/dkim/$PB_FROM_DOMAIN/$PB_SELECTOR.pem"
  write_config >"$PB_STATE/consentry.toml"
  write_consents >"$PB_STATE/consents.csv"
  start
  trap stop EXIT  # also where one of these fails
  consentry tenant add bench --legal-name 'Bench Kft.' --contact "office@$PB_FROM_DOMAIN"
  consentry domain add bench "$PB_FROM_DOMAIN"
  printf '%s' "$PB_PASS" | consentry credential add bench "$PB_USER" --stream bulk --topic news --campaign bench --password-file -
  consentry consent import bench "$PB_STATE/consents.csv"
}

start() {
  "$build/bin/consentryd" --config "$PB_STATE/consentry.toml" >>"$PB_STATE/gateway.log" 2>&1 </dev/null &
  echo $! >"$PB_STATE/pid"
  for _ in $(seq 200); do
    [ -S "$PB_STATE/admin.sock" ] && consentry stats >/dev/null 2>&1 && return
    kill -0 "$(cat "$PB_STATE/pid")" 2>/dev/null || break
    sleep .05
  done
  tail -n 20 "$PB_STATE/gateway.log" >&2
  return 1
}

stop() {
  local pid
  pid=$(cat "$PB_STATE/pid" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || return 0; sleep .05; done
}

prestart_after_crash() { rm -f "$PB_STATE/pid"; }
info() { echo "Consentry $(git -C "$root" rev-parse --short HEAD), scanning, consent judged, signing"; }

case ${1:-} in
  setup|start|stop|prestart_after_crash|info) "$1" ;;
  *) echo "usage: consentry.sh setup|start|stop|prestart_after_crash|info" >&2; exit 2 ;;
esac
