"""Product APIs in the shape of public ones, each strict about its own paging, with the truth about their products."""

from discovery.public_apis.marketplaces import MARKETPLACES
from discovery.public_apis.payments import PAYMENTS
from discovery.public_apis.platforms import PLATFORMS
from discovery.public_apis.regions import REGIONS
from discovery.public_apis.retailers import RETAILERS
from discovery.public_apis.search_engines import SEARCH_ENGINES
from discovery.public_apis.serving import PublicApi

PUBLIC_APIS: dict[str, PublicApi] = {
    api.name: api for api in (*PLATFORMS, *MARKETPLACES, *RETAILERS, *PAYMENTS, *SEARCH_ENGINES, *REGIONS)
}
