"""The comparison of two catalogues: which changes are reported, and what stays unknown."""

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import ConfigError
from pipeline.model.changes import Changes
from pipeline.output.changes import Comparison
from pipeline.output.snapshots import SummarySnapshot


def product(identity: object, price: object = 5, **changes: Any) -> dict[str, Any]:
    facts = {
        "id": f"shop:{identity}",
        "title": f"Lamp {identity}",
        "source": "shop",
        "price": price,
        "currency": "EUR",
        "category": "light",
        "processed_at": "2026-11-26T03:00:00Z",
    }
    return {**facts, **changes}


def written(
    path: Path, products: list[dict[str, Any]], *, rejects: list[dict[str, Any]] | None = None, **facts: Any
) -> Path:
    """Write a summary of one source, as a run would, and its dead letters."""
    source = {"name": "shop", "status": "complete", "products": len(products), "rejected": len(rejects or [])}
    lines = ",\n".join(json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in products)
    sources = json.dumps({**source, "definition": "d", **facts})
    path.write_text(
        f'{{"summary": {{}},\n"sources": [\n{sources}],\n"products": [\n{lines}],\n"errors": []}}\n'
        if products
        else f'{{"summary": {{}},\n"sources": [\n{sources}],\n"products": [],\n"errors": []}}\n'
    )
    if rejects is not None:
        letters = (
            {"source": "shop", "page": 1, "position": 1, "field": "$", "reason": "x", "rejected_at": "", **each}
            for each in rejects
        )
        path.with_name(f"{path.stem}.rejects.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in letters))
    return path


def compared(old: Path, new: Path) -> tuple[Changes, list[dict[str, Any]]]:
    """Return the changes, and the lines about products."""
    with (
        closing(SummarySnapshot(old)) as before,
        closing(SummarySnapshot(new)) as now,
        Comparison(before, now) as found,
    ):
        lines = [json.loads(line, parse_float=Decimal) for line in found.lines()]
        sources, changes = lines[: len(found.changes.sources)], lines[len(found.changes.sources) :]
        assert [each["source"] for each in sources] == [each.source for each in found.changes.sources]
        return found.changes, changes


def test_each_kind_of_change_has_a_line(tmp_path: Path) -> None:
    """Prices, currencies, titles, categories, further fields, and products that come and go are reported exactly."""
    old = [
        product(1, 10.0),
        product(2, title="Old"),
        product(3, category="old"),
        product(4, currency="USD"),
        product(5, None),
        product(6, 5, extra={"stock": 3, "url": "/6"}),
        product(7),
        product(8, 0),
        product(9),
    ]
    new = [
        product(10, 1.5),
        product(1, 9.5, processed_at="2026-11-27T03:00:00Z"),
        product(2, title="New"),
        product(3, category="new"),
        product(4, 6, currency="EUR"),
        product(5, 4.25),
        product(6, 5, extra={"stock": 4, "url": "/6"}),
        product(8, 2),
        product(9, processed_at="2026-11-27T03:00:00Z"),
    ]
    changes, lines = compared(written(tmp_path / "a.json", old), written(tmp_path / "b.json", new))
    facts = {"currency": "EUR", "category": "light"}
    assert lines == [
        {
            "id": "shop:10",
            "change": "added",
            "old": None,
            "new": {"title": "Lamp 10", "price": Decimal("1.5"), **facts},
        },
        {
            "id": "shop:1",
            "change": "price",
            "old": Decimal("10.0"),
            "new": Decimal("9.5"),
            "currency": "EUR",
            "delta": Decimal("-0.5"),
            "percent": Decimal("-5.00"),
        },
        {"id": "shop:2", "change": "title", "old": "Old", "new": "New"},
        {"id": "shop:3", "change": "category", "old": "old", "new": "new"},
        {"id": "shop:4", "change": "currency", "old": "USD", "new": "EUR"},
        {"id": "shop:5", "change": "price", "old": None, "new": Decimal("4.25"), "currency": "EUR"},
        {"id": "shop:6", "change": "stock", "old": 3, "new": 4},
        {
            "id": "shop:8",
            "change": "price",
            "old": 0,
            "new": 2,
            "currency": "EUR",
            "delta": 2,
            "percent": None,
        },
        {"id": "shop:7", "change": "removed", "old": {"title": "Lamp 7", "price": 5, **facts}, "new": None},
    ]
    (source,) = changes.sources
    assert (source.comparable, source.why, source.added, source.removed, source.changed) == (True, None, 1, 1, 7)
    moves = changes.moves["shop"]
    assert (moves.up, moves.down, moves.median) == (0, 1, Decimal("-5.00"))
    assert [move.id for move in moves.biggest] == ["shop:1"]


@pytest.mark.parametrize(
    ("old", "new", "counts", "why"),
    [
        ({}, {}, (1, 1, 0), None),
        ({"status": "partial"}, {}, (None, 1, 0), "the old source is partial, so what is added is unknown"),
        ({}, {"status": "partial"}, (1, None, 0), "the new source is partial, so what is removed is unknown"),
        ({"definition": "other"}, {}, (None, None, None), "its definition has changed since"),
        ({"status": "failed"}, {}, (None, None, None), "it failed in the old run"),
        ({}, {"status": "failed"}, (None, None, None), "it failed in the new run"),
        ({"name": "other"}, {}, (None, None, None), "it is not in the old catalogue"),
    ],
)
def test_what_cannot_be_known_is_not_counted(
    old: dict[str, Any], new: dict[str, Any], counts: tuple[int | None, ...], why: str | None, tmp_path: Path
) -> None:
    """A partial source leaves open what is removed or added; another definition or a failure leaves all open."""
    before = written(tmp_path / "a.json", [product(1), product(2)], **old)
    now = written(tmp_path / "b.json", [product(1), product(3)], **new)
    changes, _ = compared(before, now)
    shop = next(each for each in changes.sources if each.source == "shop")
    assert ((shop.added, shop.removed, shop.changed), shop.why) == (counts, why)
    assert shop.comparable == (counts != (None, None, None))


@pytest.mark.parametrize(
    ("reject", "removed", "why"),
    [
        ({"field": "id", "record": {"title": "Lamp"}}, None, "a rejected record has no id"),
        ({"text": "{broken"}, None, "a rejected record has no id"),
        ({"record": {}}, None, "a rejected record has no id"),
        ({"record": {"id": 2}}, 1, None),
        ({"record": {"data": {"key": "2"}}}, 1, None),
        ({"record": {"id": 9}}, 2, None),
    ],
)
def test_a_reject_may_be_what_is_missing(
    reject: dict[str, Any], removed: int | None, why: str | None, tmp_path: Path
) -> None:
    """A product is not removed if its record was rejected; without an id, any may be the one."""
    before = written(tmp_path / "a.json", [product(1), product(2), product(3)])
    now = written(tmp_path / "b.json", [product(1)], rejects=[reject])
    (source,) = compared(before, now)[0].sources
    assert source.removed == removed
    assert (why is None and source.why is None) or why in (source.why or "")


def test_rejects_that_cannot_be_read_leave_open_what_is_removed(tmp_path: Path) -> None:
    """Without the file of the dead letters, nothing is called removed."""
    before = written(tmp_path / "a.json", [product(1), product(2)])
    now = written(tmp_path / "b.json", [product(1)], rejected=1)
    (source,) = compared(before, now)[0].sources
    assert (source.removed, "the rejected records cannot be read" in (source.why or "")) == (None, True)


def test_ids_and_titles_of_any_characters_are_compared(tmp_path: Path) -> None:
    """Quotes, colons, braces and what looks like a key within an id or a title do not matter."""
    odd = ['a"b', 'x","title":"y', ',"processed_at":"', "ü:ber", "{}]", "a:b:c", "back\\slash"]
    old = [product(each, title=each) for each in odd]
    new = [product(each, title=f"{each}!") for each in odd]
    changes, lines = compared(written(tmp_path / "a.json", old), written(tmp_path / "b.json", new))
    assert [(line["id"].partition(":")[2], line["old"], line["new"]) for line in lines] == [
        (each, each, f"{each}!") for each in odd
    ]
    assert changes.sources[0].changed == len(odd)


@pytest.mark.parametrize("text", ["", "[]", '{"summary": {}}', "nonsense"])
def test_a_file_that_is_not_a_summary_is_an_error(text: str, tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=r"a\.json: is not a readable summary"):
        SummarySnapshot(tmp_path / "a.json")
