#!/usr/bin/env bash
# Runs patchparty with the inputs of action.yml. Every input arrives in an environment variable and leaves as one
# argument of its own: nothing here is evaluated, split or expanded.
set -euo pipefail

# Secrets stay in no environment. The system shows the one that a process was started with to every other process of the
# same user, and this shell lives as long as the night. So it starts afresh, without them, and holds a pipe out of which
# only patchparty reads (PATCHPARTY_SECRETS_ON_STDIN says so).
if [ -z "${PATCHPARTY_SECRETS_ON_STDIN-}" ]; then
  exec 3< <(
    for name in PATCHPARTY_TOKEN GITHUB_TOKEN PATCHPARTY_STATE_KEY; do
      if [ -n "${!name-}" ]; then printf '%s=%s\0' "$name" "${!name}"; fi
    done
  )
  exec env -u PATCHPARTY_TOKEN -u GITHUB_TOKEN -u PATCHPARTY_STATE_KEY -u ACTIONS_RUNTIME_TOKEN \
    -u ACTIONS_ID_TOKEN_REQUEST_TOKEN -u ACTIONS_ID_TOKEN_REQUEST_URL PATCHPARTY_SECRETS_ON_STDIN=1 bash -- "$0" "$@"
fi

# The inputs of both commands. A run without the action (a test, a self-made step) may leave any of them out.
input() { local name="INPUT_$1"; printf '%s' "${!name-}"; }

refuse() {
  # What a workflow wrote may hold line breaks, and a line that begins with `::` is a command to the runner.
  printf '::error title=patchparty::%s\n' "$(printf '%s' "$1" | tr '\r\n' '  ')"
  exit 2
}

arguments=()

# option FLAG INPUT: `--flag=value`, so that a value that begins with a dash stays a value.
option() {
  local value
  value=$(input "$2")
  if [ -n "$value" ]; then arguments+=("$1=$value"); fi
}

# lines FLAG INPUT: one `--flag=line` for every line that is not blank; bare lines without a flag.
lines() {
  local line prefix=${1:+$1=}
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    if [[ $line =~ [^[:space:]] ]]; then arguments+=("$prefix$line"); fi
  done < <(input "$2")
}

# flag FLAG INPUT
flag() {
  case "$(input "$2")" in
    true) arguments+=("$1") ;;
    false | '') ;;
    *) refuse "the input for $1 is neither true nor false" ;;
  esac
}

# only COMMAND INPUT…: these inputs mean nothing to the other command, and silence would hide a mistake.
only() {
  local owner=$1 name
  shift
  if [ "$command" = "$owner" ]; then return; fi
  for name in "$@"; do
    if [ -n "$(input "$name")" ] && [ "$(input "$name")" != false ]; then
      refuse "the input ${name,,} belongs to the command $owner"
    fi
  done
}

command=$(input COMMAND)
case "$command" in
  audit | run) ;;
  *) refuse 'the input command is neither audit nor run' ;;
esac
only audit PATHS FAIL_ON DENY_WARNINGS YANKED DEPENDENCIES
only run ORG REPOS LOCAL DRY_RUN OUT TEMPLATES JOBS

format=$(input FORMAT)
format=${format:-json}
report=$(input REPORT)
if [ -z "$report" ]; then
  folder=${RUNNER_TEMP:-${TMPDIR:-/tmp}}/patchparty
  mkdir -p -- "$folder"
  case "$format" in
    json) report=$folder/report.json ;;
    *) report=$folder/report.txt ;;
  esac
fi

arguments+=("$command" "--format=$format" "--output=$report" --color=never)
lines --advisories ADVISORIES
flag --offline OFFLINE
option --cache CACHE
option --config CONFIG
if [ "$command" = audit ]; then
  option --fail-on FAIL_ON
  flag --deny-warnings DENY_WARNINGS
  flag --yanked YANKED
  flag --dependencies DEPENDENCIES
  arguments+=(--)
  lines '' PATHS
else
  option --org ORG
  lines --repo REPOS
  option --local LOCAL
  flag --dry-run DRY_RUN
  option --out OUT
  option --templates TEMPLATES
  option --jobs JOBS
fi

binary=$(input BINARY)
if [ -z "$binary" ]; then
  folder=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
  echo '::group::Build patchparty'
  # From the folder itself, so that no .cargo/config.toml of the audited project has a say.
  (cd -- "$folder" && cargo build --release --locked --quiet --target-dir target 3<&-)
  echo '::endgroup::'
  binary=$folder/target/release/patchparty
fi

code=0
"$binary" "${arguments[@]}" <&3 3<&- || code=$?
exec 3<&-

# Advisories and package names stand in the report: the runner must not read commands out of them.
if [ "$format" = human ] && [ -f "$report" ]; then
  seal=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$seal"
  cat -- "$report"
  printf '\n::%s::\n' "$seal"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'exit-code=%d\n' "$code" >>"$GITHUB_OUTPUT"; fi
exit "$code"
