"""Publishes an alarm for each reading above a threshold, and counts the alarms in its configuration.

Needs `pip install awsiotsdk`.
"""

import datetime
import signal
import threading

from awsiot.eventstreamrpc import LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2
from awsiot.greengrasscoreipc.model import JsonMessage, PublishMessage

SENSOR = "com.example.Sensor"

stop = threading.Event()
is_connected = True


class Lifecycle(LifecycleHandler):
    def on_disconnect(self, reason):
        # The core has ended. Another one starts its components with new tokens.
        global is_connected
        is_connected = False
        stop.set()


client = GreengrassCoreIPCClientV2(connect(lifecycle_handler=Lifecycle()))
threshold = client.get_configuration(key_path=["threshold"]).value["threshold"]
alarms = 0


def on_reading(event):
    global alarms
    value = event.json_message.message["value"]
    if value <= threshold or stop.is_set():
        return
    alarms += 1
    message = PublishMessage(json_message=JsonMessage(message={"value": value}))
    client.publish_to_topic(topic="example/alarms", publish_message=message)
    now = datetime.datetime.now(datetime.timezone.utc)
    client.update_configuration(key_path=["counts"], timestamp=now, value_to_merge={"alarms": alarms})


def on_sensor_changed(event):
    path = event.configuration_update_event.key_path
    value = client.get_configuration(component_name=SENSOR, key_path=path).value
    print(f"the sensor has changed: {value}", flush=True)


def on_error(error):
    print(f"stream error: {error}", flush=True)
    return False


client.subscribe_to_configuration_update(
    component_name=SENSOR, key_path=["interval"], on_stream_event=on_sensor_changed, on_stream_error=on_error)
_, readings = client.subscribe_to_topic(
    topic="example/readings", on_stream_event=on_reading, on_stream_error=on_error)
signal.signal(signal.SIGTERM, lambda *_: stop.set())
print(f"the threshold is {threshold}", flush=True)
stop.wait()
if is_connected:
    readings.close().result()
    client.close().result()
    print("stopped", flush=True)
