"""`ams authn`: runs AuthN, and works with what it has."""
