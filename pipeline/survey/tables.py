"""What `init` and `check` tell of the APIs that they looked at."""

from collections.abc import Iterator

from pipeline.description import PagingStyle
from pipeline.errors import FetchError
from pipeline.normalize.mapping import records_of
from pipeline.survey.first_page import FirstPage, Looked
from pipeline.survey.init import Drafted
from pipeline.survey.preview import products_table, rejections
from pipeline.ui.columns import columns, printable


def drafts_text(drafted: Drafted, *, most: int, width: int) -> str:
    """Of each API what it is, its first products, and what is not certain."""
    return "\n\n".join("\n".join(_about(drafted, index, most, width)) for index in range(len(drafted.drafts)))


def check_table(looked: Looked) -> str:
    """A line for each API: whether its first page came, how long that took, what is on it, and how it goes on."""
    rows = [("endpoint", "ok", "ms", "records", "paging", "")]
    for endpoint, outcome in looked:
        if isinstance(outcome, FetchError):
            rows.append((endpoint.name, "no", "-", "-", "-", printable(outcome.text)))
        else:
            hint = "" if outcome.records else "the first page is empty; is the url right?"
            milliseconds = f"{outcome.seconds * 1000:.0f}"
            rows.append((endpoint.name, "yes", milliseconds, str(len(outcome.records)), _style(outcome), hint))
    return columns(rows, numbers=(2, 3))


def _about(drafted: Drafted, index: int, most: int, width: int) -> Iterator[str]:
    draft = drafted.drafts[index]
    page = drafted.pages.get(draft.name)
    about = draft.comments.get("preset")
    recognised = f" · {draft.keys['preset']} ({about})" if about else ""
    count = f" · {len(page.records)} records" if page else ""
    yield f"{draft.name}{recognised}{count}"
    if page and page.records:
        endpoint = drafted.config.endpoints[index]
        records = records_of(endpoint.fields, endpoint.explode)
        yield products_table(page, records, most=most, width=width)
        for reason, times in rejections(page, records).items():
            yield f"rejected {times}: {printable(reason)}"
    if draft.doubts:
        yield "not certain:"
        yield from (f"  - {drafted.secrets.redact(printable(doubt))}" for doubt in draft.doubts)


def _style(page: FirstPage) -> str:
    how = page.paging
    configured = page.endpoint.paging.style is how.style
    if how.style is PagingStyle.AUTO:
        return "page numbers, as nothing says otherwise"
    return how.style.value if configured else f"{how.style.value} (found)"
