"""Starts everything in order, keeps it running, and stops it in order."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from ams.cli.authn.admin import Admin
from ams.cli.credentials import Authn, Credentials
from ams.cli.failure import CommandFailed
from ams.cli.up import console
from ams.cli.up.authn import provision_authn
from ams.cli.up.data_folder import Ports, open_data_folder
from ams.cli.up.demo import provision
from ams.cli.up.log_tail import LogTail, digest_json, digest_redis, last_line
from ams.cli.up.plan import Plan, make_plan
from ams.cli.up.push_worker import ensure_push_worker
from ams.cli.up.redis_server import prepare_redis, redis_answers
from ams.client import Client, ClientError
from ams.client.call import Call, Repeat, no_answer
from ams.service.supervise import Child, Command, Death, describe_exit, spawn

#: How often something that starts is asked whether it is ready, in seconds.
POLL_SECONDS = 0.1
#: How long a service may take to be ready, in seconds.
READY_SECONDS = 60.0
#: Longest wait for one of the broker's answers, in seconds.
ANSWER_SECONDS = 10.0
#: What the broker gets on top of the time that its settings let it take to stop, in seconds.
STOP_MARGIN_SECONDS = 5.0

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(data: Path, ports: Ports) -> None:
    """Runs everything until a signal asks to stop.

    Args:
        data: the data folder.
        ports: that were asked for.

    Raises:
        CommandFailed: it can't be started, or something died too often.
    """
    try:
        with open_data_folder(data) as folder:
            asyncio.run(_Run(make_plan(folder, ports)).run())
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        raise CommandFailed(f"{what}{error.strerror or error}") from error


class _Over(Exception):
    """Starting ends before all is started: a signal came, or something died."""


class _Run:
    """One run: Redis, the broker, AuthN and the exporter from start to stop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._over = asyncio.Event()
        self._failure = ""
        self._starting = True
        self._children: list[Child] = []
        self._tails: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Starts everything, and stops it when it is over.

        Raises:
            CommandFailed: it is over because something failed.
        """
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            with suppress(_Over):
                await self._start()
                await self._over.wait()
        finally:
            await self._stop()
        if self._failure:
            raise CommandFailed(self._failure)
        console.say("Stopped.")

    def _asked_to_stop(self) -> None:
        if self._over.is_set():
            for child in self._children:
                child.kill()
            return
        self._over.set()
        console.say("Stopping; Ctrl-C again kills.")

    async def _start(self) -> None:
        folder = self._plan.folder
        console.say(f"Starting on {folder.path} ...")
        redis_log = folder.open_log("redis")
        await self._run_child(prepare_redis(self._plan.redis_server, folder, redis_log))
        await self._until(partial(redis_answers, folder.redis_socket))
        await self._migrate()
        broker_log = folder.open_log("broker")
        self._follow("broker", digest_json)
        server = self._plan.settings.server
        stop_seconds = server.drain_seconds + server.stop_seconds + STOP_MARGIN_SECONDS
        await self._run_child(self._ams("broker", ["serve"], broker_log, stop_seconds))
        authn, exporter = self._plan.authn, self._plan.exporter
        if authn:
            await self._start_authn()
        if exporter:
            exporter_log = folder.open_log("exporter")
            self._follow("exporter", digest_json)
            await self._run_child(self._ams("exporter", ["exporter"], exporter_log))
        push = self._plan.push
        if push:
            await self._start_push()
        await self._until(partial(self._is_ready, self._plan.broker.url), within=READY_SECONDS)
        earlier = Credentials.read(folder.path)
        credentials = await asyncio.to_thread(self._provision, earlier)
        if authn:
            ready = partial(self._authn_is_ready, authn)
            await self._until(ready, within=READY_SECONDS, what="authn")
            await asyncio.to_thread(self._provision_authn, authn, credentials, earlier)
        if exporter:
            ready = partial(self._is_ready, exporter.http)
            await self._until(ready, within=READY_SECONDS, what="exporter")
        if push:
            await self._until(partial(self._is_ready, push), within=READY_SECONDS, what="push")
        credentials.write(folder.path)
        self._follow("redis", digest_redis)
        self._starting = False
        console.show_welcome(folder, credentials)

    async def _start_authn(self) -> None:
        settings = self._plan.settings.authn
        log = self._plan.folder.open_log("authn")
        self._follow("authn", digest_json)
        stop_seconds = settings.drain_seconds + settings.stop_seconds + STOP_MARGIN_SECONDS
        command = self._ams("authn", ["authn", "serve", "--migrate"], log, stop_seconds)
        await self._run_child(command)

    async def _start_push(self) -> None:
        log = self._plan.folder.open_log("push")
        self._follow("push", digest_json)
        stop_seconds = self._plan.settings.push.stop_seconds + STOP_MARGIN_SECONDS
        await self._run_child(self._ams("push", ["push"], log, stop_seconds))

    async def _stop(self) -> None:
        for tail in self._tails:
            tail.cancel()
        for child in reversed(self._children):
            await child.stop()
        for child in self._children:
            if child.command.output is not None:
                os.close(child.command.output)

    async def _run_child(self, command: Command) -> None:
        child = Child(command, self._note_death)
        self._children.append(child)
        await child.start()

    def _note_death(self, death: Death) -> None:
        log = self._plan.folder.log(death.name)
        if self._starting or death.restart_seconds is None:
            last = last_line(log)
            why = f": {last}" if last else ""
            again = "" if self._starting else " time and again"
            self._fail(f"{death.name} {death.reason}{again}{why}", log)
        else:
            again = f"{death.restart_seconds:g} s"
            console.warn(death.name, f"{death.reason}; is started again in {again}; log: {log}")

    def _fail(self, message: str, log: Path) -> None:
        # Of several failures, the first has caused the others.
        self._failure = self._failure or f"{message}; log: {log}"
        self._over.set()

    def _follow(self, name: str, digest: Callable[[str], str]) -> None:
        tail = LogTail(self._plan.folder.log(name), digest, partial(console.warn, name))
        self._tails.append(asyncio.create_task(tail.run()))

    async def _until(
        self,
        condition: Callable[[], Awaitable[bool]],
        within: float | None = None,
        what: str = "broker",
    ) -> None:
        """Waits for a condition; raises `_Over` if all is over first.

        Args:
            condition: what is waited for.
            within: how long it may take, in seconds.
            what: name of the child that is to get ready.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within if within else float("inf")
        while not await condition():
            if loop.time() > deadline:
                self._fail(f"{what} does not get ready", self._plan.folder.log(what))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), POLL_SECONDS)
            if self._over.is_set():
                raise _Over

    def _ams(
        self,
        name: str,
        subcommand: Sequence[str],
        output: int,
        stop_seconds: float = STOP_MARGIN_SECONDS,
    ) -> Command:
        """An `ams` subcommand on the folder's settings, as a child."""
        # It must find the modules that this process has: those of the current folder if this was
        # started as a module, and else not, for a redis.py may happen to be there.
        by_module = Path(sys.path[0]) == Path.cwd()
        return Command(
            name=name,
            arguments=(
                sys.executable,
                *(() if by_module else ("-P",)),
                "-m",
                "ams",
                *subcommand,
                "--config",
                str(self._plan.folder.settings_file),
            ),
            environment=self._plan.environment,
            output=output,
            pass_fds=(self._plan.folder.children_lock,),
            stop_seconds=stop_seconds,
        )

    async def _migrate(self) -> None:
        log = self._plan.folder.log("migrate")
        output = self._plan.folder.open_log("migrate")
        try:
            process = await spawn(self._ams("migrate", ["migrate"], output))
            end = asyncio.ensure_future(process.wait())
            over = asyncio.ensure_future(self._over.wait())
            await asyncio.wait({end, over}, return_when=asyncio.FIRST_COMPLETED)
            over.cancel()
            if not end.done():
                process.terminate()
            code = await end
        finally:
            os.close(output)
        if self._over.is_set():
            raise _Over
        if code:
            self._fail(f"the database can't be used: {last_line(log) or describe_exit(code)}", log)
            raise _Over

    def _client(self, url: str, token: str, timeout: float) -> Client:
        ca = self._plan.certificates.ca
        return Client(url, token, ca=ca, timeout=timeout, retries=0)

    async def _is_ready(self, url: str) -> bool:
        return await asyncio.to_thread(self._ask_readiness, url)

    def _ask_readiness(self, url: str) -> bool:
        with self._client(url, "", timeout=POLL_SECONDS * 10) as client:
            try:
                client.send(Call("GET", "/readyz", no_answer, Repeat.SAFE))
            except ClientError:
                return False
            return True

    def _provision(self, earlier: Credentials | None) -> Credentials:
        plan = self._plan
        token = plan.settings.auth.service_token.get_secret_value()
        with self._client(plan.broker.url, token, timeout=ANSWER_SECONDS) as client:
            try:
                if plan.push:
                    ensure_push_worker(client, plan.settings, plan.folder.database_url)
                return provision(
                    client,
                    earlier,
                    certificates=plan.certificates,
                    broker=plan.broker,
                    authn=plan.authn,
                    exporter=plan.exporter,
                    service_token=token,
                )
            except ClientError as error:
                raise CommandFailed(
                    f"the demo can't be made: {error}; log: {plan.folder.log('broker')}"
                ) from error

    async def _authn_is_ready(self, authn: Authn) -> bool:
        def ask() -> bool:
            with self._authn_admin(authn) as admin:
                return admin.is_ready()

        return await asyncio.to_thread(ask)

    def _authn_admin(self, authn: Authn) -> Admin:
        return Admin(authn.https, authn.service_token, str(self._plan.certificates.ca))

    def _provision_authn(
        self, authn: Authn, credentials: Credentials, earlier: Credentials | None
    ) -> None:
        plan = self._plan
        token = plan.settings.auth.service_token.get_secret_value()
        with (
            self._client(plan.broker.url, token, timeout=ANSWER_SECONDS) as client,
            self._authn_admin(authn) as admin,
        ):
            try:
                provision_authn(client, admin, credentials, earlier)
            except (ClientError, CommandFailed) as error:
                raise CommandFailed(
                    f"AuthN can't be set up: {error}; log: {self._plan.folder.log('authn')}"
                ) from error
