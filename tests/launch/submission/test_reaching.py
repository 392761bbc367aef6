"""Where the cluster is, and its token."""

import socket
from types import SimpleNamespace

import pytest

from launch.submission import ClusterError
from launch.submission.client import Client
from launch.submission.reaching import describe_way, find_address, find_proxy, use_token
from launch.submission.watch import ray_job
from tests.launch.submission.job_server import Proxy, served


@pytest.mark.parametrize(
    ("option", "variables", "found"),
    [
        ("http://head:8265/", {"RAY_API_SERVER_ADDRESS": "http://other:1"}, "http://head:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "https://jobs", "RAY_ADDRESS": "http://other:1"}, "https://jobs"),
        (None, {"RAY_ADDRESS": "http://head:8265"}, "http://head:8265"),
    ],
)
def test_the_address_is_the_options_or_the_environments(environment, option, variables, found):
    environment.update(variables)
    assert find_address(option) == found


@pytest.mark.parametrize(
    ("option", "variables", "words"),
    [
        ("head:8265", {}, "--address head:8265 is not a URL"),
        ("ray://head:10001", {}, "is not a URL"),
        (None, {"RAY_ADDRESS": "10.0.0.1:6379"}, "a GCS address cannot take jobs"),
        (None, {}, "pass --address URL or set RAY_API_SERVER_ADDRESS"),
    ],
)
def test_an_address_that_takes_no_jobs_is_refused(environment, option, variables, words):
    environment.update(variables)
    with pytest.raises(ValueError, match=words):
        find_address(option)


def test_the_token_is_found_where_ray_looks_for_it(environment, tmp_path):
    assert use_token() is None
    assert "RAY_AUTH_MODE" not in environment
    default = tmp_path / ".ray/auth_token"
    default.parent.mkdir()
    default.write_text("a\n")
    environment["RAY_AUTH_MODE"] = "disabled"
    assert use_token() is None
    del environment["RAY_AUTH_MODE"]
    assert use_token() == str(default)
    assert environment["RAY_AUTH_MODE"] == "token"
    (tmp_path / "named").write_text("b")
    environment["RAY_AUTH_TOKEN_PATH"] = str(tmp_path / "named")
    assert use_token() == str(tmp_path / "named")
    environment["RAY_AUTH_TOKEN"] = "c"
    assert use_token() == "RAY_AUTH_TOKEN"


@pytest.mark.parametrize("variables", [{"RAY_AUTH_MODE": "token"}, {"RAY_AUTH_TOKEN_PATH": "/does/not/exist"}])
def test_a_missing_token_is_named(environment, variables):
    environment.update(variables)
    with pytest.raises(ValueError, match="RAY_AUTH_TOKEN_PATH"):
        use_token()


PROXY = "http://proxy.example:3128"
PROXIES = {"http_proxy": PROXY, "https_proxy": PROXY}


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8265", "http://localhost:8265", "http://[::1]:8265", "http://127.9.9.9:1", "http://127.1:8265"],
)
def test_loopback_is_never_proxied(environment, address):
    environment.update(PROXIES)
    assert find_proxy(address) is None
    assert describe_way(address) == ""


def test_a_name_of_this_machine_is_loopback_too(environment, monkeypatch):
    environment.update(PROXIES)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(2, 1, 6, "", ("127.0.0.1", 0))])
    assert find_proxy("http://head:8265") is None


def test_a_proxy_elsewhere_is_said_and_its_password_is_not(environment):
    environment.update(dict.fromkeys(PROXIES, "http://me:swordfish" + "@proxy.example:3128"))
    said = describe_way("http://192.0.2.7:8265")
    assert "through the proxy http://***@proxy.example:3128, which can read the token" in said
    assert "NO_PROXY=192.0.2.7 goes around it" in said
    assert "which can read" not in describe_way("https://192.0.2.7:8265")
    environment["no_proxy"] = "192.0.2.7"
    assert describe_way("http://192.0.2.7:8265") == ""


def test_a_proxy_of_another_kind_is_refused(environment):
    environment["http_proxy"] = "socks5://127.0.0.1:1080"
    with pytest.raises(ValueError, match=r"socks5://127\.0\.0\.1:1080 is no HTTP proxy"):
        find_proxy("http://192.0.2.7:8265")


def test_the_commands_to_copy_send_the_token_nowhere_else(environment, monkeypatch):
    environment.update(PROXIES, RAY_AUTH_MODE="token")
    client = SimpleNamespace(proxy=None, get_address=lambda: "http://127.0.0.1:8265")
    command = ray_job("stop", client, "job")
    assert command == (
        "RAY_AUTH_MODE=token NETRC=/dev/null NO_PROXY=127.0.0.1 ray job stop --address http://127.0.0.1:8265 job"
    )


def test_what_goes_to_a_cluster_elsewhere_takes_the_proxy_that_was_said(environment):
    proxy = Proxy()
    with served(proxy) as between:
        environment["http_proxy"] = between
        assert between in describe_way("http://192.0.2.7:8265")
        with pytest.raises(ClusterError, match="not Ray's job server"):
            Client("http://192.0.2.7:8265")
    assert [target for _, target, _ in proxy.requests] == ["http://192.0.2.7:8265/api/version"]


def test_a_redirect_is_not_followed(environment):
    from aiohttp import web

    class Elsewhere:
        async def answer(self, request):
            raise web.HTTPTemporaryRedirect("http://192.0.2.7/evil")

    with (
        served(Elsewhere()) as address,
        pytest.raises(ClusterError, match=r"redirects to http://192\.0\.2\.7/evil, which is not followed"),
    ):
        Client(address)
