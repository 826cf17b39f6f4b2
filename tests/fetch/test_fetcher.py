"""One endpoint's fetcher, under a virtual clock: exact times, exact accounts."""

from itertools import pairwise
from random import Random

import httpx
import pytest
import trio
from helpers.support import NO_LIMIT, FakeApi, actions, client, endpoint, forever, ok, records, reply, walk

from pipeline.config.endpoint import Breaker, Http, RateLimit, Retry
from pipeline.errors import TransientError
from pipeline.fetch.fetcher import Fetcher
from pipeline.normalize.normalizer import DEFAULT_READER

pytestmark = pytest.mark.virtual_time


async def test_walks_to_the_empty_page() -> None:
    """Pages are asked for from 1 on until one is empty, and each is sent once, in order."""
    api = FakeApi(pages=3)
    fetcher, pages = await walk(api)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2, 3]
    assert [page for _, page in api.asked] == [1, 2, 3, 4]
    assert (account.status, account.requests, account.retries, account.pages_fetched) == ("complete", 4, 0, 3)
    assert (account.pages_missing, account.missing_from, account.failures) == ((), None, ())


async def test_204_ends_the_walk() -> None:
    """204 No Content is the end of the endpoint, as an empty list is."""
    fetcher, pages = await walk(FakeApi(pages=99, script={3: [reply(204)]}))
    assert [page.number for page in pages] == [1, 2]
    assert fetcher.result().status == "complete"


async def test_an_empty_catalogue_is_complete() -> None:
    """An endpoint that has nothing has delivered all of it."""
    fetcher, pages = await walk(FakeApi(pages=0))
    assert not pages
    assert fetcher.result().status == "complete"


async def test_the_urls_own_query_is_kept() -> None:
    """The page number joins the URL's own query string instead of replacing it."""
    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        return ok([])

    await walk(httpx.MockTransport(answer))
    assert seen == [{"lang": "en", "page": "1"}]


async def test_the_rate_is_kept_with_retries_included() -> None:
    """Every attempt costs a token: at 1 request a second and burst 1 none comes early, retries included."""
    api = FakeApi(pages=2, script={1: [reply(500)]})
    await walk(api, rate_limit=RateLimit(rps=1, burst=1))
    gaps = [round(b - a, 6) for a, b in zip(api.times, api.times[1:], strict=False)]
    assert all(gap >= 1 for gap in gaps), gaps
    assert len(gaps) == 3


async def test_backoff_doubles_up_to_the_cap() -> None:
    """A page that fails is asked for again after 0.5, 1 and 2 s, then given up; 4 s is the most."""
    api = FakeApi(pages=1, script={1: forever(lambda: reply(500))})
    patient = {"retry": Retry(max_retries=5, jitter=0), "breaker": Breaker(failure_threshold=99)}
    fetcher, _ = await walk(api, rate_limit=NO_LIMIT, **patient)
    assert [at for at, page in api.asked if page == 1][:6] == [0, 0.5, 1.5, 3.5, 7.5, 11.5]
    assert actions(fetcher.result()) == [(1, 500, "retry")] * 11 + [(1, 500, "skip")]


