"""Runs an application: listens, and stops in good order."""

# Sanic's server classes have types for their attributes, but not for all of their methods: hence
# the `type: ignore` of calls.

import asyncio
import ctypes
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import uvloop
from sanic.http import Http
from sanic.server import AsyncioServer, HttpProtocol

from ams.service import workers
from ams.service.connection import Protocol
from ams.service.errors import ServiceError
from ams.service.handshakes import Handshakes
from ams.service.http import App
from ams.service.listeners import (
    Endpoint,
    Listener,
    bound,
    cannot_listen,
    inherited,
)
from ams.service.logs import get_logger, writer
from ams.service.process_figures import take_pulse
from ams.service.settings import SettingsError
from ams.service.workers import ProcessSettings

#: Connections that may wait to be accepted, for each process and listener.
BACKLOG = 2048
#: How often connections are looked at while stopping, in seconds.
LOOK_SECONDS = 0.02
#: How long requests that are cut off get to clean up, in seconds.
CUT_OFF_SECONDS = 0.2

#: Freed memory at the end of a process' own that it keeps, and the size from which on what it asks
#: for is not taken from there, in bytes.
KEPT_BYTES: Final = 32 * 1024 * 1024
SEPARATE_BYTES: Final = 4 * 1024 * 1024
#: Of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3

Hook: TypeAlias = Callable[[], Awaitable[None]]

log = get_logger()


async def _nothing() -> None:
    pass


def run(
    app: App,
    settings: ProcessSettings,
    *,
    endpoints: Callable[[], Sequence[Endpoint]],
    on_start: Hook = _nothing,
    on_drain: Hook = _nothing,
    on_stop: Hook = _nothing,
    refusals: tuple[type[Exception], ...] = (),
) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code.

    Stopping goes in this order: `/readyz` says no for `drain_seconds`; `on_drain`; the listeners
    close; idle connections are closed, running requests get `stop_seconds` to finish; `on_stop`.
    A second signal hurries it.

    With more than one worker, the process starts its own command line again for each of them, and
    only they call the hooks.

    Args:
        app: what to serve.
        settings: workers and times.
        endpoints: where to listen; it may raise SettingsError.
        on_start: connects what requests need, before the first is accepted.
        on_drain: makes requests end that wait for something.
        on_stop: disconnects, after the last request; also after an `on_start` that failed.
        refusals: exceptions of `on_start` that are reported by their message alone, besides
            SettingsError, ServiceError and OSError; others are logged with their stack.

    Returns:
        0 after a signal; 1 if it could not start.
    """
    writer.start()
    _allow_many_connections()
    _keep_freed_memory()
    # Sanic would tell whoever starts a service in a terminal that it is no development server.
    os.environ.setdefault("SANIC_IGNORE_PRODUCTION_WARNING", "yes")
    hooks = Hooks(on_start, on_drain, on_stop, (SettingsError, ServiceError, OSError, *refusals))
    try:
        descriptors = workers.inherited_descriptors()
        if descriptors is not None:
            ready = descriptors.pop(workers.READY)
            workers.share_figures(descriptors)
            listeners = inherited(endpoints(), descriptors)
            server = Server(app, settings, listeners, hooks, lambda: workers.report_ready(ready))
            return uvloop.run(server.run())
        with bound(endpoints(), settings.workers) as listeners:
            if settings.workers > 1:
                return asyncio.run(workers.run_workers(settings, listeners))
            return uvloop.run(Server(app, settings, listeners, hooks).run())
    except SettingsError as error:
        _refuse(error)
        return 1
    finally:
        writer.stop()


def _allow_many_connections() -> None:
    """Takes all file descriptors that the system allows: each connection needs one.

    Most systems give a process 1024 unless it asks, so that as many clients that only connect would
    lock out all others.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _keep_freed_memory() -> None:
    """Has the C library keep some memory that was freed, for the next request.

    By itself glibc gives it back to the system from 128 KB on, and gets it again page by page: for
    answers of that size this takes several times as long as making them.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # Other libraries have none.
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, SEPARATE_BYTES)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What `run` was given."""

    start: Hook
    drain: Hook
    stop: Hook
    refusals: tuple[type[Exception], ...]


