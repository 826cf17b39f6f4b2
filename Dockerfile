# The pipeline with all that it can write, and apart from it the mock APIs:
#     docker build -t pipeline .
#     docker build -t mocks --target mocks .
# See docs/OPERATE.md.

FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .
# The versions that are tested: those pinned for uv in pyproject.toml.
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['tool']['uv']['constraint-dependencies'], sep='\n')" > /wheels/constraints.txt

FROM python:3.13-slim AS mocks
WORKDIR /app
COPY --from=build /wheels /wheels
COPY pyproject.toml ./
RUN pip install --no-cache-dir --constraint /wheels/constraints.txt /wheels/*.whl --group mockapi
COPY mockapi mockapi
USER nobody
ENTRYPOINT ["python", "-m", "mockapi"]

FROM python:3.13-slim AS pipeline
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --constraint /wheels/constraints.txt "$(echo /wheels/*.whl)[parquet,report,store]"
# A volume that Docker creates here belongs to this user. With a folder of your own, use `--user "$(id -u):$(id -g)"`.
RUN useradd --create-home app && install -d -o app /data /data/out
USER app
WORKDIR /data
ENTRYPOINT ["pipeline"]
