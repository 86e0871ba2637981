# Sourced by tests/reach/run: one function a part.

INSTANCE=/v1/projects/shop/environments/production/services/web

# The project "shop": web runs, idle has an image and no replica, pg is called a database.
stage() {
  export GANTRY_PROJECT_ID=shop GANTRY_ENVIRONMENT_ID=production GANTRY_SERVICE_ID=web
  cd "$WORK/home" || exit 1
  api -X POST "$GANTRY_URL/v1/projects" -d '{"name":"shop"}' >/dev/null
  api -X POST "$GANTRY_URL/v1/projects" -d '{"name":"other"}' >/dev/null
  service web gantry-test/web:1 1
  service idle gantry-test/web:1 0
  api -X PATCH "$GANTRY_URL$INSTANCE/variables" -d '{"COLOUR":"blue"}' >/dev/null
  api -X POST "$GANTRY_URL$INSTANCE/deployments" -d '{}' >/dev/null
  api -X POST "$GANTRY_URL${INSTANCE%web}idle/deployments" -d '{}' >/dev/null
  holds 'web comes up' 60 has_status web SUCCESS
  holds 'idle comes up' 60 has_status idle SUCCESS
}
service() {
  api -X POST "$GANTRY_URL/v1/projects/shop/services" \
    -d "{\"name\":\"$1\",\"source\":{\"image\":\"$2\"},\"deploy\":{\"replicas\":$3}}" >/dev/null
}
has_status() { [ "$(newest shop production "$1" .status)" = "$2" ]; }
container_of() { api "$GANTRY_URL${INSTANCE%web}$1/replicas" | jq -r '.data[0].container_id'; }
# Whether a program runs in the container of web.
runs() { engine "http://e/containers/$(container_of web)/top" | grep -q -- "$1"; }
runs_not() { ! runs "$1"; }
one_offs() {
  engine "http://e/containers/json?all=1" | jq "[.[] | select(.Labels[\"gantry.installation\"] == \"$(cat "$WORK/data/installation")\" and .Labels[\"gantry.session\"])] | length"
}
no_one_offs() { [ "$(one_offs)" = 0 ]; }
no_sessions() { [ "$(curl -s -H "Authorization: Bearer $GANTRY_TOKEN" "$GANTRY_URL/metrics" | awk '$1 == "gantry_sessions" {print $2}')" = 0 ]; }
memory() { awk -v key="$1:" '$1 == key {print $2}' "/proc/$DAEMON/status"; }
ticket() { api -X POST "$GANTRY_URL$INSTANCE/exec" -d "${1:-{\"command\":[\"sleep\",\"600\"]\}}" | jq -r .ticket; }
# open TICKET: the status that a WebSocket handshake gets
open() {
  curl -s -o /dev/null -w '%{http_code}' --max-time "${2:-1}" -H 'Connection: Upgrade' -H 'Upgrade: websocket' \
    -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$GANTRY_URL/v1/sessions/$1"
}

part_bytes() {
  python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(256)) * 3)' >"$WORK/every"
  gantry run cat <"$WORK/every" >"$WORK/out" 2>"$WORK/err"
  same 'exit code of cat' 0 $?
  check; cmp "$WORK/every" "$WORK/out" || fail 'bytes 0 to 255 come back'
  told 'stderr' 'running cat in rep_.* of web' "$(cat "$WORK/err")"
  gantry run sh -c 'cat >&2; echo out' <"$WORK/every" >"$WORK/out" 2>"$WORK/err"
  same 'the output alone' out "$(cat "$WORK/out")"
  check; tail -n +2 "$WORK/err" | cmp - "$WORK/every" || fail 'bytes 0 to 255 on the error output'
  gantry run -s idle cat <"$WORK/every" >"$WORK/out" 2>"$WORK/err"
  check; cmp "$WORK/every" "$WORK/out" || fail 'bytes 0 to 255 through a container of its own'
  told 'stderr' 'in a container of its own, of idle' "$(cat "$WORK/err")"

  head -c 200M /dev/urandom >"$WORK/big"
  gantry run cat <"$WORK/every" >/dev/null 2>&1
  local before after
  before=$(memory VmRSS)
  gantry run cat <"$WORK/big" >"$WORK/out" 2>/dev/null
  same 'exit code of 200 MB' 0 $?
  after=$(memory VmHWM)
  check; cmp "$WORK/big" "$WORK/out" || fail '200 MB come back'
  echo "memory of the daemon: $before KiB before, $after KiB at its most while 200 MB went both ways"
  check; [ $((after - before)) -lt 20480 ] || fail "the daemon grew from $before to $after KiB"
  rm "$WORK/big" "$WORK/out"
}

