"""Schemas: what messages of a topic may carry, in their data and in their attributes."""
