"""The versions of the database, one file a step. A released file never changes."""
