# Sourced by tests/seed/run: what each line has to bring about. The line is in $LINE; it runs in the linked directory.

run_line() { try "$1" bash -c "$LINE"; }
named_by_id() {
  local name
  for name in "${!SECRETS[@]}"; do [[ $LINE == *"${SECRETS[$name]}"* ]] && echo "$name"; done
}
deployments() {
  api "$GANTRY_URL/v1/projects/backend/environments/$1/services/$2/deployments?limit=100" | jq '.data | length'
}
replicas() {
  api "$GANTRY_URL/v1/projects/backend/environments/$1/services/$2/replicas" |
    jq '[.data[] | select(.status == "RUNNING" and .ready)] | length'
}
# in_container SERVICE ENVIRONMENT NAME VALUE: its newest deployment serves and has the variable
in_container() {
  [ "$(newest backend "$2" "$1" .status)" = SUCCESS ] && ask "$1" /env "$2" | grep -qxF -- "$3=$4"
}
linked_to() {
  same "the linked $1" "$2" "$(railway status --json | jq -r ".$1.name")"
}

effect_later() {
  run_line 3
  out '^$'
  err '^error: `railway [a-z]+` is not available yet$'
  err '^hint: meanwhile: '
}

effect_shell_there() {
  run_line 0
  err '^running bash in rep_.* of app \(staging\)$'
  same 'a script on its input' app "$(echo 'echo $RAILWAY_SERVICE_NAME' | railway run bash 2>/dev/null)"
}
effect_seed_there() {
  run_line 0
  out '^seeded app$'
}

