# Sourced by tests/cli/run: from a directory to what serves it.

# answers HOST TEXT: what is deployed says so.
answers() {
  CHECKS=$((CHECKS + 1)) LAST="curl $1"
  OUT=$(curl -s --max-time 10 --resolve "$1:$EDGE:127.0.0.1" "http://$1:$EDGE/")
  grep -q -- "$2" <<<"$OUT" || { FAILED=$((FAILED + 1)); echo "FAILED $LAST has no $2 but $OUT"; }
}

part_source() {
  local before=$PWD first
  mkdir -p "$WORK/built/src" "$WORK/built/node_modules/left" "$WORK/built/deep/er"
  cd "$WORK/built"
  echo out >src/file
  printf 'FROM gantry-test/web:1\nCOPY src/file /here\n' >Dockerfile
  try 0 gantry link -p shop
  try 1 gantry up nowhere -s site; err 'there is no directory nowhere'
  try 1 gantry up -s svc_00000000000000000000000000; err 'Service "svc_0*" not found'
  try 1 gantry up -s site --no-create; err 'Service "site" not found'
  try 0 gantry up -s site -m first; out '^site is live: http://site-production'
  err '^Indexing\.\.\.$'; err '^Uploading\.\.\.$'; err '^created service site in production'; err 'SUCCESS'
  answers site-production.cli.test .
  try 0 gantry deployment list -s site --json; first=$(jq -r '.[0].id' <<<"$OUT"); json '.[0].message == "first"'
  try 0 gantry up -s site --verbose; err 'already there'; err 'left out node_modules/ \(always\)'
  try 0 env -C deep/er gantry up -s site --detach; out '^dep_'; err 'already there'
  try 0 gantry up -s site --detach --json; json '(.deploymentId | startswith("dep_")) and (.logsUrl | startswith("http"))'
  echo changed >src/file
  try 0 gantry up --service=site --ci; err '^CI mode enabled$'; out 'COPY src/file'
  try 0 gantry logs -s site --build; out 'COPY src/file'
  try 0 gantry logs --build "$first" --json; OUT=$(head -1 <<<"$OUT"); json '.phase == "build" and (.message | length > 0)'
  CI=true try 0 gantry up -s site --json; OUT=$(tail -1 <<<"$OUT"); json '.status == "success" and (.url | startswith("http"))'
  try 0 gantry rollback "$first" -s site; err "back to deployment $first"; out '^site is live'
  try 0 gantry rollback -s site -y; out '^site is live'

  try 0 gantry up --environment=staging --service=site; err 'created service site in staging'
  try 1 gantry up --environment=nowhere; err 'Environment "nowhere" not found'

  printf 'FROM gantry-test/web:1\nCOPY is-not-there /x\n' >Dockerfile
  try 1 gantry up -s broken; err '^error: deployment dep_.* FAILED: '; err '^hint: `gantry logs --build dep_'
  try 0 gantry logs -s broken; err 'FAILED'; out 'is-not-there'
  try 1 gantry up -s broken --json; OUT=$(tail -1 <<<"$OUT"); json '.status == "failed" and .reason != null'
  try 0 gantry service delete broken -y
  ln -s /etc/hostname outside
  try 1 gantry up -s site; err 'the link outside leads out of'
  rm outside
  mkdir only && mkdir only/node_modules && try 1 gantry up only --path-as-root -s site; err 'nothing to upload'
  try 0 gantry environment new copied --duplicate production; out 'created environment copied as a copy of production'
  try 0 gantry service list --json; json 'map(.service.name) | index("site") != null'
  try 0 gantry environment delete copied -y
  try 0 gantry service delete site -y

  mkdir "$WORK/Fresh App" && cd "$WORK/Fresh App"
  printf 'FROM gantry-test/web:1\n' >Dockerfile
  try 0 gantry up --new; err 'created project fresh-app'; err 'created service fresh-app'; out '^fresh-app is live'
  try 0 gantry delete -y
  cd "$before"
}

part_tokens() {
  local secret before=$PWD
  try 0 gantry token create ci -p shop -e production --expires 30d; secret=$OUT; out '^gty_'; err 'not shown again'
  try 2 gantry token create ci --expires soon
  try 0 gantry token list; out '^tok_[^ ]+ +ci +project +shop +production'
  cd /
  GANTRY_TOKEN=$secret try 0 gantry whoami; out 'project token ci \(shop, production\)'
  RAILWAY_TOKEN=$secret try 0 railway ps -s api
  GANTRY_TOKEN=$secret try 0 gantry deploy -s api --image gantry-test/web:1; out '^api is live'
  GANTRY_TOKEN=$secret try 0 gantry variables set FROM_CI=1 -s api --skip-deploys
  GANTRY_TOKEN=$secret try 0 env -C "$WORK/Fresh App" gantry up -s fromci; err 'created service fromci'; out '^fromci is live'
  GANTRY_TOKEN=$secret try 0 gantry list --json; json 'map(.name) == ["shop"] and (.[0].environments | length == 1)'
  GANTRY_TOKEN=$secret try 1 gantry delete -p shop -y; err 'use an account token'
  GANTRY_TOKEN=$secret try 1 gantry token list; err 'use an account token'
  GANTRY_TOKEN=$secret try 1 gantry ps -e staging; err 'which --environment staging is not'
  GANTRY_TOKEN=$secret try 1 gantry environment new third; err '^error: '
  try 1 bash -c "echo $secret | gantry login --token-stdin"; err 'put it into GANTRY_TOKEN'
  try 0 gantry service delete fromci -p shop -y
  try 1 gantry token revoke ci; err 'say so with -y'
  try 0 gantry token revoke ci -y; out '^revoked token ci'
  GANTRY_TOKEN=$secret try 1 gantry whoami; err 'Unauthorized'
  try 1 gantry token revoke ci -y; err 'not found'
  cd "$before"
}
