# Sourced by tests/cli/run.

part_parsing() {
  try 0 gantry --version; out '^gantry [0-9.]+$'
  try 0 railway --version; out '^railway [0-9.]+$'
  try 0 gantry; out '^Usage: gantry COMMAND'
  try 0 gantry variables set --help; out '--skip-deploys'; out 'gantry variables set NODE_ENV='
  try 2 gantry stats; err '^error: there is no command "stats": did you mean "status"\?'; err '^hint: '
  try 2 gantry ps --nope; err '^error: .*--nope'
  try 2 gantry ps --nope --json; json '.code == "usage"'; json 'has("error") and has("hint")'
  try 2 gantry scale lots; err 'Invalid scale target `lots`'
  try 2 gantry variables set NOPAIR; err 'not KEY=VALUE'
  try 3 gantry bucket list; err '^error: `gantry bucket` is not available yet'; err '^hint: meanwhile'
  try 2 gantry up one two; err 'unexpected argument'
  try 2 gantry up --name shop; err '\-\-new'
  try 3 railway dev up -Fc; err '`railway dev` is not available yet'
  try 0 gantry completion bash; bash -n <<<"$OUT" || FAILED=$((FAILED + 1))
  try 0 gantry completion zsh; out '^#compdef gantry'
  try 0 gantry completion fish; out '^complete -c gantry'
  try 2 gantry completion tcsh
}

part_login() {
  try 1 gantry whoami; err 'Unauthorized. Please login with `gantry login`'
  try 1 railway whoami; err 'Unauthorized. Please login with `railway login`'
  GANTRY_TOKEN=wrong try 1 gantry whoami; err 'check that your GANTRY_TOKEN is valid'
  RAILWAY_TOKEN=$TOKEN try 0 gantry whoami; out 'account token .* of RAILWAY_TOKEN'
  try 1 gantry login; err 'no terminal'
  try 1 bash -c 'echo wrong | gantry login --token-stdin'
  try 0 bash -c "echo $TOKEN | gantry login --token-stdin"; out '^logged in to '
  CHECKS=$((CHECKS + 1))
  [ "$(stat -c %a "$HOME/.config/gantry/config.json")" = 600 ] || FAILED=$((FAILED + 1))
  try 0 gantry whoami --json; json '.token_origin | endswith("config.json")'
  GANTRY_URL=http://127.0.0.1:1 try 1 gantry list; err 'cannot reach http://127.0.0.1:1'; err '^hint: '
  GANTRY_URL=http://127.0.0.1:1 try 1 gantry list --json; json '.code == "unreachable"'
  (unset GANTRY_URL; try 0 gantry whoami; exit $FAILED) || FAILED=$((FAILED + 1))
  try 0 gantry logout; out '^logged out'
  try 1 gantry whoami
  try 0 bash -c "echo $TOKEN | gantry login --token-stdin --json"; json '.logged_in'
}

part_projects() {
  try 0 gantry list; out 'no projects yet'
  try 1 railway status; err 'No linked project found. Run railway link to connect to a project'
  try 0 gantry init shop; out '^created project shop'; out 'linked .* environment production'
  try 1 gantry init shop; err '^hint: `gantry link'
  try 0 gantry init --name other --json; json '.name == "other" and (.id | startswith("prj_"))'
  try 0 gantry link -p shop; out 'project shop, environment production'
  try 0 gantry list; out '^shop +production'
  try 0 gantry list --json; json 'length == 2 and .[1].environments[0].name == "production"'
  try 1 gantry link -p nowhere; err 'Project "nowhere" not found\.'; err 'shop'
  try 1 gantry link -e nowhere; err 'Environment "nowhere" not found\.'
  try 1 gantry logs; err 'Project has no services\.'
  try 0 gantry environment new staging; out 'created environment staging'
  try 0 gantry environment create staging; out 'staging already exists'
  try 0 gantry environment create production --json; json '.name == "production"'
  try 0 gantry environment list --json; json 'map(.name) | sort == ["production", "staging"]'
  try 0 gantry environment staging; out 'environment staging'
  try 0 gantry environment link production
  try 0 gantry service create logs; out 'created service logs'
  try 0 gantry service create api --image gantry-test/web:1
  try 0 gantry service list; out '^api +svc_'
  try 1 gantry variables; err '^error: No service linked'; err 'api, logs|logs, api'
  try 0 gantry service api; out 'service api'
  try 0 gantry service link logs; out 'service logs'
  try 0 gantry service delete logs -y; out 'deleted service logs'
  try 1 gantry service delete api; err '^hint: say so with -y'
  try 0 gantry link -p SHOP -s API; out 'service api'
  mkdir -p deep/er
  try 0 env -C deep/er gantry status --json; json '.service.name == "api" and .project.name == "shop"'
  try 0 gantry unlink -s; out 'from service api'
  try 0 gantry status --json; json '.service == null'
  try 0 gantry service api
}
