"""Violates the protocol with the official Python SDK, repeatedly, each time on a new connection.

The arguments are the host and port of an echo server and the number of repetitions. Succeeds if the SDK reports the
server's error each time, both as an error and as the reason for the end of the connection.
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


def add_client_name():
    return MessageAmendment(headers=[Header.from_string("client-name", "accepted.interop")])


def violate(bootstrap, host, port):
    lifecycle = Lifecycle()
    connection = Connection(
        host_name=host, port=port, bootstrap=bootstrap, connect_message_amender=add_client_name
    )
    connection.connect(lifecycle).result(TIMEOUT)
    # The public API of the SDK cannot send this message.
    connection._synced.current_connection.send_protocol_message(
        headers=[Header.from_int32(":stream-id", -1)], message_type=MessageType.APPLICATION_MESSAGE
    )
    if not lifecycle.disconnected.wait(TIMEOUT):
        sys.exit("the connection does not close")
    for error in (lifecycle.error, lifecycle.reason):
        if not isinstance(error, EventStreamError):
            sys.exit(f"reported {lifecycle.error!r}, closed with {lifecycle.reason!r}")


host, port, times = sys.argv[1:]
group = EventLoopGroup(1)
bootstrap = ClientBootstrap(group, DefaultHostResolver(group))
for _ in range(int(times)):
    violate(bootstrap, host, int(port))
