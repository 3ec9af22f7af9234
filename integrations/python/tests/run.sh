#!/usr/bin/env bash
# Tests the Python integrations against Optuna and FLAML from their registry, with a binary that is built already:
#
#     cargo build && bash integrations/python/tests/run.sh
#
# An environment with both is made under target/python-integrations, once.
set -euo pipefail
cd "$(dirname "$0")/../../.."
export METAORCH="${METAORCH:-$PWD/target/debug/metaorch}"
[ -x "$METAORCH" ] || { echo "there is no program $METAORCH; build it with cargo build, or set METAORCH" >&2; exit 2; }
python="${METAORCH_PYTHON:-target/python-integrations/bin/python3}"
if [ ! -x "$python" ]; then
    python3 -m venv target/python-integrations
    target/python-integrations/bin/pip install --quiet optuna==5.0.0 flaml==2.7.0 pandas==3.1.1
fi
PYTHONPATH=integrations/python exec "$python" -m unittest discover -s integrations/python/tests -v
