"""The broker's HTTP front door: one file a resource."""
