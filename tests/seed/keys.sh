# Sourced by tests/seed/run: the keys of a railway.json as people write them, in force on what runs.

keys_file() {
  cat <<'JSON'
{
  "$schema": "https://railway.app/railway.schema.json",
  "build": {
    "builder": "NIXPACKS",
    "buildCommand": "npm run build:api"
  },
  "deploy": {
    "startCommand": "npm run start:api",
    "numReplicas": 2,
    "resources": {
      "cpu": "1000m",      # 1 CPU core
      "memory": "2Gi"       # 2GB RAM
    },
    "healthcheckPath": "/health",
    "healthcheckTimeout": 100,
    "healthcheckInterval": 300,
    "restartPolicyType": "ON_FAILURE",
    "restartPolicyMaxRetries": 10
  }
}
JSON
}

# container_of DEPLOYMENT FILTER: of each of its containers
container_of() {
  local id
  for id in $(engine "http://e/containers/json" | jq -r ".[] | select(.Names[0] | contains(\"rep_${1#dep_}-\")) | .Id"); do
    engine "http://e/containers/$id/json" | jq -c "$2"
  done
}
# in_force DEPLOYMENT KEY VALUE LINE: and the configuration tells from where
in_force() { same "$2" "$3 railway.json:$4" "$(setting "$1" "$2")"; }
# settings DEPLOYMENT FILTER
frozen() { api "$GANTRY_URL/v1/deployments/$1" | jq -r "$2"; }

keys_in_force() {
  local id
  keys_file >railway.json
  try 0 railway up --service=keys
  id=$(newest backend production keys .id)
  in_force "$id" build.builder NIXPACKS 4
  in_force "$id" build.buildCommand 'npm run build:api' 5
  in_force "$id" deploy.startCommand '["npm","run","start:api"]' 8
  in_force "$id" deploy.numReplicas 2 9
  in_force "$id" deploy.resources.cpu 1000m 11
  in_force "$id" deploy.resources.memory 2147483648 12
  in_force "$id" deploy.healthcheckPath /health 14
  in_force "$id" deploy.healthcheckTimeout 100 15
  in_force "$id" deploy.healthcheckInterval 300 16
  in_force "$id" deploy.restartPolicyType ON_FAILURE 17
  in_force "$id" deploy.restartPolicyMaxRetries 10 18
  same drainingSeconds '10 default:0' "$(setting "$id" deploy.drainingSeconds)"
  same 'the limits of the containers' '[1000000000,2147483648] [1000000000,2147483648]' \
    "$(container_of "$id" '[.HostConfig.NanoCpus, .HostConfig.Memory]' | xargs)"
  same 'what they run' '["npm","run","start:api"]' "$(container_of "$id" .Config.Entrypoint | sort -u)"
  same 'the interval of the deployment' 300 "$(frozen "$id" .deploy.healthcheck_interval_seconds)"
  same 'the settings of the service' '1 10' "$(api "$GANTRY_URL/v1/projects/backend/environments/production/services/keys" |
    jq -r '"\(.deploy.replicas) \(.deploy.healthcheck_interval_seconds)"')"
  same 'what it answers' 'built by build:api' "$(ask keys /)"
}

keys_vertical() {
  [ "$(nproc)" -ge 2 ] || return 0
  keys_file | sed 's/"1000m", .*/"2000m",     # 2 CPU cores/; s/"2Gi".*/"4Gi"      # 4GB RAM/' >railway.json
  try 0 railway up --service=keys
  same 'the limits of the containers' '[2000000000,4294967296]' \
    "$(container_of "$(newest backend production keys .id)" '[.HostConfig.NanoCpus, .HostConfig.Memory]' | sort -u)"
}

keys_refused() {
  keys_file | sed 's/"numReplicas": 2/"numReplicas": "two"/' >railway.json
  try 1 railway up --service=keys
  err 'railway\.json:9:20: deploy\.numReplicas: .*"two"'
  out '^$|railway\.json:9:20'
  check
  [[ $OUT != *"built with this one"* ]] || fail 'it was built in spite of it'
  same 'what it answers' 'built by build:api' "$(ask keys /)"
}

