"""What `ams up` prints."""

import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

import typer

import ams
from ams.cli.connection import DEFAULT_DATA_FOLDER
from ams.cli.credentials import FILE_NAME, Authn, Credentials
from ams.cli.output import clean
from ams.cli.profiles import DEFAULT, read_profile
from ams.cli.up.authn import SERVICE_TYPE, hosts_of
from ams.cli.up.data_folder import DataFolder


def say(text: str) -> None:
    """Says what goes on, in passing; never fails, though the terminal may be gone."""
    with suppress(OSError):
        typer.secho(text, dim=True)
        sys.stdout.flush()


def warn(source: str, text: str) -> None:
    """Shows that something is not as it should be; never fails, as `say`."""
    when = time.strftime("%H:%M:%S")
    with suppress(OSError):
        typer.secho(f"{when}  {source}  {clean(text)}", fg="yellow", err=True)


def show_welcome(folder: DataFolder, credentials: Credentials) -> None:
    """Says where everything is, and how to publish and pull a first message."""
    broker, demo, exporter = credentials.broker, credentials.demo, credentials.exporter
    typer.echo()
    typer.secho(f"  AMS {ams.__version__} is up", bold=True)
    typer.echo()
    for name, value in (
        ("broker", broker.http),
        (
            "" if broker.http else "broker",
            broker.https and f"{broker.https}  (CA: {credentials.ca})",
        ),
        ("AuthN", credentials.authn.https if credentials.authn else ""),
        ("exporter", f"{exporter.http}/metrics  (for Prometheus)" if exporter else ""),
        ("API", f"{broker.http or broker.https}/docs  (to read, and to try out)"),
        ("data folder", str(folder.path)),
        ("settings", str(folder.settings_file)),
        ("credentials", str(folder.path / FILE_NAME)),
        ("logs", str(folder.log("broker").parent)),
    ):
        if value:
            typer.secho(f"  {name:<13}", dim=True, nl=False)
            typer.echo(value)
    typer.echo()
    where = _command_options(folder)
    typer.echo(
        f"  Publish and pull a first message, in another terminal{'' if where else ' here'}:"
    )
    typer.echo()
    command = _command()
    for line in (
        f'{command} publish{where} {demo.topic} "Hello, world"',
        f"{command} pull{where} {demo.subscription}",
        f"{command} pull{where} {demo.subscription} --ack",
    ):
        typer.secho(f"    {line}", fg="cyan")
    if credentials.authn:
        _show_certificate(credentials, credentials.authn, f"{command} publish{where}")
    typer.echo()
    typer.secho("  Ctrl-C stops everything.", dim=True)
    typer.echo()
    sys.stdout.flush()


def _show_certificate(credentials: Credentials, authn: Authn, publish: str) -> None:
    """Says how to get a token by a certificate."""
    files = credentials.client
    if files is None:
        return
    url = f"{authn.https}/v1/service-types/{SERVICE_TYPE}/hosts/{hosts_of(credentials.broker)[0]}"
    ask = (
        f"curl -s --cacert {credentials.ca} --cert {files.certificate} --key {files.key}"
        f" {url}:authx509"
    )
    typer.echo()
    typer.echo("  Publish as whoever a certificate is bound to, here the demo publisher:")
    typer.echo()
    typer.secho(f'    TOKEN=$({ask} | sed -n \'s/.*"token": "\\(.*\\)"/\\1/p\')', fg="cyan")
    typer.secho(f'    {publish} --token "$TOKEN" {credentials.demo.topic} "Hello again"', fg="cyan")


def _command() -> str:
    """How this very command was called, so that another call finds it, too."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return f"{sys.executable} -m ams"
    found = shutil.which(program.name)
    if found and Path(found).resolve() == program.resolve():
        return program.name
    return str(program)


def _command_options(folder: DataFolder) -> str:
    """The options without which other commands would not talk to this broker."""
    here = DEFAULT_DATA_FOLDER.resolve() == folder.path
    if here and not read_profile(DEFAULT) and not os.environ.get("AMS_PROFILE"):
        return ""
    return f" --data {folder.path}"
