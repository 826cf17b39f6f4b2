# `just` alone lists these. uv exports UV to its children, so that recipes find it wherever it lies.
uv := env("UV", "uv")

# flake8 is here for flake8-async, of which ruff has only a part. ASYNC127 would have another HTTP library than the one
# chosen; tests poll other processes (110); a `timeout` parameter is a value here (109).
async_rules := "--extend-ignore E,F,W,C90,ASYNC109,ASYNC110,ASYNC127 --startable-in-context-manager watch,_serve_app,_serve_behind_front"

set positional-arguments
set quiet

[private]
default:
    just --list

# The resilience demonstration on embedded mocks; ends within a minute
demo:
    {{ uv }} run -q python -m mockapi demo

# All tests, with branch coverage
test *args:
    {{ uv }} run -q coverage run -m pytest "$@"
    {{ uv }} run -q coverage combine -q
    {{ uv }} run -q coverage report

# Format, lint and types: ruff, flake8-async, mypy
check:
    {{ uv }} run -q ruff format --check
    {{ uv }} run -q ruff check
    {{ uv }} run -q flake8 {{ async_rules }} pipeline mockapi tests
    {{ uv }} run -q mypy

# The pipeline as a subprocess against Hypercorn mocks over real sockets, output checked against the contract
smoke:
    {{ uv }} run -q python tests/system/smoke.py

# Make the tables in the documents, the schema and the shipped configuration anew, from the program itself
docs:
    {{ uv }} run -q python -m docs

# Serve the mock APIs on 127.0.0.1:8001-8003 until Ctrl-C
mocks *args:
    {{ uv }} run -q python -m mockapi "$@"

# Run the pipeline
run *args:
    {{ uv }} run -q python -m pipeline "$@"

# Benchmarks, in an environment of their own: beside a bare script and the peers, as fast as it goes
bench *args:
    UV_PROJECT_ENVIRONMENT=.venv-bench {{ uv }} run -q --no-dev --group bench python bench/run.py "$@"

# The same at the rate limit of an API, at three latencies; takes minutes
bench-polite *args:
    UV_PROJECT_ENVIRONMENT=.venv-bench {{ uv }} run -q --no-dev --group bench python bench/polite.py "$@"

# What a record, a thousand endpoints and a start cost the pipeline
bench-scale *args:
    {{ uv }} run -q python bench/scale.py "$@"
