"""The `ams authn` command: alone it runs AuthN."""

import typer

from ams.cli.authn import bindings
from ams.cli.authn.check import check
from ams.cli.authn.connection import EXPLANATION
from ams.cli.authn.gocdb.command import import_gocdb
from ams.cli.authn.rotate_key import rotate_key
from ams.cli.authn.serve import MigrateOption, migrate, serve
from ams.cli.failure import CommandFailed, Exit
from ams.cli.settings_file import ConfigOption

_MANAGE = "What AuthN has"
_RUN = "Running AuthN"

app = typer.Typer(
    help="Run AuthN, which gives tokens for certificates, and work with its bindings.",
    invoke_without_command=True,
)
for _name, _command in (
    ("service-types", bindings.list_service_types),
    ("bindings", bindings.list_bindings),
    ("bind", bindings.bind),
    ("unbind", bindings.unbind),
):
    app.command(_name, rich_help_panel=_MANAGE, epilog=EXPLANATION)(_command)
app.command("import-gocdb", rich_help_panel=_MANAGE)(import_gocdb)
app.command("serve", rich_help_panel=_RUN)(serve)
app.command("migrate", rich_help_panel=_RUN)(migrate)
app.command("check", rich_help_panel=_RUN)(check)
app.command("rotate-key", rich_help_panel=_RUN)(rotate_key)


@app.callback()
def authn(
    context: typer.Context, config: ConfigOption = None, migrate_first: MigrateOption = False
) -> None:
    """Run AuthN, which gives tokens for certificates; subcommands work with its bindings."""
    if context.invoked_subcommand is None:
        serve(config, migrate_first)
    elif config is not None:
        raise CommandFailed(f"give --config after {context.invoked_subcommand}", Exit.USAGE)