class Server:
    """One process of a service.

    Args:
        app: what to serve.
        settings: times.
        listeners: where; the first socket of each is used.
        hooks: what is called in between.
        on_listening: called when connections are accepted.
    """

    def __init__(
        self,
        app: App,
        settings: ProcessSettings,
        listeners: Sequence[Listener],
        hooks: Hooks,
        on_listening: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._settings = settings
        self._listeners = listeners
        self._hooks = hooks
        self._on_listening = on_listening
        self._servers: list[AsyncioServer] = []
        self._handshakes: list[Handshakes] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> int:
        """Serves until a signal comes; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        code = await self._start()
        pulse = loop.create_task(take_pulse(lambda: len(self._connections())))
        try:
            if code == 0:
                await self._stop.wait()
                await self._wind_down()
        finally:
            pulse.cancel()
            await self._call("on_stop", self._hooks.stop)
        log.info("stopped")
        return code

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def _start(self) -> int:
        """Gets ready and listens; returns the exit code if it comes to nothing, else 0."""
        starting = asyncio.ensure_future(self._hooks.start())
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not starting.done():
            starting.cancel()
        try:
            await starting
            await self._listen()
        except asyncio.CancelledError:
            return 0
        except self._hooks.refusals as error:
            _refuse(error)
            return 1
        except Exception as error:  # Whatever it is, there is nothing to serve with.
            log.error("can't start", exc_info=error)
            return 1
        return 0

    async def _listen(self) -> None:
        # Sanic's start-up rewrites functions of its classes, which only goes well once.
        self._app.config.TOUCHUP = not getattr(Http, "__touched__", False)
        for listener in self._listeners:
            try:
                server = await self._app.create_server(
                    sock=listener.sockets[0],
                    protocol=Protocol,
                    backlog=BACKLOG,
                    return_asyncio_server=True,
                    asyncio_server_kwargs={"start_serving": False},
                )
            except OSError as error:
                raise cannot_listen(listener, error) from error
            assert server is not None
            self._servers.append(server)
        await self._servers[0].startup()  # type: ignore[no-untyped-call]
        for server, listener in zip(self._servers, self._listeners, strict=True):
            if listener.tls is None:
                await server.start_serving()  # type: ignore[no-untyped-call]
            else:
                self._start_handshakes(listener, server)
            log.info("listening", url=listener.url)
        self._on_listening()

    def _start_handshakes(self, listener: Listener, server: AsyncioServer) -> None:
        """Accepts in place of a server, whose connections they become."""
        handshakes = Handshakes(
            listener,
            partial(Protocol, loop=server.loop, app=self._app, connections=server.connections),
            server.connections,
            self._app.limits.request_seconds,
            self._app.limits.connections,
        )
        self._handshakes.append(handshakes)
        try:
            handshakes.start(BACKLOG)
        except OSError as error:
            raise cannot_listen(listener, error) from error

    async def _wind_down(self) -> None:
        self._app.draining = True
        log.info("stopping")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._settings.drain_seconds)
        await self._call("on_drain", self._hooks.drain)
        for handshakes in self._handshakes:
            handshakes.close()
        for server in self._servers:
            server.close()  # type: ignore[no-untyped-call]
        deadline = asyncio.get_running_loop().time() + self._settings.stop_seconds
        while self._open_connections():
            if self._hurry.is_set() or asyncio.get_running_loop().time() > deadline:
                await self._cut_off()
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _open_connections(self) -> list[HttpProtocol]:
        """Closes idle connections; returns those that are busy."""
        # What is in the buffer is a request that has come just now.
        return [
            protocol
            for protocol in self._connections()
            if protocol.recv_buffer or not protocol.close_if_idle()
        ]

    def _connections(self) -> list[HttpProtocol]:
        return [protocol for server in self._servers for protocol in server.connections]

    async def _cut_off(self) -> None:
        connections = self._connections()
        log.warning("requests cut off", count=len(connections))
        for protocol in connections:
            protocol.abort()  # type: ignore[no-untyped-call]
        await asyncio.sleep(CUT_OFF_SECONDS)

    @staticmethod
    async def _call(name: str, hook: Hook) -> None:
        """Calls a hook; if it fails, the rest still has to be done."""
        try:
            await hook()
        except Exception as error:
            log.error("error while stopping", step=name, exc_info=error)


def _refuse(error: Exception) -> None:
    for line in str(error).splitlines() or [repr(error)]:
        message = f"can't start: {line}"
        log.error(message)
