"""The section ``expect``: the least that the data of a source must have to count as complete."""

from typing import Annotated

from msgspec import Meta

from pipeline.config.section import Section

Share = Annotated[float, Meta(ge=0, le=1)]


class Expect(Section, frozen=True):
    """Expectations of each source's data; a source that does not meet one is partial."""

    min_products: Annotated[int, Meta(ge=0, description="minimum number of products; 0: a source may be empty")] = 1
    max_rejected: Annotated[Share, Meta(description="maximum share of the records that are rejected")] = 0.5
    min_priced: Annotated[
        Share, Meta(description="minimum share of the products that have a price; 0: prices are not needed")
    ] = 0.01
    max_drop: Annotated[
        Share | None,
        Meta(
            description="maximum share by which products may be fewer than in the last complete run",
            examples=[0.2],
        ),
    ] = None
