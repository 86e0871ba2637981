# Sourced by tests/cli/run.

part_deploying() {
  try 1 gantry redeploy; err 'deploy it first'
  try 0 gantry deploy --image gantry-test/web:1 --replicas 2; out '^api is live: http'; err 'DEPLOYING'; err 'SUCCESS'
  try 0 gantry status; out '^api +SUCCESS +2 +gantry-test/web:1'
  try 0 gantry open; out "^http://api-production.cli.test"
  try 0 gantry open -p
  try 0 gantry ps; out '^api +dep_[^ ]+ +0 +RUNNING +yes +0 +[0-9]+s'
  try 0 gantry ps --json; json 'length == 2 and all(.[]; .ready and .service == "api")'
  try 0 gantry metrics; out '^api, .* replicas at most$'; out '^memory '; out '^network: '; out '^http: [0-9]+ requests'
  try 0 railway metrics --all --since 2h --cpu; out '^SERVICE +REPLICAS +CPU +CPU_PEAK +CPU_LIMIT$'; out '^api +[0-9]'
  try 0 gantry metrics --raw --memory -S 30m -U 1s; out '^AT +SECONDS +REPLICAS +MEMORY_BYTES +MEMORY_PEAK$'
  try 0 gantry metric --json -s api; json '.summary.service.name == "api" and .step_seconds == 60'
  try 0 gantry metrics --all --json; json 'map(.service.name) == ["api"]'
  try 1 gantry metrics --since yesterday; err 'since: expected how long ago'
  try 2 gantry metrics --all -s api; err 'do not go together'
  try 124 timeout 7 gantry metrics --watch --http; out '^http: '
  try 0 gantry scale; out '^api +2 '
  try 0 gantry scale replicas 3 --json; json '.replicas == 3'
  try 0 gantry scale replicas=1; out 'scaled api to 1'
  try 0 gantry scale --replicas 2
  try 0 gantry scale 1 -s API; out 'scaled api to 1'
  try 1 gantry scale 100000; err '^error: '
  try 0 gantry restart; out '^restarted api'
  try 0 gantry deploy --image gantry-test/web:2 --json; json '.status == "SUCCESS"'
  try 0 gantry rollback; out 'api is live'; err 'back to deployment dep_.*\(gantry-test/web:1\)'
  try 0 gantry redeploy --detach; out '^dep_'
  try 1 gantry deploy -s broken --image gantry-test/web:1 --no-create; err 'Service "broken" not found\.'
  try 1 gantry deploy -s broken --image gantry-test/none:9 --healthcheck-timeout 3; err 'created service broken'; err '^error: deployment dep_.* FAILED: '
  err '^hint: '
  try 1 gantry deploy -s broken --image gantry-test/none:9 --json; json '.code == "deployment_failed"'
  try 0 gantry deploy -e staging -s api --image gantry-test/web:1; err 'created service api in staging'
  try 0 gantry deployment list; out '^dep_[^ ]+ +[A-Z]+ +[0-9]+[sm] +gantry-test/web:'
  try 0 gantry deployment list --limit 1 --json; json 'length == 1'
  try 0 gantry service delete broken -y
}

part_variables() {
  try 0 gantry deploy --image gantry-test/web:1
  local before
  try 0 gantry deployment list --json; before=$(jq length <<<"$OUT")
  try 0 gantry variables set LEVEL=debug 'TEXT=a=b c://d'; out '^set LEVEL, TEXT'; err '^redeploying api: dep_'
  try 0 gantry deployment list --json; json "length == $before + 1"
  try 0 gantry variables set EMPTY= --skip-deploys --json; json '.set and .keys == ["EMPTY"] and .deployment_id == null'
  try 0 gantry variables --set LEGACY=1 --set TWO=2 --skip-deploys
  try 0 gantry deployment list --json; json "length == $before + 1"
  try 0 gantry variables; out '^TEXT +a=b c://d$'; out 'RAILWAY_SERVICE_NAME +api'
  try 0 gantry variables --json; json '.LEVEL == "debug" and .EMPTY == "" and .TWO == "2"'
  try 0 gantry variables get TEXT; out '^a=b c://d$'
  try 1 gantry variables get NONE; err 'Variable "NONE" not found\.'
  try 0 gantry variables set 'API_URL=https://.up.example.com' --skip-deploys; err '^warning: API_URL is "https://\.up'
  printf -- '-----BEGIN\nline\n-----END\n' >pem
  try 0 bash -c 'gantry variables set PEM --stdin --skip-deploys <pem'
  try 0 gantry variables get PEM; out '^-----END$'
  printf '# c\nexport A="x\\ny"\nB='"'"'$x'"'"' # z\nC=3\n' >.env
  try 0 gantry variables import .env --skip-deploys; out '^set A, B, C$'
  try 0 gantry variables --json; json '.A == "x\ny" and .B == "$x"'
  try 0 bash -c 'gantry variables --raw --kv | gantry variables import - --skip-deploys -e staging'
  try 0 gantry variables --raw --json; local here=$OUT
  try 0 gantry variables --raw --json -e staging; [ "$OUT" = "$here" ] || { FAILED=$((FAILED + 1)); echo "FAILED kv | import"; }
  printf 'A=1\nnot a pair\n' >bad.env
  try 1 gantry variables import bad.env; err 'bad.env: line 2: '
  try 0 gantry variables delete A B --skip-deploys; out '^deleted A, B$'
  try 1 gantry variables delete A; err 'not found'
  try 0 gantry variables set --shared COMMON=1; err 'next deployment'
  try 0 gantry variables list --shared --json; json '.COMMON == "1"'
  try 1 gantry variables set 'BAD=${{nothing.THERE}}'; err 'nothing'
}

