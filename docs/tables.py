"""The tables about the program, generated from its own definitions."""

import inspect
import re
from collections.abc import Container, Sequence

import msgspec

from docs.files import FILES
from docs.markdown import code, codes, context_of, described_flags, table
from pipeline.cli import main
from pipeline.cli.exit_codes import ExitCode
from pipeline.config.auth import Auth
from pipeline.config.endpoint import Endpoint
from pipeline.config.presets import load_preset, preset_names
from pipeline.config.section import Key, Section, keys_of
from pipeline.config.settings import Config
from pipeline.config.source import Fields, Paging, PagingStyle, Price
from pipeline.discovery.checked import CheckedEndpoint
from pipeline.discovery.forecast import Forecast, RunForecast
from pipeline.model.events import EVENTS, Event
from pipeline.model.metrics import SourceTime
from pipeline.model.pages import FeedVersion, Product
from pipeline.model.summary import Failure, Gap, Resumed, SourceReport, Totals, Unmet
from pipeline.model.tally import PriceRange
from pipeline.normalize.fields import CATEGORY_KEYS, CURRENCY_KEYS, ID_KEYS, PRICE_KEYS, TITLE_KEYS
from pipeline.output.prometheus import METRICS


def commands() -> str:
    """Return a table of all commands."""
    rows = []
    for name, command in main.commands.items():
        pieces = command.collect_usage_pieces(context_of(command, main))
        usage = " ".join([name, *(piece for piece in pieces if piece != "[OPTIONS]")])
        rows.append((code(usage), command.get_short_help_str(limit=200)))
    return table(("command", "does"), rows)


def flags() -> str:
    """Return a table of all flags, with the commands that take them."""
    takers: dict[tuple[str, str], list[str]] = {}
    for name, command in main.commands.items():
        for flag in described_flags(command, main):
            takers.setdefault(flag, []).append(name)
    rows = [
        (flag, "all" if len(names) == len(main.commands) else codes(names), text)
        for (flag, text), names in takers.items()
    ]
    return table(("flag", "of", ""), sorted(rows, key=lambda row: row[1] == "all"))


def exit_codes() -> str:
    """Return a table of all exit codes."""
    return table(("code", "means"), [(str(exit_code.value), exit_code.meaning) for exit_code in ExitCode])


def files() -> str:
    """Return a table of all files that a run writes."""
    return table(("file", "is", "stays"), [(code(file.path.as_posix()), file.meaning, file.stays) for file in FILES])


def events() -> str:
    """Return a table of the events of the log as JSON; fields that may be missing are in brackets."""
    rows = [("all", "", _fields_of(Event, frozenset()))]
    common = {field.name for field in msgspec.structs.fields(Event)}
    rows += [(code(name), _meaning(event), _fields_of(event, common)) for name, event in EVENTS.items()]
    return table(("`event`", "", "fields"), rows)


def _meaning(event: type[Event]) -> str:
    """Return the docstring of an event as a cell."""
    text = " ".join(inspect.cleandoc(event.__doc__ or "").split())
    return text.replace("``", "`").rstrip(".")


def _fields_of(event: type[Event], but: Container[str]) -> str:
    fields = [field for field in msgspec.structs.fields(event) if field.name not in but]
    return ", ".join(code(field.name) if field.required else f"[{code(field.name)}]" for field in fields)


def checked_endpoint() -> str:
    """Return the fields of an endpoint in the result of a check, and their meanings."""
    return _fields_and_meaning(CheckedEndpoint)


def estimate() -> str:
    """Return the fields of an estimate and those of its endpoints, and their meanings."""
    return f"{_fields_and_meaning(RunForecast)}\n\nEach of its `endpoints` has:\n\n{_fields_and_meaning(Forecast)}"


def _fields_and_meaning(struct: type[msgspec.Struct]) -> str:
    fields = [code(field.name) for field in msgspec.structs.fields(struct)]
    meaning = " ".join(inspect.cleandoc(struct.__doc__ or "").split()).replace("``", "`")
    return f"{', '.join(fields)}. {meaning}"


