"""Publishes readings to local topics and AWS IoT Core, at an interval that its configuration has and that messages change.

Needs `pip install awsiotsdk`.
"""

import datetime
import json
import signal
import threading

from awsiot.eventstreamrpc import EventStreamError, LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import JsonMessage, PublishMessage, QOS

READINGS = "example/readings"

stop = threading.Event()
is_connected = True


class Lifecycle(LifecycleHandler):
    def on_disconnect(self, reason):
        # The core has ended. Another one starts its components with new tokens.
        global is_connected
        is_connected = False
        stop.set()


client = GreengrassCoreIPCClientV2(connect(lifecycle_handler=Lifecycle()))
interval = 1


def read_interval():
    global interval
    millis = client.get_configuration(key_path=["interval"]).value["interval"]
    print(f"the interval is {int(millis)} ms", flush=True)
    interval = max(millis, 1) / 1000


def on_command(event):
    now = datetime.datetime.now(datetime.timezone.utc)
    value = {"interval": event.json_message.message["interval"]}
    client.update_configuration(key_path=[], timestamp=now, value_to_merge=value)


def on_error(error):
    print(f"stream error: {error}", flush=True)
    return False


def publish(value):
    reading = {"value": value}
    message = PublishMessage(json_message=JsonMessage(message=reading))
    client.publish_to_topic(topic=READINGS, publish_message=message)
    try:
        client.publish_to_iot_core(
            topic_name=READINGS, qos=QOS.AT_MOST_ONCE, payload=json.dumps(reading).encode())
    except EventStreamError as error:
        # A reading is lost while there is no connection.
        print(f"not published to AWS IoT Core: {error}", flush=True)


signal.signal(signal.SIGTERM, lambda *_: stop.set())
client.subscribe_to_configuration_update(
    key_path=["interval"], on_stream_event=lambda _: read_interval(), on_stream_error=on_error)
client.subscribe_to_topic(topic="example/commands", on_stream_event=on_command, on_stream_error=on_error)
read_interval()
value = 0
while not stop.wait(interval):
    value += 1
    publish(value)
if is_connected:
    client.close().result()
    print("stopped", flush=True)
