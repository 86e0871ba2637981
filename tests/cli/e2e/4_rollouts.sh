# Sourced by tests/cli/run.

# What needs no particular strategy to be under way.
part_rollouts() {
  try 2 gantry deploy --strategy fast; err 'rolling, blue-green, canary or recreate'
  try 2 gantry up --strategy canary --interval soon; err '.-interval needs a duration'
  try 1 gantry deploy --image gantry-test/web:1 --strategy canary --steps 50,10; err 'ascending percentages'
  try 1 gantry deploy --image gantry-test/web:1 --max-surge 0; err 'give one of them room'
  try 0 gantry deploy --image gantry-test/web:1 --max-surge 50% --observe 1 --json
  json '.deploy.rollout.max_surge_percent == 50 and .rollout == {strategy: "ROLLING", step: 0, percent: 100, since: .rollout.since, order: "NONE", waiting: false}'
  json '.succeeded_at != null'
  try 0 gantry api GET "/v1/deployments/$(jq -r .id <<<"$OUT")"; json '.deploy.rollout.max_surge_percent == 50'
  for verb in promote pause resume abort; do
    try 1 gantry $verb; err 'no deployment of api in production is on its way'
  done
  try 1 gantry promote "$(gantry deployment list --limit 1 --json | jq -r '.[0].id')"; err 'not on its way any more'
}

part_domains() {
  try 0 gantry service create green --image gantry-test/web:2
  try 0 gantry service api
  try 0 gantry domain; out '^api-production\.cli\.test +http://api-production\.cli\.test:'
  try 0 gantry domain add API.example.com; out '^CNAME +api\.example\.com +api-production\.cli\.test$'; out '^api answers at http://api\.example\.com:'
  try 0 gantry domain list --json; json 'map(.host) == ["api-production.cli.test", "api.example.com"]'
  try 1 gantry domain add api.example.com -s green; err 'has the domain api.example.com already'
  try 1 gantry domain add '*.example.com'; err 'wildcard'
  try 1 gantry domain add green-production.cli.test; err 'made by the server'
  try 2 gantry domain move api.example.com; err '.-to SERVICE'
  try 1 gantry domain move api.example.com --to nobody; err 'no service "nobody"'
  try 0 gantry domain move api.example.com --to green; out '^green answers at api\.example\.com$'
  try 0 gantry domain -s green --json; json 'map(.host) | index("api.example.com") != null'
  try 0 gantry domain www.example.com --json; json '.service == "api" and .record.type == "CNAME"'
  try 0 gantry domain remove api.example.com; out '^removed api\.example\.com$'
  try 0 gantry domain rm www.example.com
  try 1 gantry domain remove www.example.com; err 'no service in production has the domain'
  try 0 gantry traffic; out '^api +100%$'
  try 0 gantry traffic split green=10; out '^api +90%$'; out '^green +10%$'
  try 0 gantry traffic show --json; json '.split.service.name == "green" and .split.percent == 10'
  try 2 gantry traffic split green; err 'SERVICE=PERCENT'
  try 1 gantry traffic split green=101; err '/split/percent|1 to 100'
  try 1 gantry traffic split api=10; err 'another service'
  try 0 gantry traffic clear; out 'answers all its requests itself'
  try 0 gantry traffic --json; json '.split == null'
  try 0 gantry service delete green -y
}