keys_unknown() {
  keys_file | sed 's/"healthcheckPath"/"healthcheckPth"/; s/"numReplicas": 2/"numReplicas": 1/' >railway.json
  try 0 railway up --service=keys
  out 'railway\.json:14:5: warning: deploy\.healthcheckPth: unknown key, ignored; did you mean "healthcheckPath"\?'
}

# Whose word counts: the service in its environment, the environment, the service, the file, the settings, the default.
keys_layers() {
  local id service=$GANTRY_URL/v1/projects/backend/environments/production/services/keys
  api -X PATCH "$service" -d '{"deploy": {"draining_seconds": 3, "overlap_seconds": 2, "healthcheck_timeout_seconds": 50}}' >/dev/null
  cat >railway.json <<'JSON'
{
  "build": {"buildCommand": "npm run build:api"},
  "deploy": {"startCommand": "npm run start:api", "healthcheckPath": "/", "numReplicas": 3, "drainingSeconds": 5, "healthcheckTimeout": null},
  "environments": {"production": {"deploy": {"numReplicas": 1, "healthcheckInterval": 20}},
                   "pr": {"deploy": {"numReplicas": 9}}},
  "services": {"keys": {"deploy": {"healthcheckPath": "/health", "healthcheckInterval": 30},
                        "environments": {"production": {"deploy": {"restartPolicyMaxRetries": 4}}}},
               "other": {"deploy": {"startCommand": "exit 1"}}}
}
JSON
  try 0 railway up --service=keys
  id=$(newest backend production keys .id)
  in_force "$id" deploy.restartPolicyMaxRetries 4 7
  in_force "$id" deploy.numReplicas 1 4
  in_force "$id" deploy.healthcheckInterval 20 4
  in_force "$id" deploy.healthcheckPath /health 6
  in_force "$id" deploy.drainingSeconds 5 3
  in_force "$id" deploy.healthcheckTimeout 300 3
  same overlapSeconds '2 setting:0' "$(setting "$id" deploy.overlapSeconds)"
  same restartPolicyType 'ON_FAILURE default:0' "$(setting "$id" deploy.restartPolicyType)"
  same 'what the deployment has' '1 20 5 2 4' "$(frozen "$id" '.deploy |
    "\(.replicas) \(.healthcheck_interval_seconds) \(.draining_seconds) \(.overlap_seconds) \(.restart_max_retries)"')"
  try 0 railway config check --environment pr-12 --pull-request-of production --service keys
  out '^deploy\.numReplicas = 9 +# railway\.json:5:[0-9]+ environments\.pr\.deploy\.numReplicas'
  out '^deploy\.healthcheckInterval = 20 +# railway\.json:4'
}

# An image that holds one program and nothing else: variables need no shell, && does.
keys_no_shell() {
  local id
  mkdir -p ../scratch && cd ../scratch || return
  printf 'FROM gantry-test/web:1 AS web\nFROM scratch\nCOPY --from=web /web /web\n' >Dockerfile
  printf '{"deploy": {"startCommand": "/web --port $PORT", "healthcheckPath": "/health"}}' >railway.json
  try 0 railway up -p backend -e production --service=scratch
  out 'railway\.json:1:29: warning: deploy\.startCommand: its variables are put in when a replica starts'
  id=$(newest backend production scratch .id)
  same 'what runs' '["/web","--port","8080"]' "$(container_of "$id" .Config.Entrypoint)"
  printf '{"deploy": {"startCommand": "test $PORT && /web", "healthcheckPath": "/health"}}' >railway.json
  try 1 railway up -p backend -e production --service=scratch
  err 'there is no /bin/sh in the image .*, and the command needs a shell: "test \$PORT && /web"'
  cd ../app || return
}

keys() {
  local part before
  railway environment production >/dev/null
  for part in in_force vertical layers no_shell refused unknown; do
    before=$FAILED
    "keys_$part"
    [ $FAILED -eq "$before" ] && echo "ok     keys $part" || echo "FAILED keys $part"
  done
  # Without a link the only service of a project is meant.
  (cd "$WORK/checkout" && railway init -n single && railway service create only && railway unlink) >/dev/null 2>&1
  cd "$WORK/checkout" && try 0 railway variables -p single && out '^RAILWAY_SERVICE_NAME +only$'
}
