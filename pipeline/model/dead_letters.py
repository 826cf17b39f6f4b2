"""Dead letters: the rejected records in full, in a file beside the summary."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType

from pipeline.errors import ConfigError, Problem
from pipeline.model.pages import Page, Reject
from pipeline.redaction import Secrets

_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rejected record and the reason: one line of the file of dead letters.

    ``record`` is its JSON on one line. If it is not valid JSON, ``text`` has it as it came instead. ``shared`` has the
    values from the rest of the body that belong to it.
    """

    source: str
    page: int
    position: int
    field: str
    reason: str
    rejected_at: str
    record: msgspec.Raw | UnsetType = UNSET
    text: str = ""
    shared: Mapping[str, msgspec.Raw] = {}

    @classmethod
    def of(cls, page: Page, reject: Reject, rejected_at: str) -> Self:
        """Make the dead letter of a record of ``page``."""
        raw = page.records[reject.position - 1]
        record: msgspec.Raw | UnsetType = UNSET
        text = ""
        try:
            record = msgspec.Raw(msgspec.json.format(bytes(raw).decode(), indent=-1).encode())
        except _UNDECODABLE:
            text = bytes(raw).decode(errors="backslashreplace")
        return cls(
            source=page.source,
            page=page.number,
            position=reject.position,
            field=reject.field,
            reason=reject.reason,
            rejected_at=rejected_at,
            record=record,
            text=text,
            shared=dict(page.shared),
        )

    def redacted(self, secrets: Secrets) -> Self:
        """Return the letter without credentials that the API may have repeated in the record."""
        record = self.record if self.record is UNSET else msgspec.Raw(secrets.redact_json(bytes(self.record)))
        reason, text = secrets.redact(self.reason), secrets.redact(self.text)
        shared = {path: msgspec.Raw(secrets.redact_json(bytes(value))) for path, value in self.shared.items()}
        return msgspec.structs.replace(self, record=record, reason=reason, text=text, shared=shared)

    @property
    def raw(self) -> msgspec.Raw:
        """The record as it came, except for whitespace between tokens."""
        return msgspec.Raw(self.text.encode()) if self.record is UNSET else self.record

    def as_page(self) -> Page:
        """Return a page that has this record alone."""
        return Page(self.source, self.page, [self.raw], shared=self.shared)


encode_letter = msgspec.json.Encoder().encode
decode_letter = msgspec.json.Decoder(DeadLetter).decode


def rejects_file(output: Path) -> Path:
    """Return the path of the dead letters: ``out/rejects.jsonl`` for ``out/summary.json``, else with its name."""
    return output.with_name("rejects.jsonl" if output.stem == "summary" else f"{output.stem}.rejects.jsonl")


def read_dead_letters(path: Path) -> Iterator[DeadLetter]:
    """Yield the dead letters of a file in its order; none if the file does not exist.

    Raises:
        ConfigError: if the file cannot be read, or a line is not a valid dead letter.
    """
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _decode_line(line, f"{path}:{number}")
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), f"cannot be read: {error.strerror}; name the output of another run with -o")]
        ) from None


def _decode_line(line: bytes, place: str) -> DeadLetter:
    try:
        return decode_letter(line)
    except _UNDECODABLE as error:
        raise ConfigError(
            [Problem(place, f"is not a valid dead letter: {error}; correct or remove the line")]
        ) from None
