#!/usr/bin/env bash
# Installs this clone of sealkit into a new folder: bash /path/to/clone/gate/install.sh /new/folder
# Then it is run with: /new/folder/bin/python -I -m sealkit check -- .
#
# It may be started in a tree that somebody else wrote: nothing is looked for there. What is installed is what gate/requirements.txt names,
# with hashes, wheels only; sealkit itself is built from this clone with what was installed so. pip takes no settings from the environment but
# those below, which say where packages come from: what comes is compared with the hashes.
set -eu
here=${BASH_SOURCE[0]}
[[ $here == */* ]] || here=./$here
here=$(CDPATH='' cd -- "${here%/*}" && pwd -P)
. "$here/clean.sh"

fail() {
  printf 'sealkit: error: %s\nsealkit: hint: %s\n' "$1" "$2" >&2
  exit 2
}
place=${1-}
[[ $# == 1 && $place == /* ]] || fail "the folder to install into is not named, or not from the root" "bash $here/install.sh /opt/sealkit"
[[ ! -e $place && ! -L $place ]] || fail "$place: exists already" "name a new folder: nothing is installed over what somebody else may have put there"

cd /
python=$(command -v python3) || fail "Python is not installed" "install Python 3.11 or newer, for example with actions/setup-python"
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$python: older than Python 3.11" "install a newer one, for example with actions/setup-python"
"$python" -I -m venv -- "$place"

options=(--isolated --no-input --quiet --disable-pip-version-check)
for pair in INDEX_URL=index-url FIND_LINKS=find-links CERT=cert PROXY=proxy; do
  name=PIP_${pair%=*}
  if [[ -n ${!name-} ]]; then options+=("--${pair#*=}=${!name}"); fi
done
install() { "$place/bin/python" -I -m pip install "${options[@]}" "$@"; }
install --require-hashes --only-binary :all: --no-deps -r "$here/requirements.txt"
install --no-index --no-deps --no-build-isolation -- "${here%/*}"