part_exits() {
  try 0 gantry run true
  try 7 gantry run sh -c 'exit 7'
  try 137 gantry run sh -c 'kill -9 $$'
  try 143 gantry run sh -c 'kill -15 $$'
  try 9 gantry run --one-off sh -c 'exit 9'
  try 137 gantry run --one-off sh -c 'kill -9 $$; sleep 5' || true
  try 127 gantry run no-such-program
  err 'no-such-program'
  try 127 gantry run --one-off no-such-program
  err 'no-such-program in the image'
  try 0 gantry run sh -c 'echo $COLOUR $RAILWAY_SERVICE_NAME; ps >/dev/null'
  out '^blue web$'
  try 0 gantry run --one-off sh -c 'echo $COLOUR $RAILWAY_SERVICE_NAME'
  out '^blue web$'
  try 0 gantry exec echo -n --json -s x
  out '^-n --json -s x$|^--json -s x$'
  try 0 gantry run -s web -- echo -s x
  out '^-s x$'
  try 0 gantry exec echo a -- b
  out '^a -- b$'
  try 2 gantry run
  head -c 5M /dev/zero | gantry run sh -c 'exit 5' 2>/dev/null
  same 'exit code of who reads nothing' 5 "${PIPESTATUS[1]}"
  holds 'no container of its own is left' 10 no_one_offs
}

part_starts() {
  try 1 gantry run -s nothing true
  api -X POST "$GANTRY_URL/v1/projects/shop/services" -d '{"name":"bare"}' >/dev/null
  try 127 gantry run -s bare true
  err 'deploy it first'
  try 1 gantry run --replica 7 true
  err 'no such replica'
}

part_ends() {
  local pid began
  gantry run sleep 1001 </dev/null >/dev/null 2>&1 &
  pid=$!
  holds 'sleep runs' 10 runs 'sleep 1001'
  kill -9 $pid
  holds 'sleep ends with its client' 15 runs_not 'sleep 1001'
  gantry run sleep 1002 </dev/zero >/dev/null 2>&1 &
  pid=$!
  holds 'sleep runs' 10 runs 'sleep 1002'
  sleep 1
  kill $pid
  holds 'sleep ends with a client that was stuck' 15 runs_not 'sleep 1002'
  gantry run sh -c 'while :; do echo 1003; done' 2>/dev/null | head -1 >/dev/null
  holds 'what writes on ends with its reader' 15 runs_not 'echo 1003'
  gantry run --one-off sleep 1004 </dev/null >/dev/null 2>&1 &
  pid=$!
  holds 'a container of its own' 10 eval '[ "$(one_offs)" = 1 ]'
  kill $pid
  holds 'goes with its client' 15 no_one_offs
  began=$SECONDS
  gantry run sleep 1005 </dev/null >/dev/null 2>"$WORK/err" &
  pid=$!
  holds 'sleep runs' 10 runs 'sleep 1005'
  engine -X POST "http://e/containers/$(container_of web)/kill" >/dev/null
  check; wait $pid && fail 'the client of a container that died ended well'
  check; [ $((SECONDS - began)) -lt 25 ] || fail 'the client outlived its container'
  holds 'web is back' 30 has_ready
  holds 'no session is left' 10 no_sessions
}
has_ready() { [ "$(api "$GANTRY_URL$INSTANCE/replicas" | jq -r '.data[0].ready')" = true ] && gantry run true; }

