"""An emulator of the X API for tests, simulations and a first run: strict, offline, and knowing nothing of Songpost.

`Sandbox.handle` answers a `Request` in process; `server.serve` puts it on a loopback port. It imports the standard
library alone and shares neither code nor data with the rest of the project.
"""

from .clock import SystemClock, VirtualClock
from .faults import KINDS, PROFILES, Fault
from .grants import Credentials
from .record import Record
from .rules import Rules
from .sandbox import Sandbox
from .wire import AnswerLost, ConnectionLost, ConnectionReset, Request, Response
from .world import Post, User

__all__ = [
    "KINDS",
    "PROFILES",
    "AnswerLost",
    "ConnectionLost",
    "ConnectionReset",
    "Credentials",
    "Fault",
    "Post",
    "Record",
    "Request",
    "Response",
    "Rules",
    "Sandbox",
    "SystemClock",
    "User",
    "VirtualClock",
]
