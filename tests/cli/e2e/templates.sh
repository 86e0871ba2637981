# Sourced by tests/cli/run: what needs no database to run.

part_templates() {
  try 0 gantry templates
  out '^postgres +17 '
  out '^wordpress +6 .*wordpress mariadb'
  try 0 gantry templates --json
  json 'map(.name) | index("redis") != null'
  try 2 gantry add
  err 'gantry add postgres'
  try 1 gantry add postgers
  err 'did you mean "postgres"\?'
  err 'gantry templates'
  try 2 gantry add redis --reference --no-reference
  try 2 gantry add redis mysql --name x
  try 1 gantry add pgbouncer
  err 'add postgres first'

  mkdir -p "$WORK/compose" && cd "$WORK/compose" || return
  try 0 gantry init composed
  printf 'TAG=1\n' >.env
  cat >docker-compose.yml <<'Y'
services:
  shop_web:
    image: gantry-test/web:${TAG}
    ports: ["8080:8080"]
    environment: {HELLO: "a=b $$c"}
    networks: [front]
  builder:
    build: ./app
Y
  try 0 gantry import --dry-run
  out 'would import 2 services'
  out '^shop-web +gantry-test/web:1 +8080 public +1'
  err 'docker-compose.yml:2: services.shop_web: it is called shop-web here'
  err 'docker-compose.yml:6: services.shop_web.networks: an environment is one network'
  try 0 gantry import
  err 'gantry up .*app --path-as-root -s builder'
  try 0 gantry variables --kv -s shop-web
  out '^HELLO="?a=b \\?\$c"?$'
  try 1 gantry import
  err 'name_taken|has this name'
  try 1 gantry import --dry-run --json
  printf 'services: [' >"$WORK/compose/broken.yml"
  try 1 gantry import "$WORK/compose/broken.yml"
  err 'broken.yml:1: yaml'
  try 2 gantry import "$WORK/compose/none.yml"
  try 0 gantry delete -p composed -y
  cd "$WORK/app" || return
}