part_tickets() {
  local one late
  late=$(ticket)
  one=$(ticket)
  same 'a ticket' 101 "$(open "$one")"
  same 'a ticket used twice' 404 "$(open "$one")"
  same 'no ticket' 404 "$(open nonsense)"
  same 'no handshake' 426 "$(curl -s -o /dev/null -w '%{http_code}' "$GANTRY_URL/v1/sessions/$(ticket)")"
  check
  api "$GANTRY_URL/v1/events?project=shop&limit=200" | jq -e '[.data[] | select(.type == "session.opened")][-1] | .message | test("^sleep by token ")' \
    >/dev/null || fail 'the event of a session'
  try 0 gantry run sh -c 'echo secret-argument'
  holds 'the end of a session is an event' 5 closed_event
  check; api "$GANTRY_URL/v1/events?project=shop&limit=200" | grep -q secret-argument && fail 'an argument is in an event'
  check; grep -q "secret-argument" "$WORK/log" && fail 'an argument is in the log'
  sleep 31
  same 'an expired ticket' 404 "$(open "$late")"
}
closed_event() {
  api "$GANTRY_URL/v1/events?project=shop&limit=200" | jq -e '[.data[] | select(.type == "session.closed")][-1] | .message | test("^sh: exit code 0 after")'
}

part_scopes() {
  local foreign own early late
  foreign=$(api -X POST "$GANTRY_URL/v1/tokens" -d '{"name":"f","project":"other","environment":"production"}' | jq -r .secret)
  own=$(api -X POST "$GANTRY_URL/v1/tokens" -d '{"name":"o","project":"shop","environment":"production"}')
  for what in exec tunnel; do
    same "$what by a foreign token" 404 "$(GANTRY_TOKEN=$foreign api -o /dev/null -w '%{http_code}' -X POST "$GANTRY_URL$INSTANCE/$what" -d '{"command":["true"]}')"
  done
  same 'by its own token' hello "$(GANTRY_TOKEN=$(jq -r .secret <<<"$own") gantry run echo hello 2>/dev/null)"
  GANTRY_TOKEN=$(jq -r .secret <<<"$own") gantry run sleep 1010 </dev/null >/dev/null 2>&1 &
  holds 'sleep runs' 10 runs 'sleep 1010'
  early=$(GANTRY_TOKEN=$(jq -r .secret <<<"$own") ticket '{"command":["sh","-c",": >/tmp/early"]}')
  late=$(GANTRY_TOKEN=$(jq -r .secret <<<"$own") ticket '{"command":["sh","-c",": >/tmp/late"]}')
  open "$early" >/dev/null
  api -X DELETE "$GANTRY_URL/v1/tokens/$(jq -r .id <<<"$own")"
  holds 'a session ends with its token' 10 runs_not 'sleep 1010'
  open "$late" >/dev/null
  holds 'what was asked for in time is done' 5 gantry run sh -c '[ -e /tmp/early ]'
  try 1 gantry run sh -c '[ -e /tmp/late ]'
}

part_limits() {
  local i pids=()
  holds 'no session is left' 10 no_sessions
  for i in 1 2 3 4 5 6; do
    gantry run sleep 1020 </dev/null >/dev/null 2>&1 &
    pids+=($!)
  done
  holds 'six sessions' 20 eval '[ "$(engine "http://e/containers/$(container_of web)/top" | grep -o "\"sleep 1020\"" | wc -l)" = 6 ]'
  try 1 gantry run true
  err '6 sessions are open'
  kill "${pids[@]}"
  holds 'they end' 10 runs_not 'sleep 1020'
  holds 'and there is room again' 10 gantry run true
}

part_terminal() {
  check
  python3 "$HERE/terminal.py" || fail 'the terminal'
}

part_tunnels() {
  local pid nc
  gantry tunnel web --port 29871 2>"$WORK/err" &
  pid=$!
  holds 'a tunnel' 10 curl -sf http://127.0.0.1:29871/
  told 'stderr' '127.0.0.1:29871 leads to web' "$(cat "$WORK/err")"
  kill $pid
  wait $pid
  same 'exit code of a tunnel' 0 $?
  check; curl -s --max-time 2 http://127.0.0.1:29871/ && fail 'the port outlived its tunnel'
  gantry run nc -ll -p 9001 -e cat </dev/null >/dev/null 2>&1 &
  nc=$!
  gantry tunnel --port 29872 --target-port 9001 2>/dev/null &
  pid=$!
  check
  python3 "$HERE/echo.py" 29872 || fail '50 MB both ways at once through a tunnel'
  kill $pid $nc
  holds 'nothing is left' 10 no_sessions
}

