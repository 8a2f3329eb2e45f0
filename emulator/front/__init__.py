"""The one public port: asyncio where requests are long or hot, WSGI on worker threads for everything else."""

from emulator.front.administration import administration
from emulator.front.bridge import Bridge
from emulator.front.gateway import Gateway, create_app
from emulator.front.routing import DataPlane, routed
from emulator.front.server import Front, PortInUse

__all__ = ["Bridge", "DataPlane", "Front", "Gateway", "PortInUse", "administration", "create_app", "routed"]
