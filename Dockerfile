# One image for both: the pipeline (its entry point) and the mock APIs (see compose.yaml).
FROM python:3.13-slim

RUN useradd --create-home app
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
COPY mockapi mockapi
# The versions that are tested: those pinned for uv in pyproject.toml.
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['tool']['uv']['constraint-dependencies'], sep='\n')" > /tmp/constraints.txt \
    && pip install --no-cache-dir --constraint /tmp/constraints.txt . --group mockapi \
    && rm /tmp/constraints.txt
COPY config config
RUN mkdir out && chown app out
USER app

VOLUME /app/out
ENTRYPOINT ["python", "-m", "pipeline"]
