"""A lamp that follows its shadow and is switched by local messages.

Needs `pip install awsiotsdk`.
"""

import json
import os
import signal
import threading

from awsiot.eventstreamrpc import LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import JsonMessage, PublishMessage, ResourceNotFoundError

THING = os.environ["AWS_IOT_THING_NAME"]
SHADOW = "lamp"

stop = threading.Event()
is_connected = True


class Lifecycle(LifecycleHandler):
    def on_disconnect(self, reason):
        # The core has ended. Another one starts its components with new tokens.
        global is_connected
        is_connected = False
        stop.set()


client = GreengrassCoreIPCClientV2(connect(lifecycle_handler=Lifecycle()))


def desired():
    """Whether the lamp shall be on."""
    try:
        response = client.get_thing_shadow(thing_name=THING, shadow_name=SHADOW)
    except ResourceNotFoundError:
        return False
    return json.loads(response.payload)["state"].get("desired", {}).get("on", False)


def turn(on, sections):
    """Turns the lamp on or off. Writes this to sections of the shadow, and tells others."""
    document = {"state": {section: {"on": on} for section in sections}}
    client.update_thing_shadow(thing_name=THING, shadow_name=SHADOW, payload=json.dumps(document).encode())
    message = PublishMessage(json_message=JsonMessage(message={"on": on}))
    client.publish_to_topic(topic="example/lamp/state", publish_message=message)
    print("the lamp is on" if on else "the lamp is off", flush=True)


def on_delta(event):
    # Messages of shadows are binary.
    state = json.loads(event.binary_message.message)["state"]
    if "on" in state:
        turn(state["on"], ["reported"])


def on_switch(event):
    turn(event.json_message.message["on"], ["desired", "reported"])


def on_error(error):
    print(f"stream error: {error}", flush=True)
    return False


signal.signal(signal.SIGTERM, lambda *_: stop.set())
client.subscribe_to_topic(
    topic=f"$aws/things/{THING}/shadow/name/{SHADOW}/update/delta", on_stream_event=on_delta, on_stream_error=on_error)
client.subscribe_to_topic(topic="example/lamp/switch", on_stream_event=on_switch, on_stream_error=on_error)
# What was desired before the start has no message.
turn(desired(), ["reported"])
stop.wait()
if is_connected:
    client.close().result()
    print("stopped", flush=True)
