# `just` without a recipe lists them. uv sets UV for its child processes, so recipes find it outside the PATH.
uv := env("UV", "uv")

# flake8 runs flake8-async, of which ruff implements only a part. ASYNC127 rejects the chosen HTTP library; tests poll
# other processes (110); a `timeout` parameter is a value here (109).
async_rules := "--extend-ignore E,F,W,C90,ASYNC109,ASYNC110,ASYNC127 --startable-in-context-manager watch,_serve_app,_serve_behind_front"

set positional-arguments
set quiet

[private]
default:
    just --list

# Run the resilience demonstration on embedded mocks; takes less than a minute
demo:
    {{ uv }} run -q python -m mockapi demo

# Run all tests with branch coverage
test *args:
    {{ uv }} run -q coverage run -m pytest "$@"
    {{ uv }} run -q coverage combine -q
    {{ uv }} run -q coverage report

# Run the pipeline against real server software, installed apart from it; takes about 3 minutes
test-servers *args:
    UV="{{ uv }}" tests/servers/install.sh
    SERVERS_PYTHON=.venv-servers/bin/python {{ uv }} run -q python -m pytest -o faulthandler_timeout=900 tests/servers "$@"

# 1,000 kills, 1,000 flipped bits, 100 zeroed blocks, signals, storms and failing disks; takes about 40 minutes, and at most 60
torture *args:
    CRASH_INSTANTS=600 STORE_KILLS=100 ENGINE_KILLS=100 STORM_SEEDS=50 RESUME_SEEDS=60 CHANGES_PAIRS=1000 FLIPPED_BITS=1000 ZEROED_BLOCKS=100 FAULT_STEP=1 timeout 3600 {{ uv }} run -q python -m pytest -o faulthandler_timeout=3500 \
        tests/system/test_crash.py tests/system/test_signals.py tests/system/test_storm.py tests/test_damaged_journal.py \
        tests/test_resume_in_any_order.py tests/test_write_faults.py tests/test_changes_of_runs.py \
        tests/store/test_killed_while_storing.py tests/engine/test_killed_workers.py "$@"

# Check formatting, lint and types: ruff, flake8-async, mypy
check:
    {{ uv }} run -q ruff format --check
    {{ uv }} run -q ruff check
    {{ uv }} run -q flake8 {{ async_rules }} pipeline mockapi tests
    {{ uv }} run -q mypy

# Run the pipeline against Hypercorn mocks over real sockets and check its output against the contract
smoke:
    {{ uv }} run -q python tests/system/smoke.py

# Regenerate the tables in the documents, the schema and the shipped configuration from the program
docs:
    {{ uv }} run -q python -m docs

# Serve the mock APIs on 127.0.0.1:8001-8003 until Ctrl-C
mocks *args:
    {{ uv }} run -q python -m mockapi "$@"

# Run the pipeline
run *args:
    {{ uv }} run -q python -m pipeline "$@"

# Compare with a bare script and the peers, without a rate limit; uses an environment of its own
bench *args:
    UV_PROJECT_ENVIRONMENT=.venv-bench {{ uv }} run -q --no-dev --group bench python bench/run.py "$@"

# Compare at the rate limit of an API, at three latencies; takes minutes
bench-polite *args:
    UV_PROJECT_ENVIRONMENT=.venv-bench {{ uv }} run -q --no-dev --group bench python bench/polite.py "$@"

# Measure the cost of a record, of a thousand endpoints and of a start
bench-scale *args:
    {{ uv }} run -q python bench/scale.py "$@"

# Measure the engines: recorded pages on two processes, a rate limit, 10,000 endpoints; takes minutes
bench-engine *args:
    {{ uv }} run -q python bench/engine.py "$@"

# Measure a gzipped CSV feed of two million rows: time, and memory beyond the ids
bench-feed *args:
    PYTHONPATH=tests {{ uv }} run -q python bench/feed.py "$@"

# Measure the store: a million products of which 1 % changed, in SQLite and in PostgreSQL; takes minutes
bench-store *args:
    PYTHONPATH=tests {{ uv }} run -q python bench/store.py "$@"

# Read real server software from its URL alone, beside dlt's automatic paginator; takes minutes
bench-real *args:
    UV="{{ uv }}" tests/servers/install.sh
    SERVERS_PYTHON=.venv-servers/bin/python PYTHONPATH=tests UV_PROJECT_ENVIRONMENT=.venv-bench {{ uv }} run -q --no-dev --group bench python bench/real.py "$@"
