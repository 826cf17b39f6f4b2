"""Select the paginator of an endpoint."""

from functools import partial

from pipeline.config.request import NO_REQUEST, Request
from pipeline.config.source import Paging, PagingStyle
from pipeline.fetch.paging.auto import AutoPaginator
from pipeline.fetch.paging.chained import ChainedPaginator, without_gaps
from pipeline.fetch.paging.loop_detector import Identify, LoopDetector
from pipeline.fetch.paging.numbered import NumberedPaginator
from pipeline.fetch.paging.paginator import Paginator
from pipeline.fetch.paging.styles import CHAINED, NUMBERED
from pipeline.model.pages import NOTHING_YET, Progress


def make_paginator(
    paging: Paging, identify: Identify, resumed: Progress = NOTHING_YET, *, request: Request = NO_REQUEST
) -> Paginator:
    """Return the paginator of a style, which continues after ``resumed``; ``request`` is that of the endpoint."""
    detector = LoopDetector(identify, resumed.fingerprints)
    if paging.style is PagingStyle.AUTO:
        make = partial(_make, detector=detector, identify=identify, as_written=True)
        return AutoPaginator(paging, detector, make, request=request)
    return _make(paging, detector=detector, identify=identify, resumed=resumed)


def usable(progress: Progress, paging: Paging) -> Progress:
    """Return the part of an earlier run's progress after which a paginator can continue.

    The style is that of the profile, else that of ``paging``. Without a known style nothing can be used: the walk
    begins again, with the URL as written.
    """
    if progress.profile and progress.profile.version:  # a feed, which is read from the start
        return progress
    paging = progress.profile.paging if progress.profile else paging
    if paging.style is PagingStyle.AUTO:
        return NOTHING_YET
    return progress if paging.style in NUMBERED else without_gaps(progress)


def _make(
    paging: Paging,
    *,
    detector: LoopDetector,
    identify: Identify,
    resumed: Progress = NOTHING_YET,
    as_written: bool = False,
) -> Paginator:
    if paging.style in NUMBERED:
        style = NUMBERED[paging.style](paging)
        return NumberedPaginator(style, paging, detector, resumed=resumed, as_written=as_written)
    return ChainedPaginator(CHAINED[paging.style](paging), paging, detector, identify, resumed=resumed)
