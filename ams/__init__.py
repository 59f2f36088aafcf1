"""AMS, a publish/subscribe message broker with an HTTP API."""

__version__ = "0.1.0"
