"""The exporter's application."""

from ams.service.database import DatabaseError
from ams.service.health import add_health
from ams.service.http import make_app
from ams.service.listeners import Endpoint
from ams.service.logs import configure_logging
from ams.service.server import run
from ams.service.settings import Settings, SettingsError
from ams.service.settings_sections import ExporterSettings
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
    return run(
        app,
        settings.server.model_copy(update={"workers": 1, "drain_seconds": 0.0}),
        endpoints=lambda: _endpoints(settings.exporter),
        on_start=platform.open,
        on_stop=platform.close,
        refusals=(DatabaseError,),
    )


def _endpoints(settings: ExporterSettings) -> list[Endpoint]:
    if not settings.http_port:
        raise SettingsError(["exporter.http_port: is 0, so there is no exporter"])
    return [Endpoint("http", "exporter.http_port", settings.http_host, settings.http_port)]
