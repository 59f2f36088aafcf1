"""The `ams` command: puts the subcommands together, and ends every failure with one line."""

import os
import sys
from typing import Annotated

import typer

import ams
from ams.cli import (
    access,
    audit,
    connection,
    exporter,
    member,
    metrics,
    migrate,
    project,
    publish,
    pull,
    push,
    registration,
    schema,
    serve,
    settings,
    status,
    subscription,
    top,
    topic,
    usage,
    user,
    version,
)
from ams.cli.authn import command as authn
from ams.cli.failure import CommandFailed, Exit
from ams.cli.up.command import up

#: Set to anything, it shows the stack of an internal error.
DEBUG_VARIABLE = "AMS_DEBUG"

app = typer.Typer(
    name="ams",
    help="AMS: publish messages to topics, pull them from subscriptions, run the broker.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_TALK = "Messages"
_MANAGE = "What the broker has"
_RUN = "Running the services"

app.command("publish", rich_help_panel=_TALK, epilog=connection.EXPLANATION)(publish.publish)
app.command("pull", rich_help_panel=_TALK, epilog=connection.EXPLANATION)(pull.pull)
for _name, _group in (
    ("project", project.app),
    ("topic", topic.app),
    ("subscription", subscription.app),
    ("schema", schema.app),
    ("user", user.app),
    ("member", member.app),
    ("registration", registration.app),
    ("access", access.app),
):
    app.add_typer(_group, name=_name, rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)
app.command("audit", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(audit.audit)
app.command("metrics", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(metrics.metrics)
app.command("top", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(top.top)
app.command("usage", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(usage.usage)
app.command("status", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(status.status)
app.command("version", rich_help_panel=_MANAGE, epilog=connection.EXPLANATION)(version.version)
app.command("up", rich_help_panel=_RUN)(up)
app.command("serve", rich_help_panel=_RUN)(serve.serve)
app.command("push", rich_help_panel=_RUN)(push.push)
app.command("exporter", rich_help_panel=_RUN)(exporter.exporter)
app.command("migrate", rich_help_panel=_RUN)(migrate.migrate)
app.add_typer(authn.app, name="authn", rich_help_panel=_RUN)
app.command("settings", rich_help_panel=_RUN)(settings.settings)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ams {ams.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Runs the command that `sys.argv` names, and ends the process with its exit status."""
    try:
        try:
            app()
        finally:
            # Here, because at exit Python would complain itself about a reader that is gone.
            sys.stdout.flush()
    except CommandFailed as error:
        _fail(str(error), error.exit_status)
    except BrokenPipeError:
        # Who read our output has seen enough.
        _drop_output()
        sys.exit(Exit.FAILED)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        _fail(
            f"internal error ({type(error).__name__}: {error});"
            f" {DEBUG_VARIABLE}=1 shows where it happened",
            Exit.FAILED,
        )


def _fail(message: str, status: Exit) -> None:
    for line in message.splitlines():
        typer.echo(f"Error: {line}", err=True)
    sys.exit(status)


def _drop_output() -> None:
    """Keeps Python from complaining at exit about output that nobody can get."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
