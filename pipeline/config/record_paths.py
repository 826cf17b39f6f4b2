"""Paths to values in a record: dotted names, and JMESPath for everything else."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

Getter = Callable[[Any], Any]

_NAME = r'(?:[A-Za-z_][A-Za-z0-9_]*|"[^"\\|]+")'
_FALLBACKS = re.compile(rf"\s*{_NAME}(\.{_NAME})*(\s*\|\|\s*{_NAME}(\.{_NAME})*)+\s*")
_KEY = re.compile(r'"([^"]+)"|([^\s".|]+)')
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


# Brackets and pipes of JMESPath, and the quoted parts whose content is none of them.
_BRACKETS = re.compile(r""" "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | `[^`]*` | \|\| | \| | [()\[\]{}] """, re.VERBOSE)

# The prefix of a path in the whole body of the response, instead of a record.
IN_BODY = "$body."

# A name or a number in brackets, which is the index of an element in a list.
Step = str | int

_NAMES = r"({name}|\[\d{{1,9}}\])(\[\d{{1,9}}\])*(\.{name}(\[\d{{1,9}}\])*)*"
_PLAIN = re.compile(_NAMES.format(name=r"[^.\s|\[\]()]+"))
_ANY_NAMES = re.compile(_NAMES.format(name=r"[^.\[\]]+"))
_STEP = re.compile(r"\[(\d+)\]|([^.\[]+)")


def is_dotted(path: str) -> bool:
    """True if a path consists of names separated by dots, with or without indices: ``pages[0].next``."""
    return _PLAIN.fullmatch(path) is not None


def steps_of(path: str) -> tuple[Step, ...]:
    """Return the steps of a dotted path: its names, and its indices as numbers.

    Raises:
        ValueError: if the path is not dotted.
    """
    if not _ANY_NAMES.fullmatch(path):
        raise ValueError(f"{path!r} is not a dotted path")
    return tuple(int(index) if index else name for index, name in _STEP.findall(path))


def items_error(path: str) -> str | None:
    """Return what is wrong with the path of a list of records, None if it is valid."""
    if not path or _ANY_NAMES.fullmatch(path):
        return None
    return f"{path!r} is not a dotted path (examples: data.products, result[0].items, products.*)"


def path_error(path: str) -> str | None:
    """Return what is wrong with a path, None if it is valid."""
    if path.startswith(IN_BODY):
        rest = path.removeprefix(IN_BODY)
        return None if is_dotted(rest) else f"{path!r} is not a dotted path after `{IN_BODY}`"
    try:
        jmespath.compile(path)
    except RecursionError:
        return "is nested too deeply; write it flatter"
    except JMESPathError as error:
        return f"{path!r} is not a valid JMESPath (see jmespath.org): {' '.join(str(error).split())}"
    return None


def compile_path(path: str) -> Getter:
    """Return a function that looks up ``path`` in a decoded record and returns None if there is no value.

    A dotted path is followed name by name. The value at a path in the whole body, ``$body.shop.currency``, is expected
    in the record, under that path. Any other path is a JMESPath expression (jmespath.org), which supports
    fallbacks (``a || b``), filters (``tags[?lang=='en'] | [0]``) and functions::

        compile_path("price.net")({"price": {"net": 5}})  # 5
    """
    if path.startswith(IN_BODY):
        return lambda record: record.get(path) if isinstance(record, dict) else None
    if _DOTTED.fullmatch(path):
        return _dotted(path.split("."))
    if _FALLBACKS.fullmatch(path):  # as JMESPath does it, in a fraction of the time
        return _fallbacks([_dotted([a or b for a, b in _KEY.findall(part)]) for part in path.split("||")])
    search = jmespath.compile(path).search

    def evaluate(record: Any) -> Any:
        try:
            return search(record)
        except (JMESPathError, TypeError, ValueError, ArithmeticError):  # a function got a value that it does not take
            return None

    return evaluate


def alternatives(path: str) -> Sequence[str]:
    """Return the parts of a path between its outermost ``||``; it is one part if it has pipes, which bind less.

    ::

        alternatives("sale || prices[?a || b] || price")  # ["sale", "prices[?a || b]", "price"]
    """
    parts, depth, start = [], 0, 0
    for found in _BRACKETS.finditer(path):
        match found[0]:
            case "(" | "[" | "{":
                depth += 1
            case ")" | "]" | "}":
                depth -= 1
            case "||" if depth == 0:
                parts.append(path[start : found.start()].strip())
                start = found.end()
            case "|" if depth == 0:
                return [path]
    return [*parts, path[start:].strip()]


def first_names(path: str) -> frozenset[str] | None:
    """Return the members of a record that a path begins with; None if it may read any of them.

    ::

        first_names("price.net || costs[?sold] | [0].cost")  # {"price", "costs"}
    """
    return frozenset() if path.startswith(IN_BODY) else _names_at_the_record(jmespath.compile(path).parsed)


def _names_at_the_record(node: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the names that a node of JMESPath's syntax tree looks up in the value to which it is applied."""
    match node["type"]:
        case "field":
            return frozenset({node["value"]})
        case "current" | "identity":
            return None
        case "literal" | "expref" | "index" | "slice":  # a function applies an expression to elements
            return frozenset()
        case "or_expression" | "and_expression" | "not_expression" | "comparator" | "function_expression":
            applied = node["children"]
        case "multi_select_list" | "multi_select_dict" | "key_val_pair":
            applied = node["children"]
        case _:  # the others apply what follows to the result of the first
            applied = node["children"][:1]
    each = [_names_at_the_record(child) for child in applied]
    return None if None in each else frozenset().union(*filter(None, each))


def template_error(template: str) -> str | None:
    """Return what is wrong with a template or path, None if it is valid."""
    return next(filter(None, map(path_error, template_paths(template))), None)


def template_paths(template: str) -> Sequence[str]:
    """Return the paths in braces of a template; a template without braces is a path."""
    return _PLACEHOLDER.findall(template) or [template]


def compile_template(template: str) -> Getter:
    """Return a function that fills the paths in braces of a template such as ``{id}:{variant.id}``.

    It returns None if one of the values is missing, or is neither text nor a whole number. A template without braces
    is a path.
    """
    if not _PLACEHOLDER.search(template):
        return compile_path(template)
    texts = _PLACEHOLDER.split(template)
    literals, finders = texts[::2], [compile_path(path) for path in texts[1::2]]

    def fill(record: Any) -> str | None:
        values = [find(record) for find in finders]
        if any(isinstance(value, bool) or not isinstance(value, str | int) or value == "" for value in values):
            return None
        return literals[0] + "".join(f"{value}{text}" for value, text in zip(values, literals[1:], strict=True))

    return fill


_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def _fallbacks(getters: Sequence[Getter]) -> Getter:
    def first(record: Any) -> Any:
        value = None
        for get in getters:
            value = get(record)
            if value or (value is not None and value is not False and value not in ("", [], {})):
                return value
        return value

    return first


def _dotted(names: list[str]) -> Getter:
    if len(names) == 1:
        (name,) = names
        return lambda record: record.get(name) if isinstance(record, dict) else None

    def follow(record: Any) -> Any:
        for name in names:
            if not isinstance(record, dict):
                return None
            record = record.get(name)
        return record

    return follow
