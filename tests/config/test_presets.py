"""Presets: valid, complete, and overridden by the user's own keys."""

from pathlib import Path

import pytest
from helpers.configs import load, problems

from pipeline.config.auth import NO_CREDENTIALS
from pipeline.config.endpoint import Endpoint, RateLimit
from pipeline.config.presets import load_preset, preset_names
from pipeline.config.resolve import resolve
from pipeline.config.settings import Config
from pipeline.config.source import PagingStyle, PriceKind

NAMES = (
    *("awin", "bigcommerce", "commercetools", "dummyjson", "ebay_browse", "ebay_feed", "fakestore"),
    *("google_merchant", "magento2", "magento2_graphql", "platzi", "saleor", "shopify_admin", "shopify_graphql"),
    *("shopify_storefront", "stripe_prices", "woocommerce_store", "woocommerce_v3"),
)

FEEDS = ("awin", "ebay_feed", "google_merchant")


def endpoint(tmp_path: Path, keys: str, common: str = "", url: str = "http://shop.test/x") -> Endpoint:
    text = f"{common}\nendpoints: [{{name: shop, url: '{url}', {keys}}}]"
    return load(tmp_path, text).endpoints[0]


def test_all_presets_are_there() -> None:
    """The presets are those that the documents list."""
    assert tuple(preset_names()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_preset_makes_an_endpoint_that_needs_no_more(tmp_path: Path, name: str) -> None:
    """Each preset defines paging, the path of the price, and the URL of the API's documentation."""
    preset = load_preset(name)
    made = endpoint(tmp_path, f"preset: {name}")
    assert (made.paging.style is not PagingStyle.AUTO) == (name not in FEEDS)
    assert made.fields.price.path
    assert preset.about
    assert preset.docs.startswith("https://")
    assert preset.recognise.record
    assert bool(preset.auth.variables()) == (preset.auth.sent_as() != "")


def test_a_url_without_a_path_gets_the_usual_one(tmp_path: Path) -> None:
    """A URL without a path gets the API's usual one; its own path and query are kept."""
    for url, used in (
        ("http://shop.test", "http://shop.test/products.json"),
        ("http://shop.test/?lang=en", "http://shop.test/products.json?lang=en"),
        ("http://shop.test/collections/all/products.json", "http://shop.test/collections/all/products.json"),
    ):
        assert endpoint(tmp_path, "preset: shopify_storefront", url=url).url == used


def test_the_users_own_keys_win(tmp_path: Path) -> None:
    """The user's own keys override the preset's, key by key within a section."""
    made = endpoint(
        tmp_path, "preset: woocommerce_store, paging: {size: 7}, fields: {title: slug, price: {quantize: 1}}"
    )
    assert (made.paging.style, made.paging.size, made.paging.size_parameter) == (PagingStyle.PAGE, 7, "per_page")
    assert (made.fields.title, made.fields.category) == ("slug", "categories")
    assert (made.fields.price.path, made.fields.price.quantize) == ("prices.price", 1)


def test_what_cannot_stand_together_is_replaced(tmp_path: Path) -> None:
    """Another paging style, kind of price, currency or shorthand drops the contradicting keys of the preset."""
    made = endpoint(
        tmp_path,
        "preset: woocommerce_store, paging: {style: cursor}, fields: {currency: {const: EUR}, price: {kind: text}}",
    )
    assert (made.paging.style, made.paging.size) == (PagingStyle.CURSOR, None)
    assert (made.fields.currency.const, made.fields.currency.path) == ("EUR", None)
    assert (made.fields.price.path, made.fields.price.kind, made.fields.price.exponent) == (
        "prices.price",
        PriceKind.TEXT,
        "iso4217",
    )
    made = endpoint(tmp_path, "preset: woocommerce_store, paging: none, fields: {price: cost}")
    assert (made.paging.style, made.paging.size) == (PagingStyle.NONE, None)
    assert (made.fields.price.path, made.fields.price.kind) == ("cost", PriceKind.AUTO)


def test_flags_and_environment_win_too(tmp_path: Path) -> None:
    """Flags and environment override the keys of a preset."""
    text = "endpoints: [{name: shop, url: 'http://shop.test/'}]"
    made = load(
        tmp_path,
        text,
        env={"PIPELINE_ENDPOINTS_SHOP_PAGING_SIZE": "9"},
        endpoints__shop__preset="dummyjson",
        endpoints__shop__fields__title="name",
    ).endpoints[0]
    assert (made.url, made.paging.size, made.fields.title) == ("http://shop.test/products", 9, "name")


@pytest.mark.parametrize(
    ("common", "keys", "expected"),
    [
        ("", "", RateLimit(rps=9, burst=10)),
        ("rate_limit: {rps: 1}", "", RateLimit(rps=1, burst=10)),
        ("rate_limit: {rps: 0, burst: 100}", "", RateLimit(rps=9, burst=10)),
        ("rate_limit: {burst: 3}", "", RateLimit(rps=9, burst=3)),
        ("rate_limit: {rps: 50, burst: 50}", "", RateLimit(rps=9, burst=10)),
        ("rate_limit: {rps: 1}", "rate_limit: {rps: 20}", RateLimit(rps=20, burst=10)),
    ],
)
def test_the_documented_rate_holds(tmp_path: Path, common: str, keys: str, expected: RateLimit) -> None:
    """A common rate limit lowers a preset's but never raises it; that of the endpoint overrides both."""
    assert endpoint(tmp_path, f"preset: dummyjson, {keys}", common).rate_limit == expected


def test_an_unknown_preset_is_an_error_beside_the_others(tmp_path: Path) -> None:
    """An unknown preset is an error with a suggestion, or with the list of all presets."""
    text = "endpoints: [{name: a, url: 'http://a.test/', preset: shopify_admn}, {name: b, url: x, preset: zzz}]"
    found = problems(tmp_path, text)
    assert "did you mean `shopify_admin`?" in found["endpoints.0.preset"]
    assert "there are: awin, bigcommerce" in found["endpoints.1.preset"]
    assert "endpoints.1.url" in found


def config(tmp_path: Path, keys: str) -> Config:
    return load(tmp_path, f"endpoints: [{{name: shop, url: 'http://shop.test/x', {keys}}}]")


def test_credentials_of_a_preset_come_from_its_variables(tmp_path: Path) -> None:
    """A preset's credentials are used if their variables are set; otherwise the missing variables are listed."""
    made = config(tmp_path, "preset: shopify_admin")
    (with_token,) = resolve(made, {"SHOPIFY_ACCESS_TOKEN": "shpat_1"})
    assert (with_token.credentials.headers, with_token.unset) == ({"X-Shopify-Access-Token": "shpat_1"}, ())
    (without,) = resolve(made, {})
    assert (without.credentials, without.unset) == (NO_CREDENTIALS, ["SHOPIFY_ACCESS_TOKEN"])


@pytest.mark.parametrize(
    "keys", ["preset: shopify_admin, headers: {x-shopify-access-token: mine}", "preset: shopify_admin, auth: {}"]
)
def test_credentials_of_ones_own_win(tmp_path: Path, keys: str) -> None:
    """A header or `auth` of the user replaces the preset's credentials, even if their variables are set."""
    (resolved,) = resolve(config(tmp_path, keys), {"SHOPIFY_ACCESS_TOKEN": "shpat_1"})
    assert (resolved.credentials, resolved.unset) == (NO_CREDENTIALS, ())


def test_half_of_the_credentials_is_an_error(tmp_path: Path) -> None:
    """Setting only some of the variables of a preset's credentials is an error."""
    text = "endpoints: [{name: shop, url: 'http://shop.test/x', preset: woocommerce_v3}]"
    found = problems(tmp_path, text, env={"WOOCOMMERCE_CONSUMER_KEY": "ck_1"})
    assert "WOOCOMMERCE_CONSUMER_SECRET is not set" in found["endpoints.0.auth.basic.password"]


def test_parts_of_a_presets_auth_can_be_changed(tmp_path: Path) -> None:
    """Single keys of a preset's `auth` can be changed; a relative token URL belongs to the endpoint's host."""
    env = {"EBAY_CLIENT_ID": "me", "EBAY_CLIENT_SECRET": "secret"}
    (made,) = resolve(config(tmp_path, "preset: ebay_browse"), env)
    assert made.credentials.oauth2
    assert made.credentials.oauth2.token_url == "http://shop.test/identity/v1/oauth2/token"
    keys = "preset: ebay_browse, auth: {oauth2: {token_url: 'http://login.test/t'}}"
    loaded = load(tmp_path, f"endpoints: [{{name: shop, url: 'http://shop.test/x', {keys}}}]", env=env)
    (made,) = resolve(loaded, env)
    assert made.credentials.oauth2
    assert (made.credentials.oauth2.token_url, made.credentials.oauth2.client_id) == ("http://login.test/t", "me")
