"""Decode XML: each element at a path is an object, with the names of its children as written."""

from collections.abc import Iterator
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from pipeline.errors import NoRecordsError, PermanentError, TruncatedFeedError
from pipeline.fetch.feed.decoder import MOST_PER_RECORD, FeedDecoder, FeedOptions

_MOST_DEPTH = 64

# Without a path, the records are looked for at these depths, the root being 1. An element of these names is a record;
# else the first element with children that repeats its sibling is.
_DEPTHS = range(2, 5)
_USUAL_NAMES = frozenset({"item", "entry", "product", "offer"})

# The paths that an error names.
_SHOWN_PATHS = 8

_encode = msgspec.json.Encoder().encode


class XmlDecoder(FeedDecoder):
    """A decoder of the elements at ``items``, a dotted path that begins with the root element.

    Names are as written, with their prefixes. Attributes are ``@name``, text beside children or attributes is
    ``#text``, and repeated children are a list. An element with text alone is that text.

    A DTD with entities, and references to external ones, are errors, and so is XML that is nested too deeply.
    """

    def __init__(self, options: FeedOptions) -> None:
        self._encoding = options.encoding
        self._tree = _Tree(options.items)
        self._parser = DefusedExpatParser(forbid_dtd=False, forbid_entities=True, forbid_external=True)
        self._parser.setContentHandler(self._tree)
        self._has_ended = False

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the elements that the chunk completes."""
        self._parse(chunk.decode(self._encoding, "replace") if self._encoding else chunk)
        yield from self._tree.take()

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield nothing more; check that the root element is closed."""
        if not self._tree.is_closed:
            raise TruncatedFeedError("the feed is cut off: its elements are not closed")
        self._parse(None)
        if not self._tree.found:
            raise NoRecordsError(self._tree.remedy())
        yield from self._tree.take()

    def _parse(self, data: str | bytes | None) -> None:
        try:
            if data is None:
                self._parser.close()
            else:
                self._parser.feed(data)
        except DefusedXmlException as error:
            raise PermanentError(f"the feed has a forbidden declaration: {type(error).__name__}") from None
        except SAXException as error:
            raise PermanentError(f"the feed is not well-formed XML: {error}; check `format` and `encoding`") from None


class _Tree(ContentHandler):
    """A handler that builds the records, and nothing else once their path is known."""

    def __init__(self, items: str | None) -> None:
        super().__init__()
        self.found = False
        self.is_closed = False
        self._wanted = items
        self._path: list[str] = []
        self._open: list[dict[str, Any]] = []
        self._texts: list[list[str]] = []
        self._record_depth = len(items.split(".")) if items else 0
        self._size = 0
        self._paths: dict[str, None] = {}
        self._records: list[msgspec.Raw] = []

    def take(self) -> list[msgspec.Raw]:
        taken, self._records = self._records, []
        return taken

    def remedy(self) -> str:
        seen = ", ".join(list(self._paths)[:_SHOWN_PATHS])
        wrong = f"`items: {self._wanted}` is not in the feed" if self._wanted else "no element of the feed repeats"
        return f"{wrong}, which has {seen}; set `items` to the path of the records"

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - the name in SAX
        self._path.append(name)
        depth = len(self._path)
        if depth > _MOST_DEPTH:
            raise PermanentError(f"the feed is nested deeper than {_MOST_DEPTH} elements; check `format`")
        if len(self._paths) < _SHOWN_PATHS:
            self._paths[".".join(self._path)] = None
        if self._wanted is None and depth in _DEPTHS and name.rpartition(":")[2].lower() in _USUAL_NAMES:
            self._decide()
        if self._is_within():
            if depth == self._record_depth:
                self._size = 0
            self._open.append({f"@{key}": value for key, value in attrs.items()})
            self._texts.append([])
            self._count(len(name) + sum(map(len, attrs.values())))

    def characters(self, content: str) -> None:
        if self._texts:
            self._texts[-1].append(content)
            self._count(len(content))

    def endElement(self, name: str) -> None:  # noqa: N802 - the name in SAX
        depth = len(self._path)
        if self._is_within():
            value = _value(self._open.pop(), "".join(self._texts.pop()))
            if depth == self._record_depth:
                self._emit(value)
            elif self._open:
                self._add(name, value, depth)
        self._path.pop()
        self.is_closed = not self._path

    def _is_within(self) -> bool:
        """True if the current element is part of a record, or may be while the path is unknown."""
        depth = len(self._path)
        if self._wanted is None:
            return True
        if depth < self._record_depth:
            return False
        return ".".join(self._path[: self._record_depth]) == self._wanted

    def _decide(self) -> None:
        """Take the path of the current element as that of the records; what is open above it is of no interest."""
        self._wanted, self._record_depth = ".".join(self._path), len(self._path)
        self._open.clear()
        self._texts.clear()

    def _add(self, name: str, value: Any, depth: int) -> None:
        parent = self._open[-1]
        if name not in parent:
            parent[name] = value
        elif self._wanted is None and depth in _DEPTHS and isinstance(value, dict) and isinstance(parent[name], dict):
            first = parent[name]
            self._decide()
            self._emit(first)
            self._emit(value)
        elif isinstance(parent[name], list):
            parent[name].append(value)
        else:
            parent[name] = [parent[name], value]

    def _emit(self, value: Any) -> None:
        self.found = True
        self._records.append(msgspec.Raw(_encode(value if isinstance(value, dict) else {"#text": value})))

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_PER_RECORD:
            where = "the beginning of the feed" if self._wanted is None else "a record"
            raise PermanentError(f"{where} has more than {MOST_PER_RECORD:,} characters; set `items` to the records")


def _value(children: dict[str, Any], text: str) -> Any:
    text = text.strip()
    if not children:
        return text
    return {**children, "#text": text} if text else children
