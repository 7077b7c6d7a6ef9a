# Sourced by what runs in the folder of a tree that somebody else wrote, before any program is started: from here on, no program, module,
# library or setting is looked for in that tree. Bash 3.2 is enough, which macOS has.
#
# A job sets such variables for its own steps: PATH=node_modules/.bin:$PATH, PYTHONPATH=., HOME=$PWD, LD_LIBRARY_PATH=:/opt/lib (an empty part
# is the folder one is in). Here they would let a pull request bring its own git, click.py, .gitconfig and libz.so.
tree=$(pwd -P)

# Say whether a path is absolute, and leads out of the tree, whatever links it goes through.
is_outside() {
  local place=$1 real
  [[ $place == /* ]] || return 1
  while [[ ! -d $place ]]; do place=${place%/*}/; place=${place%%/}; place=${place:-/}; done
  real=$(CDPATH='' cd -- "$place" 2>/dev/null && pwd -P) || return 1
  [[ $tree == / || $real/ != "$tree"/* ]]
}

# Leave of a list of folders (VARIABLE) those that are outside of the tree. Of libraries, ";" parts them too, and "$" stands for what the loader knows.
keep_folders_outside() {
  local parts part kept=
  local separators=:
  [[ $1 == PATH ]] || separators=':;'
  IFS=$separators read -r -a parts <<<"${!1}:"
  for part in "${parts[@]}"; do
    [[ $1 == PATH || $part != *'$'* ]] || continue
    if is_outside "$part"; then kept=${kept:+$kept:}$part; fi
  done
  if [[ -n $kept ]]; then export "$1=$kept"; else unset "$1"; fi
}

for name in PATH LD_LIBRARY_PATH DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH XDG_CONFIG_DIRS; do
  if [[ -n ${!name+set} ]]; then keep_folders_outside "$name"; fi
done
[[ -n ${PATH+set} ]] || export PATH=/usr/bin:/bin # bash's own, without one, may hold "."
# What names one file or folder that is read or written; without it, the system's own is taken.
for name in HOME TMPDIR XDG_CONFIG_HOME XDG_CACHE_HOME OPENSSL_CONF OPENSSL_MODULES OPENSSL_ENGINES SSL_CERT_FILE SSL_CERT_DIR \
  GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM PIP_FIND_LINKS PIP_CERT; do
  if [[ -n ${!name+set} ]] && ! is_outside "${!name}"; then unset "$name"; fi
done
unset BASH_ENV ENV CDPATH LD_PRELOAD LD_AUDIT GCONV_PATH LOCPATH NLSPATH DYLD_INSERT_LIBRARIES PIP_CONFIG_FILE
for name in "${!PYTHON@}"; do unset "$name"; done
unset name
