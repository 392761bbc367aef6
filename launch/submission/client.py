"""Ray's job client with time limits, and with its failures in one sentence."""

from __future__ import annotations

import os
import re

import requests
from ray.exceptions import AuthenticationError

from launch.submission import ClusterError
from launch.submission.reaching import find_proxy
from recipe.text.visible import one_line
from verl_patches.ray_jobs import HookedJobClient

# The last line of a traceback, which may be in the middle of what the server sends.
_ERROR = re.compile(r"^[\w.]+(?:Error|Exception): (.+)$", re.MULTILINE)
CONNECT_S, GET_S, POST_S, UPLOAD_S = 5, 20, 60, 1800


class Client(HookedJobClient):
    """A job client of the cluster at `address`, with the token from `token_source`, if any."""

    def __init__(self, address: str, token_source: str | None = None):
        self._token_source = token_source
        self._url = address
        self.proxy = find_proxy(address)
        # Ray lets this variable, and RAY_ADDRESS, win over the argument.
        os.environ["RAY_API_SERVER_ADDRESS"] = address
        try:
            super().__init__(address)
        except (RuntimeError, KeyError, requests.RequestException) as error:
            raise ClusterError(f"{address} is not Ray's job server, the head's dashboard: {one_line(error)}") from None

    def request(self, method, endpoint, **kwargs):
        """Nothing of the environment says where a request goes or what it holds, but for the proxy that the user was told.

        Of itself requests would send a password of ~/.netrc in the token's place, and follow the server elsewhere.
        """
        way = {"auth": _as_it_is, "proxies": dict.fromkeys(("http", "https"), self.proxy or ""), "allow_redirects": False}
        # requests waits for ever by default. Its limit for connecting is also that for sending, so an upload has its own.
        limit = UPLOAD_S if kwargs.get("data") else (CONNECT_S, GET_S if method == "GET" else POST_S)
        try:
            response = super().request(method, endpoint, timeout=limit, **way, **kwargs)
        except AuthenticationError:
            raise ClusterError(self._wrong_token(), status=401) from None
        except requests.RequestException as error:
            raise ClusterError(
                f"nothing answers at {self._url} ({_cause(error)}): check that the head is up and that its dashboard can be "
                "reached from here (`ray start --head --dashboard-host=...`, a firewall, or an SSH tunnel that has ended)"
            ) from None
        if response.is_redirect:
            target = one_line(response.headers["location"])
            raise ClusterError(
                f"{self._url} redirects to {target}, which is not followed: name the job server itself (--address)"
            )
        return response

    def _wrong_token(self) -> str:
        if self._token_source:
            return f"{self._url} refuses the token from {self._token_source}: set RAY_AUTH_TOKEN to the one of this cluster"
        return (
            f"{self._url} wants the cluster's token: set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH to a file with it, and do not "
            "set RAY_AUTH_MODE=disabled"
        )

    def refuse(self, response):
        reason = (_ERROR.findall(response.text) or response.text.strip().splitlines() or ["no reason given"])[-1]
        raise ClusterError(f"{self._url} answers {response.status_code}: {one_line(reason)}", status=response.status_code)


def _as_it_is(request):
    return request


def _cause(error: BaseException) -> str:
    """The innermost reason: the outer ones repeat the address and the names of classes."""
    while (inner := error.__context__) is not None:
        error = inner
    return one_line(error) or type(error).__name__
