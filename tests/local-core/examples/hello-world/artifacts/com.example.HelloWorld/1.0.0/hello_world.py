"""Publishes a message to each topic that is an argument, and prints whether it may. Needs `pip install awsiotsdk`."""

import sys

from awsiot.eventstreamrpc import LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import BinaryMessage, PublishMessage, UnauthorizedError


class Lifecycle(LifecycleHandler):
    def on_connect(self):
        print("connected")

    def on_disconnect(self, reason):
        print(f"disconnected: {reason}")

    def on_error(self, error):
        print(f"error: {error}")
        return True


client = GreengrassCoreIPCClientV2(connect(lifecycle_handler=Lifecycle()))
for topic in sys.argv[1:]:
    message = PublishMessage(binary_message=BinaryMessage(message=b"Hello World"))
    try:
        client.publish_to_topic(topic=topic, publish_message=message)
        print(f"published to {topic}")
    except UnauthorizedError as error:
        print(f"denied: {error.message}")
client.close().result()
