"""What every algorithm image shares: the /opt/ml file contract, failure reports, validation and the HTTP server.

The same code runs in a container and, started by the process engine, straight on the host; nothing in it may
assume ``/opt/ml`` or port 8080 (see `layout` and `server`).
"""
