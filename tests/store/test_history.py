"""The history in the store: products, prices and removals, night by night."""

import random
from decimal import Decimal

import pytest
from helpers.databases import fetch
from store.nights import Model, Night, Offer, prices_in, products_in, store, write

from pipeline.errors import StoreError

LAMP, TABLE = {"1": Offer()}, {"2": Offer("Table", "20.00")}


def test_a_price_is_written_when_it_changes(url: str) -> None:
    """A product has a price for its first night, and another for each night with another price or currency."""
    offers = [Offer(), Offer(), Offer(price="8.50"), Offer(price="8.5"), Offer(price="8.50", currency="USD")]
    counts = [write(url, Night({"shop": {"1": offer}}, number)) for number, offer in enumerate(offers)]
    assert [(each.new, each.repriced) for each in counts] == [(1, 0), (0, 0), (0, 1), (0, 0), (0, 1)]
    assert prices_in(url) == [
        ("shop:1", "2026-11-01T02:00:00Z", Decimal("9.90"), "EUR"),
        ("shop:1", "2026-11-03T02:00:00Z", Decimal("8.50"), "EUR"),
        ("shop:1", "2026-11-05T02:00:00Z", Decimal("8.50"), "USD"),
    ]


@pytest.mark.parametrize(
    "price",
    [
        "0.1",
        "123456789012345678901234567890.123456",
        "5.10",
        "0E-7",
        "3.3000000000000003",
        "12345678901234567890.123456789",
        "1e3",
        "7",
        None,
    ],
)
def test_prices_are_exact(url: str, price: str | None) -> None:
    """A price is the decimal that the summary has, whatever its length."""
    write(url, Night({"shop": {"1": Offer(price=price)}}))
    assert products_in(url)["shop:1"]["price"] == (None if price is None else Decimal(price))


def test_a_product_that_a_complete_source_has_no_more_is_removed_until_it_returns(url: str) -> None:
    """It keeps the time of its removal while it is gone; when it returns, it is the same product as before."""
    nights = [LAMP | TABLE, LAMP, LAMP, LAMP | TABLE]
    removed = [write(url, Night({"shop": offers}, number)).removed for number, offers in enumerate(nights[:3])]
    assert removed == [0, 1, 0]
    assert products_in(url)["shop:2"]["removed_at"] == "2026-11-02T02:00:00Z"
    write(url, Night({"shop": nights[3]}, 3))
    table = products_in(url)["shop:2"]
    assert (table["first_seen"], table["last_seen"]) == ("2026-11-01T02:00:00Z", "2026-11-04T02:00:00Z")
    assert table["removed_at"] is None
    assert len(prices_in(url)) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"status": {"shop": "partial"}},
        {"definition": {"shop": "another"}},
        {"rejected": {"shop": ["2"]}},
        {"rejected": {"shop": [""]}},
    ],
)
def test_what_may_still_be_offered_is_not_removed(url: str, changes: dict[str, dict[str, str]]) -> None:
    """A partial source, another definition, and a rejected record that may be the product keep it."""
    write(url, Night({"shop": LAMP | TABLE}, 0))
    assert write(url, Night({"shop": LAMP}, 1, **changes)).removed == 0  # type: ignore[arg-type]
    assert products_in(url)["shop:2"]["removed_at"] is None


def test_the_second_night_of_a_definition_removes(url: str) -> None:
    """After the definition of a source has changed, its next complete night decides what is gone."""
    write(url, Night({"shop": LAMP | TABLE}, 0))
    removed = [write(url, Night({"shop": LAMP}, number, definition={"shop": "other"})).removed for number in (1, 2)]
    assert removed == [0, 1]


def test_a_source_that_is_not_in_a_run_keeps_its_products(url: str) -> None:
    """Products of other sources are not touched, whether these failed or are no longer configured."""
    write(url, Night({"shop": LAMP, "other": TABLE}, 0))
    write(url, Night({"shop": LAMP, "other": {}}, 1, status={"other": "failed"}))
    write(url, Night({"shop": LAMP}, 2))
    assert products_in(url)["other:2"]["removed_at"] is None
    assert products_in(url)["other:2"]["last_seen"] == "2026-11-01T02:00:00Z"


def test_writing_a_run_again_changes_nothing(url: str) -> None:
    """A run that is stored twice, as after a crash, has the same rows."""
    write(url, Night({"shop": LAMP | TABLE}, 0))
    night = Night({"shop": {"1": Offer(price="1.00")}}, 1)
    write(url, night)
    before = products_in(url), prices_in(url), fetch(url, "SELECT * FROM runs"), fetch(url, "SELECT * FROM sources")
    again = write(url, night)
    assert (again.new, again.repriced, again.removed) == (0, 0, 0)
    after = products_in(url), prices_in(url), fetch(url, "SELECT * FROM runs"), fetch(url, "SELECT * FROM sources")
    assert after == before


