"""Slow quotas: fixed and sliding windows and buckets, which may count refusals and send no headers."""

import subprocess
import sys

import pytest
import trio
from helpers.mock_shops import in_process
from hypothesis import given
from hypothesis import strategies as st

from mockapi.quota import Quota, parse_quota

HEADERS = {"retry-after", "ratelimit", "ratelimit-policy", "x-ratelimit-limit"}


def allowed(quota: Quota, times: list[float]) -> list[float]:
    """Return the times of the requests that a quota allows."""
    limit = quota.limit(rate=0, burst=5)
    return [now for now in times if limit.ask(now).wait is None]


gaps = st.lists(st.floats(0, 7), max_size=80)


@given(gaps, st.integers(1, 10), st.integers(10, 60), st.booleans())
def test_a_sliding_window_never_contains_more_than_its_requests(
    gaps: list[float], requests: int, seconds: int, counting: bool
) -> None:
    """Any window of the quota's length has at most its number of allowed requests."""
    times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    passed = allowed(Quota(requests, seconds, "sliding", counting), times)
    assert all(later - earlier >= seconds for earlier, later in zip(passed, passed[requests:], strict=False))


@given(gaps, st.integers(1, 10), st.floats(10, 60), st.sampled_from(["fixed", "sliding", "bucket"]), st.booleans())
def test_the_wait_of_a_refusal_is_exact(
    gaps: list[float], requests: int, seconds: float, kind: str, counting: bool
) -> None:
    """A request after the announced wait is allowed, and one shortly before it is refused."""
    for early, is_allowed in ((1e-6, True), (-1e-3, False)):
        limit, now = Quota(requests, seconds, kind, counting).limit(rate=0, burst=5), 0.0
        wait = None
        for gap in gaps:
            now += gap
            wait = limit.ask(now).wait
        if wait is not None and wait > 1e-3:
            assert (limit.ask(now + wait + early).wait is None) == is_allowed


def test_refusals_that_count_keep_an_impatient_client_out() -> None:
    """A client that continues at twice the rate gets nothing more if refusals count, and every other request if not."""
    times = [2.5 * number for number in range(24)]
    assert len(allowed(Quota(2, 10, "sliding", counts_refusals=True), times)) == 2
    assert len(allowed(Quota(2, 10, "bucket", counts_refusals=True), times)) == 3
    assert len(allowed(Quota(2, 10, "sliding"), times)) == 12


def test_the_three_kinds_differ_after_a_refusal() -> None:
    """Fixed windows refill at once, sliding windows request by request, and buckets evenly."""
    times = [0.0, 8.0, 9.0, 10.0, 11.0, 14.0]
    assert allowed(Quota(2, 10, "fixed"), times) == [0.0, 8.0, 10.0, 11.0]
    assert allowed(Quota(2, 10, "sliding"), times) == [0.0, 8.0, 10.0]
    assert allowed(Quota(2, 10, "bucket"), times) == [0.0, 8.0, 9.0, 14.0]


@pytest.mark.virtual_time
@pytest.mark.parametrize("name", ["api1", "cursors"])
async def test_a_silent_quota_sends_no_headers(name: str) -> None:
    """An answer within or beyond a silent quota has no rate limit headers, and the window opens again."""
    async with in_process(name, quota=parse_quota("2/30:sliding:counting:silent")) as api:
        path = "/items" if name == "cursors" else "/products"
        answers = [await api.get(path) for _ in range(3)]
        await trio.sleep(30)
        answers.append(await api.get(path))
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200]
    assert not any(HEADERS & set(answer.headers) for answer in answers)


@pytest.mark.virtual_time
async def test_a_quota_replaces_the_apis_own_and_keeps_its_headers() -> None:
    """A quota that is not silent is reported in the API's own headers."""
    async with in_process("cursors", quota=Quota(3, 60.0)) as api:
        answer = await api.get("/items")
    assert answer.headers["RateLimit-Policy"] == '"default";q=3;w=60'


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("10/60", Quota(10, 60.0)),
        ("1/0.5:bucket", Quota(1, 0.5, "bucket")),
        ("10/10:sliding:counting:silent", Quota(10, 10.0, "sliding", counts_refusals=True, silent=True)),
    ],
)
def test_a_quota_is_parsed(text: str, quota: Quota) -> None:
    """Numbers and words give a quota."""
    assert parse_quota(text) == quota


@pytest.mark.parametrize("text", ["", "10", "0/1", "1/0", "1/x", "1/1:daily", "1/1:"])
def test_an_invalid_quota_is_quoted_with_the_expected_form(text: str) -> None:
    """The error names the form and its words."""
    with pytest.raises(ValueError, match=r"is not a valid quota; expected REQUESTS/SECONDS, .* :fixed, :sliding"):
        parse_quota(text)


def test_a_bad_quota_on_the_command_line_is_a_usage_error() -> None:
    """The command line reports the error of the parser, without a traceback."""
    command = [sys.executable, "-m", "mockapi", "--quota", "often"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "'often' is not a valid quota" in done.stderr
    assert "Traceback" not in done.stderr
