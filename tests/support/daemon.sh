# Sourced by test scripts (bash, as root): a gantryd of their own on free ports, with everything that it starts, and the
# command line on PATH under both names. begin BUILD_DIR [YAML...]: further lines of its configuration.

SOCKET=${GANTRY_TEST_ENGINE:-/var/run/docker.sock}
FAILED=0 CHECKS=0 DAEMON=

engine() { curl -sf --max-time 60 --unix-socket "$SOCKET" "$@"; }
fail() { FAILED=$((FAILED + 1)); printf 'FAILED %s\n' "$*"; }
check() { CHECKS=$((CHECKS + 1)); }
api() { curl -s --max-time 60 -H "Authorization: Bearer $GANTRY_TOKEN" -H 'Content-Type: application/json' "$@"; }

free_port() {
  local port
  for port in $(shuf -i 20000-29999 -n 50); do
    ss -Hltn "sport = :$port" | grep -q . || { echo "$port"; return; }
  done
}

finish() {
  local pid label filter id
  if [ -n "$DAEMON" ] && kill "$DAEMON"; then
    for id in $(seq 300); do kill -0 "$DAEMON" || break; sleep 0.1; done
    kill -9 "$DAEMON" && echo 'FAILED the daemon did not stop within 30 seconds' >&3
    wait "$DAEMON"
  fi
  pid=$(cat "$WORK/data/edge/run/master.pid") && kill "$pid"
  pid=$(head -1 "$WORK/data/postgres/data/postmaster.pid") && kill -INT "$pid"
  if label=$(cat "$WORK/data/installation"); then
    filter="filters=%7B%22label%22%3A%5B%22gantry.installation%3D$label%22%5D%7D"
    for id in $(engine "http://e/containers/json?all=1&$filter" | jq -r '.[].Id'); do
      engine -X DELETE "http://e/containers/$id?force=1" >/dev/null
    done
    for id in $(engine "http://e/volumes?$filter" | jq -r '.Volumes[]?.Name'); do engine -X DELETE "http://e/volumes/$id"; done
    for id in $(engine "http://e/networks?$filter" | jq -r '.[].Id'); do engine -X DELETE "http://e/networks/$id"; done
    for id in $(engine "http://e/images/json" | jq -r '.[].RepoTags[]?' | grep "^gantry-build/${label: -8}/"); do
      engine -X DELETE "http://e/images/$id" >/dev/null
    done
  fi
  sleep 0.5
  [ $FAILED -eq 0 ] || { echo "---- the daemon's log, its end"; tail -20 "$WORK/log"; } >&3
  rm -rf --one-file-system "$WORK"
} 3>&1 2>/dev/null

begin() {
  local build line
  build=$(cd "$1" && pwd)
  shift
  WORK=$(mktemp -d /tmp/gantry-test-XXXXXX)
  chmod 755 "$WORK"
  mkdir "$WORK/bin" "$WORK/home"
  ln -s "$build/gantry" "$WORK/bin/gantry"
  ln -s "$build/gantry" "$WORK/bin/railway"
  PATH=$WORK/bin:$PATH
  unset "${!GANTRY_@}" "${!RAILWAY_@}" CI NO_COLOR XDG_CONFIG_HOME
  export HOME=$WORK/home
  trap finish EXIT
  API=$(free_port) EDGE=$(free_port)
  {
    printf 'data_dir: %s\nlisten: 127.0.0.1:%s\nbase_domain: apps.test\nnetwork_range: 10.224.0.0/16\n' "$WORK/data" "$API"
    printf 'engine: {socket: %s}\nedge: {listen: "127.0.0.1:%s"}\n' "$SOCKET" "$EDGE"
    for line in "$@"; do printf '%s\n' "$line"; done
  } >"$WORK/gantry.yaml"
  "$build/gantryd" --config "$WORK/gantry.yaml" >"$WORK/log" 2>&1 3>&- &
  DAEMON=$!
  local end=$((SECONDS + 60))
  until curl -sf "http://127.0.0.1:$API/readyz" >/dev/null; do
    [ $SECONDS -lt $end ] && kill -0 $DAEMON || { fail "gantryd did not come up"; cat "$WORK/log"; exit 1; }
    sleep 0.2
  done
  export GANTRY_URL=http://127.0.0.1:$API
  GANTRY_TOKEN=$(cat "$WORK/data/admin-token")
  export GANTRY_TOKEN
}

# ask SERVICE PATH [ENVIRONMENT]: the body of an answer through the proxy
ask() { curl -s --max-time 10 --connect-to "::127.0.0.1:$EDGE" "http://$1-${3:-production}.apps.test$2"; }

verdict() {
  echo "$CHECKS checks, $FAILED failed"
  [ $FAILED -eq 0 ]
}
