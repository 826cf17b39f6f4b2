"""Decode XML: each element at a path is an object, with the names of its children as written."""

from collections.abc import Iterator, Mapping
from typing import Any
from xml.parsers.expat import XMLParserType
from xml.sax import SAXException

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from pipeline.errors import NoRecordsError, PermanentError, TruncatedFeedError
from pipeline.fetch.feed.decoder import MOST_PER_RECORD, FeedDecoder, FeedOptions, TextDecoder

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
        # expat itself reads the byte order mark and the declaration, unless ``encoding`` overrules them.
        self._text = TextDecoder(options.encoding) if options.encoding else None
        self._tree = _Tree(options.items)
        self._parser = _Parser(self._tree)

    def feed(self, chunk: bytes) -> Iterator[msgspec.Raw]:
        """Yield the elements that the chunk completes."""
        try:
            self._parse(self._text.decode(chunk) if self._text else chunk)
        finally:  # the records before an error are good
            yield from self._tree.take()

    def finish(self) -> Iterator[msgspec.Raw]:
        """Yield the last elements; check that the root element is closed."""
        if self._text:
            self._parse(self._text.decode(b"", final=True))
            yield from self._tree.take()
        try:
            self._parse(None)  # first, as expat may have put off what it has (from 2.6 on)
        except PermanentError:
            if self._tree.is_closed:
                raise
        finally:
            yield from self._tree.take()
        if not self._tree.is_closed:
            raise TruncatedFeedError("the feed is cut off: its elements are not closed")
        if not self._tree.found:
            raise NoRecordsError(self._tree.remedy())

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
        except (LookupError, ValueError) as error:  # expat supports Unicode and encodings of one byte a character
            raise PermanentError(f"the declared encoding is not supported: {error}; set `encoding`") from None


class _Tree:
    """A builder of the records, and of nothing else once their path is known."""

    def __init__(self, items: str | None) -> None:
        self.found = False
        self.is_closed = False
        self._wanted = items
        self._record_depth = len(items.split(".")) if items else 0
        self._path: list[str] = []
        # The children and the text of each element that is open, from the record (or the root, while it is unknown) on.
        self._open: list[dict[str, Any]] = []
        self._texts: list[str] = []
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

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        path = self._path
        path.append(name)
        if len(path) > _MOST_DEPTH:
            raise PermanentError(f"the feed is nested deeper than {_MOST_DEPTH} elements; check `format`")
        if len(self._paths) < _SHOWN_PATHS:
            self._paths[".".join(path)] = None
        if self._wanted is None and len(path) in _DEPTHS and name.rpartition(":")[2].lower() in _USUAL_NAMES:
            self._decide()
        if not self._open:
            if self._wanted is not None and not self._is_record():
                return
            self._size = 0
        self._texts.append("")
        if attributes:
            self._open.append({f"@{key}": value for key, value in attributes.items()})
            self._count(sum(map(len, attributes.values())))
        else:
            self._open.append({})
        self._count(len(name))

    def text(self, content: str) -> None:
        if self._texts:
            self._texts[-1] += content
            self._count(len(content))

    def end(self, name: str) -> None:
        if self._open:  # its last is this element
            children, text = self._open.pop(), self._texts.pop().strip()
            value: Any = children or text
            if children and text:
                children["#text"] = text
            if self._open:
                self._add(name, value)
            elif self._wanted is not None:
                self._emit(value)
        self._path.pop()
        self.is_closed = not self._path

    def _is_record(self) -> bool:
        return len(self._path) == self._record_depth and ".".join(self._path) == self._wanted

    def _decide(self) -> None:
        """Take the path of the current element as that of the records; what is open above it is of no interest."""
        self._wanted, self._record_depth = ".".join(self._path), len(self._path)
        self._open.clear()
        self._texts.clear()

    def _add(self, name: str, value: Any) -> None:
        parent = self._open[-1]
        if name not in parent:
            parent[name] = value
            return
        first = parent[name]
        if self._wanted is None and len(self._path) in _DEPTHS and _has_children(first) and _has_children(value):
            self._decide()
            self._emit(first)
            self._emit(value)
        elif isinstance(first, list):
            first.append(value)
        else:
            parent[name] = [first, value]

    def _emit(self, value: Any) -> None:
        self.found = True
        self._records.append(msgspec.Raw(_encode(value if isinstance(value, dict) else {"#text": value})))

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST_PER_RECORD:
            where = "the beginning of the feed" if self._wanted is None else "a record"
            raise PermanentError(f"{where} has more than {MOST_PER_RECORD:,} characters; set `items` to the records")


class _Parser(DefusedExpatParser):
    """A parser that calls the tree from expat: the objects that SAX makes for each element take half of the time."""

    def __init__(self, tree: _Tree) -> None:
        super().__init__(forbid_dtd=False, forbid_entities=True, forbid_external=True)
        self._tree = tree

    def reset(self) -> None:
        super().reset()
        expat: XMLParserType = self._parser  # type: ignore[attr-defined]  # an attribute that its types lack
        expat.StartElementHandler = self._tree.start
        expat.EndElementHandler = self._tree.end
        expat.CharacterDataHandler = self._tree.text


def _has_children(value: Any) -> bool:
    """True for an element with child elements; those with attributes alone may be categories or currencies."""
    return isinstance(value, dict) and any(not key.startswith(("@", "#")) for key in value)