def summary() -> str:
    """Return a table of the objects of the summary and their keys."""
    objects: dict[str, type[msgspec.Struct]] = {
        "summary": Totals,
        "summary.resumed": Resumed,
        "sources[]": SourceReport,
        "sources[].gaps[]": Gap,
        "sources[].prices.*": PriceRange,
        "sources[].time": SourceTime,
        "sources[].unmet[]": Unmet,
        "sources[].feed": FeedVersion,
        "products[]": Product,
        "errors[]": Failure,
    }
    rows = [
        (code(name), codes(field.encode_name for field in msgspec.structs.fields(struct)))
        for name, struct in objects.items()
    ]
    return table(("object", "keys"), rows)


def metrics() -> str:
    """Return a table of the metrics of a run."""
    return table(("metric", "labels", ""), [(code(each.name), codes(each.labels), each.meaning) for each in METRICS])


def usual_fields() -> str:
    """Return a table of the names under which the fields of a product are looked up."""
    return table(
        ("product", "record"),
        [
            ("`id`", f"{codes(ID_KEYS)}: text or a whole number"),
            ("`title`", codes(TITLE_KEYS)),
            ("`price`", f"{codes(PRICE_KEYS)}: see [Prices](#prices)"),
            ("`currency`", f"the price's own, else {codes(CURRENCY_KEYS)}"),
            ("`category`", f"{codes(CATEGORY_KEYS)}: text, an object with a name, or a list"),
        ],
    )


def keys() -> str:
    """Return a table of all keys, except those of an endpoint's own sections, which are in docs/DESCRIBE.md."""
    common = [key for key in keys_of(Config) if not key.section]
    own = [key for key in keys_of(Endpoint, "endpoints.*.") if key.path.count(".") == 2]
    shared = [key for key in own if key.section and key.path.rpartition(".")[2] in Config.__struct_fields__]
    rows = [_row(key) for key in [*common, *own] if key not in shared]
    names = ", ".join([code(shared[0].path), *(code(f".{key.path.rpartition('.')[2]}") for key in shared[1:])])
    return table(("key", "default", ""), [*rows, (names, "", "as above, for this endpoint alone")])


def presets() -> str:
    """Return a table of all presets."""
    known = [load_preset(name) for name in preset_names()]
    rows = [(code(p.name), f"[{p.about}]({p.docs})", codes(sorted(p.auth.variables())), p.url_needs) for p in known]
    return table(("`preset`", "", "credentials from", "`url` needs"), rows)


def paging_keys() -> str:
    """Return a table of the keys of ``paging``, with the styles to which they belong."""
    rows = []
    for key in keys_of(Paging):
        styles = [style.value for style in PagingStyle if key.path in style.keys]
        rows.append((code(key.path), codes(styles) or "all", *_row(key)[1:]))
    return table(("key", "styles", "default", ""), rows)


def fields_keys() -> str:
    """Return a table of the keys of ``fields``, except those of the price."""
    return _section(Fields, but=("price",))


def price_keys() -> str:
    """Return a table of the keys of ``fields.price``."""
    return _section(Price)


def auth_keys() -> str:
    """Return a table of the keys of ``auth``."""
    return _section(Auth)


def _section(section: type[Section], but: Sequence[str] = ()) -> str:
    found = [key for key in keys_of(section) if key.takes_value and key.path.partition(".")[0] not in but]
    return table(("key", "default", ""), map(_row, found))


def _row(key: Key) -> Sequence[str]:
    return code(key.path), shown_default(key), linked(with_choices(key))


def shown_default(key: Key) -> str:
    """Return the default in YAML's notation, an empty text if there is none."""
    if isinstance(key.default, bool):
        return str(key.default).lower()
    if isinstance(key.default, float):
        return f"{key.default:g}"
    return str(key.default) if isinstance(key.default, (int, str)) else ""


def with_choices(key: Key) -> str:
    """Return the meaning, followed by those allowed words that it does not mention."""
    unsaid = [word for word in key.choices if code(word) not in key.meaning]
    return f"{key.meaning}: {codes(unsaid)}" if unsaid else key.meaning


def linked(meaning: str) -> str:
    """Return the meaning with each reference to a heading as a link."""

    def link(match: re.Match[str]) -> str:
        return f"[{match[1]}]({match[2]}#{match[1].lower().replace(' ', '-')})"

    return re.sub(r'"([^"]+)" in docs/(\w+\.md)', link, meaning)
