"""`ams authn import-gocdb`: users and bindings for the endpoints of the configuration database.

The configuration database (GOCDB) of a grid says which hosts run which services, and which
certificates they have. Each endpoint there becomes a user of the broker, bound in AuthN to its
certificate (contract: authn 7.5 to 7.7).
"""
