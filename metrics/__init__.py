"""The exporter: tells Prometheus of the platform as a whole, from Redis and SQL."""
