"""The metadata store: projects, users, topics and subscriptions in SQL, with cached look-ups."""
