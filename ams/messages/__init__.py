"""The message log on Redis Streams: one topic, one stream; see `docs/architecture.md`."""
