"""The `ams authn` command: alone it runs AuthN."""

import typer

from ams.cli.authn.serve import migrate, serve
from ams.cli.settings_file import ConfigOption

app = typer.Typer(
    help="Run AuthN, which gives tokens for certificates, and work with its bindings.",
    invoke_without_command=True,
)
app.command("serve")(serve)
app.command("migrate")(migrate)


@app.callback()
def authn(context: typer.Context, config: ConfigOption = None) -> None:
    """Run AuthN, which gives tokens for certificates; subcommands work with its bindings."""
    if context.invoked_subcommand is None:
        serve(config)
