# What every script here starts with; sourced, never run.
# shellcheck shell=bash
#
# Leaves the shell in the root of the project, with cargo on the PATH and these set:
#   PYTHON       the interpreter that .venv is made of (default: python3 of the PATH)
#   VENV         the virtual environment, always .venv in the root
#   VENV_PYTHON  its interpreter

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# A fresh rustup installation is on the PATH of login shells only.
case ":$PATH:" in
*":$HOME/.cargo/bin:"*) ;;
*) PATH="$PATH:$HOME/.cargo/bin" ;;
esac
export PATH

PYTHON="${PYTHON:-python3}"
VENV="$PWD/.venv"
# shellcheck disable=SC2034 # whoever sources this uses it
VENV_PYTHON="$VENV/bin/python"

# An environment of somebody else's must not decide what ours sees.
unset PYTHONHOME PYTHONPATH CONDA_PREFIX VIRTUAL_ENV

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
