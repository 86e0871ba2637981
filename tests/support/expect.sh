# Sourced after tests/support/daemon.sh: a command, its exit code, and what it wrote.

# try CODE COMMAND...: runs it; its stdout is in $OUT, its stderr in $ERR. For at most $PATIENCE seconds.
try() {
  local wanted=$1 code=0
  shift
  check
  LAST="$*"
  OUT=$(timeout "${PATIENCE:-240}" "$@" 2>"$WORK/err" </dev/null) || code=$?
  ERR=$(cat "$WORK/err")
  [ $code -eq "$wanted" ] && return
  fail "$LAST: exit code $code, not $wanted"
  printf '  stdout: %s\n  stderr: %s\n' "$OUT" "$ERR"
  return 1
}
told() {
  check
  grep -qE -- "$2" <<<"$3" || { fail "$LAST: $1 has no $2"; printf '  but: %s\n' "$3"; return 1; }
}
# out REGEX, err REGEX: what the last command wrote. json FILTER: jq says true of its stdout.
out() { told stdout "$1" "$OUT"; }
err() { told stderr "$1" "$ERR"; }
json() {
  check
  [ "$(jq -r "$1" <<<"$OUT" 2>&1)" = true ] || { fail "$LAST: not true: $1"; printf '  stdout: %s\n' "$OUT"; return 1; }
}
# same WHAT WANTED FOUND
same() {
  check
  [ "$2" = "$3" ] || { fail "$1 is \"$3\", not \"$2\""; return 1; }
}
# holds WHAT SECONDS COMMAND...: within that time it succeeds.
holds() {
  local what=$1 end=$((SECONDS + $2))
  shift 2
  check
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { fail "$what"; return 1; }
    sleep 0.3
  done
}
# newest PROJECT ENVIRONMENT SERVICE FILTER: of its newest deployment
newest() {
  api "$GANTRY_URL/v1/projects/$1/environments/$2/services/$3/deployments?limit=1" | jq -r ".data[0]$4"
}
# setting DEPLOYMENT KEY: its value in force, then where it comes from
setting() {
  api "$GANTRY_URL/v1/deployments/$1/config" |
    jq -r --arg key "$2" '.settings[] | select(.key == $key) | "\(.value) \(.origin.file // .origin.kind):\(.origin.line // 0)"'
}
