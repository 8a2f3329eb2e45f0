"""The command line. One file for each command; each is a call of the package's own API."""
