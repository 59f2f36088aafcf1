"""Service types, auth methods and bindings, in SQL."""
