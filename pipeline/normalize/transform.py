"""Apply a user's function to raw records, before they are read."""

import traceback
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from pipeline.config.transform import Transform
from pipeline.model.pages import WHOLE_RECORD, Reject

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Prepared(msgspec.Struct, frozen=True):
    """The records to read, and the positions within their page of those from which they were made.

    ``rejects`` are the records for which a transform failed, ``dropped`` is the number of those that it left out.
    """

    records: Sequence[msgspec.Raw]
    positions: Sequence[int]
    rejects: Sequence[Reject] = ()
    dropped: int = 0


def apply_transform(transform: Transform, raws: Sequence[msgspec.Raw]) -> Prepared:
    """Call a transform with each record of a page. Its exceptions reject the record, whatever they are."""
    records: list[msgspec.Raw] = []
    positions: list[int] = []
    rejects: list[Reject] = []
    dropped = 0
    for position, raw in enumerate(raws, start=1):
        try:
            made = [msgspec.Raw(_encode(record)) for record in _call(transform, raw)]
        except _Dropped:
            dropped += 1
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the function is the user's
            rejects.append(Reject(position, WHOLE_RECORD, _reason(error, transform)))
        else:
            records += made
            positions += [position] * len(made)
    return Prepared(records, positions, rejects, dropped)


class _Dropped(Exception):  # noqa: N818 - not an error
    """The transform returned None."""


def _call(transform: Transform, raw: msgspec.Raw) -> Sequence[Any]:
    returned = transform.call(_decode(raw))
    if returned is None:
        raise _Dropped
    records = returned if isinstance(returned, list) else [returned]
    for record in records:
        if not isinstance(record, dict):
            raise TypeError(f"it returned {type(record).__name__}; expected a dict, a list of dicts, or None")
    return records


def _reason(error: BaseException, transform: Transform) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == transform.path]
    place = f" (line {frames[-1].lineno})" if frames else ""
    return f"transform {transform.name}: {type(error).__name__}: {error}{place}"