part_local() {
  api -X PATCH "$GANTRY_URL$INSTANCE/variables?allow_unresolved=true" \
    -d '{"UP_URL":"http://web.railway.internal:8080/","UPHOST":"web.railway.internal","UPPORT":"8080","LD_X":"no"}' >/dev/null
  try 0 gantry run --local sh -c 'echo $COLOUR; curl -sf $UP_URL >/dev/null && curl -sf http://$UPHOST:$UPPORT/ >/dev/null && echo reached; echo "[$LD_X]"'
  out '^blue$'
  out '^reached$'
  out '^\[\]$'
  err 'on this machine'
  try 3 gantry run --local sh -c 'exit 3'
  try 137 gantry run --local sh -c 'kill -9 $$'
  try 127 gantry run --local no-such-program
  SHELL=$HERE/shell.sh try 4 gantry shell
  out '^blue true$'
}

# An image that is called as a database's is, with a client that says what it was given.
part_databases() {
  local build
  build=$(mktemp -d)
  cp "$HERE/psql.sh" "$build/psql"
  cp "$HERE/psql.sh" "$build/pg_dump"
  printf 'FROM gantry-test/web:1\nCOPY psql pg_dump /bin/\n' >"$build/Dockerfile"
  DOCKER_BUILDKIT=0 docker -H "unix://$SOCKET" build -q -t postgres:gantry-reach "$build" >/dev/null 2>&1 || fail 'the image'
  rm -r "$build"
  service pg postgres:gantry-reach 1
  api -X PATCH "$GANTRY_URL${INSTANCE%web}pg/variables" -d '{"POSTGRES_USER":"ann","POSTGRES_PASSWORD":"hunter2"}' >/dev/null
  api -X POST "$GANTRY_URL${INSTANCE%web}pg/deployments" -d '{}' >/dev/null
  holds 'pg comes up' 60 has_status pg SUCCESS
  try 0 gantry run pg_dump --clean
  out '^user=ann database=ann host= password=hunter2 arguments=--clean$'
  err 'web has no pg_dump: pg has'
  echo 'select 1' | gantry run psql >"$WORK/out" 2>/dev/null
  told 'stdout' '^input=select 1$' "$(cat "$WORK/out")"
  try 0 gantry connect PG --remote -- -c 'select 1'
  out '^user=ann database=ann host= .*arguments=-c select 1$'
  cp "$HERE/psql.sh" "$WORK/bin/psql"
  try 0 gantry connect pg -- -c 'select 1'
  out '^user=ann database=ann host=127.0.0.1 password=hunter2 arguments=-c select 1$'
  err 'on this machine, through a tunnel'
  rm "$WORK/bin/psql"
  try 1 gantry connect web
  err 'no database'
}

# A worker without a port, which is healthy when a program in it says so.
part_health() {
  api -X POST "$GANTRY_URL/v1/projects/shop/services" -d '{"name":"checked","source":{"image":"gantry-test/web:1"},"deploy":
    {"port":0,"exposed":false,"healthcheck_interval_seconds":1,"healthcheck_command":["/bin/sh","-c","cat /tmp/well"]}}' >/dev/null
  api -X POST "$GANTRY_URL${INSTANCE%web}checked/deployments" -d '{}' >/dev/null
  holds 'it runs' 30 gantry run -s checked true
  sleep 4
  same 'before it is well' DEPLOYING "$(newest shop production checked .status)"
  gantry run -s checked sh -c 'echo fine >/tmp/well' 2>/dev/null
  holds 'it is well' 15 has_status checked SUCCESS
  gantry run -s checked sh -c 'busybox rm /tmp/well' 2>/dev/null
  holds 'it is ill' 15 is_ill
}
is_ill() {
  api "$GANTRY_URL${INSTANCE%web}checked/replicas" | jq -e '.data[0] | (.ready | not) and (.reason | test("cat exited|sh exited with code 1"))'
}

part_shutdown() {
  local began
  gantry run sleep 1030 </dev/null >/dev/null 2>"$WORK/err" &
  holds 'sleep runs' 10 runs 'sleep 1030'
  local container
  container=$(container_of web)
  began=$SECONDS
  kill $DAEMON
  wait $DAEMON
  DAEMON=
  check; [ $((SECONDS - began)) -lt 15 ] || fail 'the daemon waits for its sessions'
  wait %?run 2>/dev/null
  check; for i in $(seq 40); do engine "http://e/containers/$container/top" | grep -q 'sleep 1030' || break; sleep 0.2; done
  engine "http://e/containers/$container/top" | grep -q 'sleep 1030' && fail 'the program outlived the daemon'
}
