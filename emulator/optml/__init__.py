"""The ``/opt/ml`` contract between the service and a container: files in, files out."""