def test_texts_and_further_fields_are_stored_as_they_are(url: str) -> None:
    """All characters of titles and `extra` come back; NUL, which PostgreSQL cannot store, is replaced."""
    title = "Tab\tLine\nBack\\slash 'quote' \"double\" 灯 \\u0000 end"
    extra = {"gtin": "00012345", "nul": "a\0b", "deep": [1.50, {"x": None}]}
    write(url, Night({"shop": {"1": Offer(title, extra=extra), "2": Offer("a\0b")}}))
    (row,) = fetch(url, "SELECT title, extra ->> 'gtin', extra ->> 'deep' FROM products WHERE id = 'shop:1'")
    assert row[:2] == (title, "00012345")
    assert str(row[2]).replace(" ", "") in ('[1.5,{"x":null}]', '[1.50,{"x":null}]')
    assert fetch(url, "SELECT title FROM products WHERE id = 'shop:2'") == [("a�b",)]


def test_a_number_of_products_that_is_wrong_is_an_error(url: str) -> None:
    """If the catalogue has other products than its total, nothing is stored."""

    class Cut(Night):
        def lines(self):  # type: ignore[no-untyped-def]
            return iter(list(super().lines())[:1])

    write(url, Night({"shop": LAMP}, 0))
    with pytest.raises(StoreError, match="2 products were expected, and 1 found"):
        write(url, Cut({"shop": LAMP | TABLE}, 1))
    assert list(products_in(url)) == ["shop:1"]


def test_readers_see_the_last_run_until_this_one_is_committed(url: str) -> None:
    """During the transaction, another connection reads what was there before it, without waiting."""
    write(url, Night({"shop": LAMP | TABLE}, 0))
    before = products_in(url)
    seen = []
    night = Night({"shop": {"1": Offer(price="1.00")}}, 1)
    store(url).write(night.totals, night, lambda: seen.append(products_in(url)))
    assert len(seen) >= 3
    assert all(each == before for each in seen)
    assert products_in(url)["shop:1"]["price"] == Decimal("1.00")


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_run_that_is_ended_leaves_the_last_one(url: str, step: int) -> None:
    """If the run is cancelled at any step, the store is unchanged, and the run can be stored later."""

    def checkpoint() -> None:
        steps.append(1)
        if len(steps) == step:
            raise KeyboardInterrupt

    write(url, Night({"shop": LAMP | TABLE}, 0))
    before = products_in(url), prices_in(url)
    night = Night({"shop": {"1": Offer(price="1.00"), "3": Offer()}}, 1)
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        store(url).write(night.totals, night, checkpoint)
    assert (products_in(url), prices_in(url)) == before
    assert write(url, night).new == 1


def random_nights(seed: int, count: int = 12) -> list[Night]:
    """Return nights of two shops whose offers move, with failures, other definitions and rejects in between."""
    rng = random.Random(seed)
    truth: dict[str, dict[str, Offer]] = {"one": {}, "two": {}}
    nights = []
    for number in range(count):
        status, rejected, seen = {}, {}, {}
        definition = {name: rng.choice("aaaaab") for name in truth}
        for name, offers in truth.items():
            for identity in rng.sample(range(30), 8):
                offers.pop(str(identity), None)
            for identity in rng.sample(range(30), 12):
                offers[str(identity)] = Offer(
                    price=rng.choice(["1.00", "2.50", None]), currency=rng.choice(["EUR", "USD"])
                )
            status[name] = rng.choice(["complete", "complete", "partial", "failed"])
            lost = set(rng.sample(sorted(offers), len(offers) // 4)) if status[name] == "partial" else set()
            bad = set(rng.sample(sorted(offers), len(offers) // 5)) if rng.random() < 0.4 else set()
            rejected[name] = sorted(bad - lost)
            seen[name] = {} if status[name] == "failed" else {k: v for k, v in offers.items() if k not in lost | bad}
            if status[name] == "failed":
                rejected[name] = []
        nights.append(Night(seen, number, status, definition, rejected))
    return nights


@pytest.mark.parametrize("seed", range(5))
def test_random_nights_leave_the_history_of_a_model(url: str, seed: int) -> None:
    """After each of twelve nights, products and prices are those that the rules give, one by one."""
    model = Model()
    for night in random_nights(seed):
        model.write(night)
        write(url, night)
        assert products_in(url) == model.products, night.number
        assert sorted(prices_in(url), key=str) == sorted(model.prices, key=str), night.number
