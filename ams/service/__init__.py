"""The kit that every service shares: settings, logs, errors, stores, HTTP."""
