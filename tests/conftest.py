"""Fixtures that many tests share: no network, and the real catalog, built once."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from divided import build_divided, write_source
from shared import ROOT

from builder import pipeline
from builder.output import publish


class NetworkUseError(RuntimeError):
    """A test reached for the network."""


def _is_here(host: object) -> bool:
    if host in (None, "", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Every connection that leaves the machine fails, and so does every look-up of a name."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse(family: int, address: Any) -> None:
        if family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise NetworkUseError(f"the suite opens no network socket, but something connects to {address}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse(self.family, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_here(host):
            raise NetworkUseError(f"the suite opens no network socket, but something looks {host} up")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def real_build() -> pipeline.Build:
    """The build of the real catalog, in memory, without documentation."""
    return pipeline.build(pipeline.Settings(ROOT / "catalog_src"))


@pytest.fixture(scope="session")
def site(real_build: pipeline.Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the real catalog, without documentation. Do not change it: it is shared."""
    assert not real_build.failed, [d for d in real_build.diagnostics if d.severity == "error"]
    folder = tmp_path_factory.mktemp("real") / "site"
    publish(real_build.artifacts, folder)
    return folder


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the divided catalog of `divided`. Do not change it: it is shared."""
    folder = tmp_path_factory.mktemp("large")
    publish(build_divided(write_source(folder / "source")), folder / "site")
    return folder / "site"