part_watching() {
  try 0 gantry deploy --image gantry-test/web:1
  local url; url=$(gantry open)
  curl -sf -o /dev/null --resolve "api-production.cli.test:$EDGE:127.0.0.1" "http://api-production.cli.test:$EDGE/log/hello-cli-[1-3]"
  sleep 1
  try 0 gantry logs; out 'hello-cli'
  try 0 gantry logs -n 1; [ "$(wc -l <<<"$OUT")" = 1 ] || { FAILED=$((FAILED + 1)); echo 'FAILED logs -n'; }
  try 0 gantry logs --tail 1 --json; json '.message != "" and (.timestamp | length > 20)'
  try 0 gantry logs --since 5m --filter hello-cli; out '^[^ ]*hello-cli'
  try 0 gantry logs --since 2099-01-01T00:00:00Z; [ -z "$OUT" ] || FAILED=$((FAILED + 1))
  try 2 gantry logs --since yesterday; err '^hint: write 30s'
  try 124 timeout 2 gantry logs --follow; out 'hello-cli'
  try 124 timeout 2 gantry logs -f --json; out '^\{"timestamp":.*hello-cli'
  try 0 gantry events; out 'deployment\.'
  try 0 gantry events -s api --json; OUT=$(head -1 <<<"$OUT")
  json '(.cursor | length > 0) and (.project_id | startswith("prj_"))'
  (sleep 1; gantry scale 2 >/dev/null) &
  try 124 timeout 4 gantry events --follow --json; out '"type":"'
  wait $!
  try 0 gantry api GET /v1/projects; json '.data | length == 2'
  try 0 gantry api post /v1/projects --data '{"name":"third"}'; json '.name == "third"'
  try 1 gantry api GET /v1/nowhere; json '.status == 404'
  RAILWAY_PROJECT_ID=other try 1 gantry ps -s api; err 'Service "api" not found'
  RAILWAY_SERVICE_ID=api RAILWAY_ENVIRONMENT_ID=staging try 0 railway ps --json; json 'length == 1'
}

# On a terminal: script(1) makes one; the end of its input leaves a prompt.
part_terminal() {
  local esc=$'\x1b\\['
  try 0 env TERM=xterm script -qec 'gantry status' /dev/null; out "${esc}1mSERVICE"
  try 0 env TERM=xterm NO_COLOR=1 script -qec 'gantry status' /dev/null
  CHECKS=$((CHECKS + 1)); grep -q "$esc" <<<"$OUT" && { FAILED=$((FAILED + 1)); echo 'FAILED NO_COLOR'; }
  try 0 gantry status
  CHECKS=$((CHECKS + 1)); grep -q "$esc" <<<"$OUT" && { FAILED=$((FAILED + 1)); echo 'FAILED colour off a terminal'; }
  try 130 script -qec 'gantry down' /dev/null; out 'Go on\? \[y/N\]'; out 'error: .*cancelled'
  try 130 bash -c 'sleep 1 | script -qec "gantry login" /dev/null'; out 'Token of http'
  try 124 timeout 3 script -qec 'gantry logs' /dev/null; out 'hello-cli'
}

part_removing() {
  try 1 gantry down; err 'say so with -y'
  try 0 gantry down -y; out '^removed deployment dep_'
  try 1 gantry down -y; err 'nothing of this service runs'
  try 0 gantry environment delete staging -y; out 'deleted environment staging'
  try 0 gantry project delete -p third -y
  try 0 gantry delete -p shop -y --json; json '.deleted'
  try 1 gantry status; err 'No linked project found'
  try 1 gantry unlink
}
