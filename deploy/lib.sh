# Shared by deploy/quickstart and tests/run: packages and the container engine. Sourced; bash.

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

BUILD_PACKAGES=(g++ cmake ninja-build pkg-config ccache mold libboost1.81-dev libpqxx-dev nlohmann-json3-dev
  libyaml-cpp-dev libtomlplusplus-dev libspdlog-dev libfmt-dev libsodium-dev libcli11-dev libcurl4-openssl-dev libarchive-dev libnghttp2-dev
  ca-certificates)
RUN_PACKAGES=(tzdata procps haproxy postgresql-15 curl jq util-linux)

missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}

# need_packages NAME...: installs what is missing and nothing else. Services that packages bring (HAProxy, PostgreSQL)
# are not started and no database cluster is made: Gantry runs its own.
need_packages() {
  local missing policy=/usr/sbin/policy-rc.d made=
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "these packages are missing and there is no apt-get: ${missing[*]}"
  say "installing ${missing[*]}"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=1
  fi
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/gantry.conf
  fi
  local rc=0 log
  log=$(mktemp /tmp/gantry-apt.XXXXXX)
  [ -z "$made" ] || trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 || rc=$?
  [ -z "$made" ] || { rm -f "$policy"; trap - EXIT; }
  [ $rc -eq 0 ] || { tail -20 "$log" >&2; die "apt-get failed (the whole log: $log)"; }
  rm -f "$log"
}

# engine_answers SOCKET
engine_answers() { curl -sf --max-time 5 --unix-socket "$1" http://engine/_ping >/dev/null 2>&1; }

# wait_for SECONDS COMMAND...: until the command succeeds
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

have_systemd() { [ -d /run/systemd/system ]; }
