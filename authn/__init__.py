"""AuthN: a client certificate, or an OIDC token, becomes a token of the service behind it."""