# The client is given its words on its input, as a person would type them.
effect_connects() {
  try 0 bash -c "echo 'create table people (name text); insert into people values (chr(90)); select 6 * 7;' | $LINE"
  out '42'
}
# The app is linked and its image has no such program: the environment's database has it, and the login.
effect_dumps() {
  run_line 0
  out '^$'
  grep -q '^CREATE TABLE public.people' backup.sql && grep -qx Z backup.sql || fail "the dump: $(wc -c <backup.sql) bytes"
}
effect_loads() {
  try 0 bash -c "echo 'drop table people;' | railway connect postgres"
  run_line 0
  same 'what came back' Z "$(railway run psql -Atc 'select name from people' 2>/dev/null </dev/null)"
}
# A database: healthy, its URL told, wired to nobody.
effect_adds() {
  local kind=${LINE##* }
  run_line 0
  out "^[a-z]+://[^ ]+@$kind\\.railway\\.internal:[0-9]+"
  err "variables set '[A-Z_]+=\\$\\{\\{$kind\\.[A-Z_]+\\}\\}' -s app"
  linked_to service app
  same "replicas of $kind" 1 "$(replicas production "$kind")"
  same "variables of app" '' "$(railway variables --kv | grep "@$kind")"
}

effect_variables() {
  run_line 0
  out '^RAILWAY_SERVICE_NAME +app$'
  out '^RAILWAY_ENVIRONMENT_NAME +production$'
}

# A job of a workflow: no link, a token and an id.
project_token() {
  [ -n "${TOKEN_OF_PROJECT:-}" ] || { try 0 railway token create ci -p backend -e production && TOKEN_OF_PROJECT=$OUT; }
}
effect_up_by_id() {
  local name
  name=$(named_by_id)
  project_token
  cd "$WORK/checkout" || return
  try 0 env -u GANTRY_TOKEN -u GANTRY_URL CI=true RAILWAY_API_URL="$GANTRY_URL" RAILWAY_TOKEN="$TOKEN_OF_PROJECT" bash -c "$LINE"
  cd "$WORK/app" || return
  err '^CI mode enabled$'
  out 'npm run build:api'
  out "^$name is live: http://$name-production\\."
  same "what $name answers" 'built by build:api' "$(ask "$name" /)"
}

effect_new_environment() {
  local name=${LINE##* }
  run_line 0
  out "^created environment $name\$"
  out "^linked .*, environment $name"
  linked_to environment "$name"
  same "services in $name" 0 "$(api "$GANTRY_URL/v1/projects/backend/environments/$name/services" | jq '.data | length')"
}

effect_is_there() {
  run_line 0
  out '^environment production already exists$'
  linked_to environment production
  linked_to service app
}

effect_up_elsewhere() {
  run_line 0
  err '^created service app in staging$'
  out '^app is live: http://app-staging\.'
  same 'what it answers' healthy "$(ask app /health staging)"
  same 'the link' production "$(railway status --json | jq -r .environment.name)"
}

effect_switch() {
  run_line 0
  out 'environment staging'
  linked_to environment staging
  linked_to service app
}

effect_set_variable() {
  local pair=${LINE##* } before
  before=$(deployments staging app)
  run_line 0
  out "^set ${pair%%=*}\$"
  err '^redeploying app: dep_'
  same 'the number of deployments' $((before + 1)) "$(deployments staging app)"
  same "${pair%%=*}" "${pair#*=}" "$(railway variables get "${pair%%=*}")"
}

# The port is what the health check asks and the edge speaks to.
effect_set_port() {
  effect_set_variable
  holds 'the deployment that has all variables serves' 120 in_container app staging PORT 3000
  for pair in DATABASE_URL=postgresql://... DATABASE_POOL_SIZE=20 STRIPE_SECRET_KEY=sk_... SENDGRID_API_KEY=SG... NODE_ENV=production; do
    check
    in_container app staging "${pair%%=*}" "${pair#*=}" || fail "no $pair in the container"
  done
  same 'the address of the replica' 3000 \
    "$(api "$GANTRY_URL/v1/projects/backend/environments/staging/services/app/replicas" |
      jq -r '.data[] | select(.status == "RUNNING") | .address' | sed 's/.*://')"
  holds 'the deployments in between are gone' 60 only_one_live
}
only_one_live() {
  api "$GANTRY_URL/v1/projects/backend/environments/staging/services/app/deployments?limit=100" |
    jq -e '[.data[] | select(.status != "REMOVED")] | length == 1'
}

effect_emptied() {
  run_line 0
  err '^warning: API_URL is "https://\.up\.railway\.app": '
  err 'Your shell may have expanded a variable that is not set; single quotes keep'
  same API_URL https://.up.railway.app "$(railway variables get API_URL --raw)"
}

effect_expanded() {
  run_line 0
  told stderr '^redeploying' "$ERR"
  check
  [[ $ERR != *warning* ]] || fail "a warning: $ERR"
  same 'API_URL as it was written' 'https://${RAILWAY_SERVICE_NAME}.up.railway.app' "$(railway variables get API_URL --raw)"
  same 'API_URL as a container gets it' https://app.up.railway.app "$(railway variables get API_URL)"
  holds 'it is in the container' 120 in_container app staging API_URL https://app.up.railway.app
}

effect_scale_to_three() {
  local before
  before=$(newest backend staging app .id)
  run_line 0
  out '^scaled app to 3$'
  holds 'three replicas are ready' 60 three_ready
  same 'the deployment' "$before" "$(newest backend staging app .id)"
}
three_ready() { [ "$(replicas staging app)" = 3 ]; }

effect_scale() {
  run_line 0
  out '^app +3 +1000 +536870912$'
}

effect_metrics() {
  run_line 0
  out '^app, .* replicas at most$'
  out '^cpu \(cores\) +[0-9.]+ +[0-9.]+ +[0-9.]+$'
  out '^http: [0-9]+ requests'
}

effect_ps() {
  run_line 0
  out '^SERVICE +DEPLOYMENT +REPLICA +STATUS +READY +RESTARTS'
  same 'rows that run' 3 "$(grep -cE '^app +dep_[^ ]+ +[0-2] +RUNNING +yes ' <<<"$OUT")"
}

effect_follow() {
  local reader
  timeout 60 bash -c "$LINE" >"$WORK/followed" 2>&1 </dev/null &
  reader=$!
  holds 'what is written is seen at once' 30 written_and_seen
  check
  kill -0 $reader 2>/dev/null || fail "$LINE ended by itself"
  kill $reader && wait $reader
} 2>/dev/null
written_and_seen() {
  ask app /log staging
  sleep 0.5
  grep -q 'a line for those who follow' "$WORK/followed"
}

effect_build_logs() {
  run_line 0
  out 'There is no Dockerfile; built with this one'
  out 'npm run build:api'
}

effect_up_applies() {
  holds 'the deployment before is over' 120 in_container app staging LOG_LEVEL debug
  run_line 0
  err '^Nothing to send: this source is already there$'
  out '^app is live: '
  check
  in_container app staging LOG_LEVEL debug || fail 'LOG_LEVEL is not in the container'
}

effect_up_beside() {
  local name=${LINE##*=}
  run_line 0
  err "^created service $name in staging\$"
  out "^$name is live: http://$name-staging\\."
  same "what $name answers" healthy "$(ask "$name" /health staging)"
  same 'what app answers' healthy "$(ask app /health staging)"
  try 1 bash -c "$LINE-typo --no-create"
  err "Service \"$name-typo\" not found\\."
}

# The host is the service's at once; what to write into the zone is printed.
effect_domain() {
  run_line 0
  out 'api\.example\.com'
  out 'CNAME|A '
  same "what the host answers" "$(ask app /)" \
    "$(curl -s --max-time 10 -H 'Host: api.example.com' "http://127.0.0.1:$EDGE/")"
}
