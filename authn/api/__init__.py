"""The HTTP front door: one file a resource."""
