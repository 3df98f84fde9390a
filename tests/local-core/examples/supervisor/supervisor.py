"""Lists the components, restarts them on request, defers each update once, and reads a secret.

Needs `pip install awsiotsdk`.
"""

import signal
import threading

from awsiot.eventstreamrpc import EventStreamError, LifecycleHandler
from awsiot.greengrasscoreipc import connect
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

stop = threading.Event()
is_connected = True


class Lifecycle(LifecycleHandler):
    def on_disconnect(self, reason):
        # The core has ended. Another one starts its components with new tokens.
        global is_connected
        is_connected = False
        stop.set()


client = GreengrassCoreIPCClientV2(connect(lifecycle_handler=Lifecycle()))
configuration = client.get_configuration().value
deferred = set()


def read_secret(id):
    value = client.get_secret_value(secret_id=id).secret_value
    content = value.secret_binary if value.secret_string is None else value.secret_string.encode()
    print(f"the secret has {len(content)} bytes", flush=True)


def list_components():
    for it in client.list_components().components:
        print(f"{it.component_name} {it.version} is {it.state}", flush=True)


def on_update(event):
    if event.pre_update_event is None:
        return
    deployment = event.pre_update_event.deployment_id
    # The time 0 agrees to the update.
    millis = 0 if deployment in deferred else int(configuration["deferMs"])
    deferred.add(deployment)
    client.defer_component_update(deployment_id=deployment, recheck_after_ms=millis)
    print(f"the update is deferred by {millis} ms", flush=True)


def on_restart(event):
    component = event.json_message.message["component"]
    try:
        status = client.restart_component(component_name=component).restart_status
    except EventStreamError as error:
        status = error
    print(f"restart of {component}: {status}", flush=True)
    list_components()


def on_error(error):
    print(f"stream error: {error}", flush=True)
    return False


signal.signal(signal.SIGTERM, lambda *_: stop.set())
client.subscribe_to_component_updates(on_stream_event=on_update, on_stream_error=on_error)
client.subscribe_to_topic(
    topic="example/supervisor/restart", on_stream_event=on_restart, on_stream_error=on_error)
read_secret(configuration["secret"])
list_components()
stop.wait()
if is_connected:
    client.close().result()
    print("stopped", flush=True)
