"""Breaks a rule of the protocol with the official Python SDK, again and again, each time on a new connection.

The arguments are the host and port of an echo server and the number of times. Succeeds if the server's error is what
the application is told each time: as an error, and as the reason for the end of the connection.
"""

import sys
import threading

from awscrt.eventstream import Header
from awscrt.eventstream.rpc import MessageType
from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup
from awsiot.eventstreamrpc import Connection, EventStreamError, LifecycleHandler, MessageAmendment

TIMEOUT = 60


class Lifecycle(LifecycleHandler):
    def __init__(self):
        self.error = None
        self.reason = None
        self.disconnected = threading.Event()

    def on_error(self, error):
        self.error = error
        return True

    def on_disconnect(self, reason):
        self.reason = reason
        self.disconnected.set()


def introduction():
    return MessageAmendment(headers=[Header.from_string("client-name", "accepted.interop")])


def violate(bootstrap, host, port):
    lifecycle = Lifecycle()
    connection = Connection(
        host_name=host, port=port, bootstrap=bootstrap, connect_message_amender=introduction
    )
    connection.connect(lifecycle).result(TIMEOUT)
    # The SDK itself sends no such message.
    connection._synced.current_connection.send_protocol_message(
        headers=[Header.from_int32(":stream-id", -1)], message_type=MessageType.APPLICATION_MESSAGE
    )
    if not lifecycle.disconnected.wait(TIMEOUT):
        sys.exit("the connection does not end")
    for what in (lifecycle.error, lifecycle.reason):
        if not isinstance(what, EventStreamError):
            sys.exit(f"told of {lifecycle.error!r}, ended by {lifecycle.reason!r}")


host, port, times = sys.argv[1:]
group = EventLoopGroup(1)
bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
for _ in range(int(times)):
    violate(bootstrap, host, int(port))
