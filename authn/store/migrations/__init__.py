"""The versions of AuthN's database, one file a step. A released file never changes."""
