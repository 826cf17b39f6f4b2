#!/usr/bin/env bash
# Install the server software that these tests start, apart from the program. The exit code is 1 if the Python packages
# cannot be installed. The tests of other software that is missing skip with a reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=${UV:-uv}
PATH=$PATH:/usr/sbin  # where Debian has servers

"$uv" venv -q --allow-existing .venv-servers
"$uv" pip install -q --python .venv-servers -r tests/servers/requirements.txt

# All releases of json-server 1 are betas; 0.17, the latest release for npm, has other paging.
json_server=.node-servers/node_modules/json-server/lib/bin.js
if ! [ -e "$json_server" ]; then
    npm install --silent --prefix .node-servers --no-audit --no-fund json-server@1.0.0-beta.15 &&
        node "$json_server" --version >/dev/null ||
        { rm -rf .node-servers; echo "json-server is not available: its tests will skip"; }
fi

if ! { command -v nginx && command -v haproxy; } >/dev/null; then
    # At this run level Debian starts no services.
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --no-install-recommends \
        nginx-light haproxy; } >/dev/null || echo "nginx and HAProxy are not available: their tests will skip"
fi
