"""`ams up`: everything on one machine, in the foreground, on a data folder."""