async def test_refusals_cost_no_retry_and_end_no_page() -> None:
    """A page that is refused ten times arrives, although no retry is allowed; the pauses grow beyond `max_delay`."""
    api = FakeApi(pages=2, script={2: [reply(429)] * 10})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT, retry=Retry(max_retries=0, jitter=0))
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2]
    assert (account.status, account.traffic.refused) == ("complete", 10)
    refused = [at for at, page in api.asked if page == 2]
    assert [after - before for before, after in pairwise(refused)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert actions(account) == [(2, 429, "retry")] * 10


async def test_refusals_end_the_endpoint_only_when_the_deadline_is_near() -> None:
    """The last pause that ends before the deadline is waited out; the one after it is not begun."""
    api = FakeApi(pages=3, script={2: forever(lambda: reply(429))})
    fetcher, pages = await walk(api, timeout=20, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1]
    assert trio.current_time() == 15.5
    assert (account.status, account.missing_from) == ("partial", 2)
    assert actions(account) == [(2, 429, "retry")] * 5 + [(2, 429, "deadline")]
    assert "next request is due in 16.0 s" in account.failures[-1].error


async def test_a_503_without_retry_after_is_a_failure() -> None:
    """Three of them open the circuit, while three with it do not."""
    for answer, opens in ((reply(503), True), (reply(503, Retry_After="1"), False)):
        fetcher, _ = await walk(FakeApi(pages=2, script={2: [answer] * 3}), rate_limit=NO_LIMIT)
        told = [action for _, _, action in actions(fetcher.result())]
        assert told == (["retry", "retry", "circuit_break"] if opens else ["retry"] * 3)
        assert fetcher.result().status == "complete"


async def test_the_account_names_the_rate_that_would_have_fitted() -> None:
    """Ten pages passed in the 16 s until another one was sent; the last request added a hundredth of the rate."""
    api = FakeApi(pages=11, latency=1, script={11: [reply(429, Retry_After="5")]})
    fetcher, _ = await walk(api, rate_limit=RateLimit(rps=5, burst=1, concurrency=1))
    account = fetcher.result()
    assert account.traffic.refused == 1
    assert account.fitting_rps == 0.63
    clean, _ = await walk(FakeApi(pages=3), rate_limit=NO_LIMIT)
    assert clean.result().fitting_rps is None


async def test_a_healed_failure_costs_nothing_but_time() -> None:
    """A transient failure that a retry heals is recorded as `retry`, and the walk is complete."""
    api = FakeApi(pages=2, script={2: [httpx.ReadTimeout(""), reply(503)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2]
    assert actions(account) == [(2, None, "retry"), (2, 503, "retry")]
    assert (account.status, account.requests, account.retries) == ("complete", 5, 2)


@pytest.mark.parametrize(("value", "seconds"), [("2", 2), ("2.5", 2.5)])
@pytest.mark.parametrize("code", [429, 503])
async def test_retry_after_is_honoured(code: int, value: str, seconds: float) -> None:
    """429 and 503 wait as long as Retry-After says, instead of the backoff."""
    api = FakeApi(pages=1, script={1: [reply(code, Retry_After=value)]})
    await walk(api, rate_limit=NO_LIMIT)
    assert api.times[:2] == [0, seconds]


async def test_retry_after_holds_for_the_probe_of_an_open_circuit() -> None:
    """A probe that is asked to wait for more than the cooldown gets what it asks for."""
    api = FakeApi(pages=1, script={1: [reply(503), reply(503), reply(503), reply(503, Retry_After="40")]})
    await walk(api, rate_limit=NO_LIMIT)
    assert api.times[:5] == [0, 0.5, 1.5, 16.5, 56.5]


async def test_retry_after_past_the_deadline_ends_the_endpoint_at_once() -> None:
    """Waiting for what can only come after the deadline is given up right away, and said."""
    api = FakeApi(pages=5, script={2: [reply(429, Retry_After="86400")]})
    start = trio.current_time()
    fetcher, pages = await walk(api, timeout=60, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert trio.current_time() == start
    assert [page.number for page in pages] == [1]
    assert (account.status, account.missing_from) == ("partial", 2)
    assert actions(account) == [(2, 429, "deadline")]
    assert "86400 s" in account.failures[0].error


async def test_circuit_opens_after_three_failures_and_recovers() -> None:
    """3 failures open the circuit for 15 s; one probe of the same page closes it, and nothing is lost."""
    api = FakeApi(pages=3, script={2: [reply(500), reply(502), reply(503)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    assert api.asked == [(0, 1), (0, 2), (0.5, 2), (1.5, 2), (16.5, 2), (16.5, 3), (16.5, 4)]
    assert [page.number for page in pages] == [1, 2, 3]
    account = fetcher.result()
    assert account.status == "complete"
    assert actions(account) == [(2, 500, "retry"), (2, 502, "retry"), (2, 503, "circuit_break")]


async def test_failed_probes_cost_no_retry_of_the_page() -> None:
    """After any number of failed probes the page still has the retries it had."""
    failing = [reply(500)] * 6
    api = FakeApi(pages=1, script={1: [*failing, reply(429)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT, breaker=Breaker(max_probes=9))
    assert fetcher.result().status == "complete"
    assert [page.number for page in pages] == [1]


async def test_dead_endpoint_is_given_up_after_two_probes() -> None:
    """A dead endpoint sees 3 attempts and 2 probes, is `failed`, and all of it is listed as missing."""
    api = FakeApi(script={1: forever(lambda: httpx.ConnectError("refused"))})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert api.times == [0, 0.5, 1.5, 16.5, 31.5]
    assert not pages
    assert (account.status, account.pages_missing, account.missing_from) == ("failed", (1,), 1)
    assert [action for _, _, action in actions(account)] == ["retry", "retry", *["circuit_break"] * 3, "skip"]


async def test_a_probe_after_the_deadline_is_not_waited_for() -> None:
    """When the open circuit outlasts the deadline, the endpoint ends there and then."""
    api = FakeApi(pages=9, script={2: forever(lambda: reply(500))})
    start = trio.current_time()
    fetcher, _ = await walk(api, timeout=10, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert trio.current_time() - start == 1.5
    assert (account.status, account.missing_from) == ("partial", 2)
    assert account.failures[-1].action == "deadline"


async def test_a_retry_after_the_deadline_is_not_waited_for() -> None:
    """When the backoff outlasts the deadline, the failed attempt is the end, and is recorded as that alone."""
    api = FakeApi(pages=9, script={2: forever(lambda: reply(500))})
    fetcher, _ = await walk(api, timeout=1, rate_limit=NO_LIMIT)
    assert actions(fetcher.result()) == [(2, 500, "retry"), (2, 500, "deadline")]
    assert trio.current_time() == 0.5


async def test_429_does_not_open_the_circuit() -> None:
    """However many 429s in a row: the server is well, and the circuit stays closed."""
    api = FakeApi(pages=1, script={1: [reply(429)] * 10})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT, retry=Retry(max_retries=10, base_delay=0))
    assert fetcher.result().status == "complete"
    assert all(action == "retry" for _, _, action in actions(fetcher.result()))
    assert len(pages) == 1


async def test_an_earlier_page_again_is_a_loop() -> None:
    """A page with the ids of an earlier one ends the endpoint as partial; its records are sent all the same."""
    api = FakeApi(pages=9, script={3: [ok(records(1))]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2, 3]
    assert (account.status, account.pages_fetched, account.missing_from) == ("partial", 2, 3)
    assert "repeats" in account.failures[0].error


async def test_deadline_keeps_what_arrived() -> None:
    """A walk that is cut off has sent all that arrived, and its account says where it was cut."""
    fetcher, pages = await walk(FakeApi(pages=99, latency=1), timeout=3.5, rate_limit=NO_LIMIT)
    assert not fetcher.result().ended
    fetcher.interrupt("deadline", "time is over")
    account = fetcher.result()
    assert [page.number for page in pages] == [1, 2, 3]
    assert (account.status, account.pages_missing, account.missing_from) == ("partial", (4,), 4)
    assert actions(account) == [(4, None, "deadline")]


async def test_interrupting_a_finished_walk_changes_nothing() -> None:
    """The account of a walk that reached its end stays closed."""
    fetcher, _ = await walk(FakeApi())
    before = fetcher.result()
    fetcher.interrupt("stopped", "too late")
    assert fetcher.result() == before


async def test_a_fetched_page_survives_a_cancellation_while_the_channel_is_full() -> None:
    """The deadline may come while a page waits for room in the channel: it is sent, not lost."""
    fetcher = Fetcher(
        endpoint(rate_limit=NO_LIMIT), client(FakeApi(pages=9)), rng=Random(1), identify=DEFAULT_READER.identify
    )
    send, receive = trio.open_memory_channel(0)
    arrived = []
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as fetching:

            async def consume_late() -> None:
                await trio.sleep(5)
                arrived.extend([page.number async for page in receive])

            nursery.start_soon(consume_late)
            fetching.deadline = trio.current_time() + 1
            await fetcher.run(send)
    assert arrived == [1]
    assert fetcher.result().pages_fetched == 1


async def test_total_timeout_bounds_a_dripping_attempt() -> None:
    """A server that sends a byte now and then holds an attempt for `total_timeout` at the most."""

    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self):
            while True:
                yield b" "
                await trio.sleep(1)

    transport = httpx.MockTransport(lambda request: httpx.Response(200, stream=Drip()))
    start = trio.current_time()
    with pytest.raises(TransientError, match="within 15 s"):
        await client(transport, Http()).fetch("http://shop.test/products?page=1")
    assert trio.current_time() - start == 15


async def test_a_probe_that_is_answered_closes_the_circuit_whatever_the_answer() -> None:
    """A 404 to the probe says that the server is well: the walk goes on without another cooldown."""
    api = FakeApi(pages=3, script={2: [reply(500), reply(500), reply(500), reply(404)]})
    fetcher, pages = await walk(api, rate_limit=NO_LIMIT)
    assert api.times[-1] == 16.5
    assert [page.number for page in pages] == [1, 3, 2]
    assert fetcher.result().status == "complete"


async def test_a_probe_that_is_told_to_slow_down_is_followed_by_another() -> None:
    """A 429 to the probe neither closes nor opens the circuit: after the pause the next probe goes out."""
    api = FakeApi(pages=1, script={1: [reply(500), reply(500), reply(500), reply(429)]})
    fetcher, _ = await walk(api, rate_limit=NO_LIMIT)
    assert api.times[:5] == [0, 0.5, 1.5, 16.5, 17]
    assert [action for _, _, action in actions(fetcher.result())] == ["retry", "retry", "circuit_break", "retry"]


@pytest.mark.parametrize(("asked", "ends_at"), [("9.9", 9.9), ("10.1", 0.0)])
async def test_retry_after_is_weighed_against_the_deadline_to_the_moment(asked: str, ends_at: float) -> None:
    """A wait that ends before the deadline is waited out, one that ends behind it is not begun."""
    api = FakeApi(pages=0, script={1: [reply(429, Retry_After=asked)]})
    await walk(api, timeout=10, rate_limit=NO_LIMIT)
    assert trio.current_time() == ends_at
