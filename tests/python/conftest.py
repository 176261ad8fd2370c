"""What the Python tests share: where the captures are, and what is expected of them."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trips import Trip, Trips, names

ROOT = Path(__file__).resolve().parents[2]

# A shell that runs the tests in the background may ignore Ctrl-C, and what is ignored stays so in the programs that are
# started to see what Ctrl-C does to them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the project's own captures, each described in its README."""
    return ROOT / "tests" / "data"


@pytest.fixture(scope="session")
def expected(data: Path) -> Callable[[str], dict[str, Any]]:
    """What a meter with the default options should report of a generated capture: `expected("story")`.

    The ledger (`frames`, `packets`, `skipped` ...) and `records`, known from how the frames were built.
    """

    def load(name: str) -> dict[str, Any]:
        return json.loads((data / f"{name}.expected.json").read_text(encoding="utf-8"))

    return load


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of captures that are shared by several projects; whoever asks for it is skipped where it is absent."""
    folder = ROOT.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("the shared captures are not on this machine")
    return folder


@pytest.fixture(scope="session")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Trips:
    """Every capture by its name, metered once in a session."""
    return Trips(tmp_path_factory.mktemp("trips"))


@pytest.fixture(params=names())
def trip(request: pytest.FixtureRequest, trips: Trips) -> Trip:
    """A capture with its flows; whoever asks for it is run for all of them."""
    return trips[request.param]
