"""Where the cluster's job server is, the way to it, and the token that it wants."""

from __future__ import annotations

import os
import socket
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from recipe.text.secret import masked

HTTP = ("http://", "https://")
JOB_SERVER = "the head's dashboard, e.g. http://head:8265"


def find_address(option: str | None) -> str:
    """The job server's URL: the option, else RAY_API_SERVER_ADDRESS, else RAY_ADDRESS if it is a URL."""
    if option:
        if not option.startswith(HTTP):
            raise ValueError(f"--address {option} is not a URL: it wants the job server, {JOB_SERVER}")
        return option.rstrip("/")
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        if os.environ.get(name, "").startswith(HTTP):
            return os.environ[name].rstrip("/")
    other = os.environ.get("RAY_ADDRESS")
    why = f"RAY_ADDRESS={other} is not a URL (a GCS address cannot take jobs)" if other else "no cluster is named"
    raise ValueError(f"{why}: pass --address URL or set RAY_API_SERVER_ADDRESS to the job server, {JOB_SERVER}")


def find_proxy(address: str) -> str | None:
    """The proxy of http_proxy, https_proxy or all_proxy that requests to this URL go through; None for the direct way.

    This machine is reached directly, whatever these variables say: a proxy elsewhere has another one behind 127.0.0.1, and
    would get the token.
    """
    import requests

    proxy = requests.utils.select_proxy(address, requests.utils.get_environ_proxies(address))
    if not proxy or _is_loopback(urlsplit(address).hostname or ""):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not proxy.startswith(HTTP):
        raise ValueError(f"the environment's proxy {masked(proxy)} is no HTTP proxy: name one, or set NO_PROXY to go around it")
    return proxy


def describe_way(address: str) -> str:
    """The way to the URL, for a user to read; empty for the direct one."""
    proxy = find_proxy(address)
    if proxy is None:
        return ""
    sees = "" if address.startswith("https://") else ", which can read the token and all that is sent"
    return f", through the proxy {masked(proxy)}{sees}; NO_PROXY={urlsplit(address).hostname} goes around it"


def _is_loopback(host: str) -> bool:
    """Also of a name, such as one that /etc/hosts gives to the near end of a tunnel."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(ip_address(one.partition("%")[0]).is_loopback for one in found)


def use_token() -> str | None:
    """Switch Ray's token authentication on if there is a token, and say where the token comes from.

    Ray itself does so when it joins a cluster, but not in its job client. It reads RAY_AUTH_MODE when it is imported, so
    this comes before.
    """
    mode = os.environ.get("RAY_AUTH_MODE", "").lower()
    if mode not in ("", "token"):
        return None
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    default = Path("~/.ray/auth_token").expanduser()
    if os.environ.get("RAY_AUTH_TOKEN"):
        source = "RAY_AUTH_TOKEN"
    elif named:
        if not _has_text(Path(named)):
            raise ValueError(f"RAY_AUTH_TOKEN_PATH={named} is empty or cannot be read: name a file with the cluster's token")
        source = named
    elif _has_text(default):
        source = str(default)
    elif mode:
        raise ValueError(
            "RAY_AUTH_MODE=token, but there is no token: set RAY_AUTH_TOKEN to the cluster's, RAY_AUTH_TOKEN_PATH to a file "
            f"with it, or put it into {default}"
        )
    else:
        return None
    os.environ["RAY_AUTH_MODE"] = "token"
    return source


def _has_text(file: Path) -> bool:
    try:
        return bool(file.read_text().strip())
    except OSError:
        return False
