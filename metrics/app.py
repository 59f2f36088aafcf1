"""The exporter's application."""

from ams.service.database import DatabaseError
from ams.service.health import add_health
from ams.service.http import make_app
from ams.service.logs import configure_logging
from ams.service.server import run
from ams.service.settings import Settings
from metrics.platform import Platform


def serve(settings: Settings) -> int:
    """Runs the exporter until it is told to stop; returns the exit status.

    Raises:
        SettingsError: the settings can't be used.
        DatabaseError: its URL can't.
    """
    configure_logging(settings.log.level)
    platform = Platform(settings)
    app = make_app("exporter", settings)
    # It is ready though stores are away: to tell so is its work.
    add_health(app, {}, platform.collect)
    exporter = settings.exporter
    listener = settings.server.model_copy(
        update={
            "http_host": exporter.http_host,
            "http_port": exporter.http_port,
            "https_port": 0,
            "workers": 1,
            "drain_seconds": 0.0,
        }
    )
    return run(
        app,
        listener,
        on_start=platform.open,
        on_stop=platform.close,
        refusals=(DatabaseError,),
    )
