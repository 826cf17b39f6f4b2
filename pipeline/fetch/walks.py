"""Begins the walk that a paging style asks for."""

from pipeline.description import Paging
from pipeline.fetch.chained import ChainedWalk, without_gaps
from pipeline.fetch.numbered import NumberedWalk
from pipeline.fetch.paging import Identify, Walk
from pipeline.fetch.styles import CHAINED, NUMBERED
from pipeline.model import NOTHING_YET, Progress


def begin_walk(how: Paging, identify: Identify, resumed: Progress = NOTHING_YET) -> Walk:
    """The walk of an endpoint that is paged so, from where an earlier run came to."""
    walk: Walk
    if how.style in NUMBERED:
        found = resumed.findings.page_size if resumed.findings else None
        walk = NumberedWalk(NUMBERED[how.style](how), identify, resumed=resumed, size=found or how.size or 0)
    else:
        walk = ChainedWalk(CHAINED[how.style](how), identify, resumed=resumed)
    if resumed.findings and resumed.findings.announced.pages is not None:
        walk.announced(resumed.findings.announced.pages)
    return walk


def usable(progress: Progress, how: Paging) -> Progress:
    """What of an earlier run's progress a walk of this style can go on from."""
    return progress if how.style in NUMBERED else without_gaps(progress)
