"""`ams settings`: a settings file to start from."""

import typer


def settings() -> None:
    """Print a settings file with every key, its meaning and its default."""
    # Late: pydantic takes long to import.
    from ams.service.settings_reference import render_toml

    typer.echo(render_toml(), nl=False)
