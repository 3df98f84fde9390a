"""A component that uses the official Python SDK (V2) and calls any operation.

It reads a call {"operation", "request"} in each line of its input and prints each result as a line of JSON. Requests and
results have the form of the protocol, but in requests, blobs are {"$blob": TEXT}, times {"$date": SECONDS}, and maps
{"$map": OBJECT}.
"""

import base64
import json
import sys
import threading

import awsiot.greengrasscoreipc.model as model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

write_lock = threading.Lock()


def report(**what):
    with write_lock:
        print(json.dumps(what), flush=True)


def plain(value):
    """The JSON of the protocol."""
    if isinstance(value, list):
        return [plain(it) for it in value]
    if not isinstance(value, dict):
        return value
    if "$blob" in value:
        return base64.b64encode(value["$blob"].encode()).decode()
    if "$map" in value:
        return value["$map"]
    if "$date" in value:
        return value["$date"]
    return {name: plain(it) for name, it in value.items()}


def call(method, operation, request):
    request = getattr(model, operation + "Request")._from_payload(plain(request))
    members = {name: it for name, it in vars(request).items() if it is not None}
    if not operation.startswith("SubscribeTo"):
        return method(**members)
    name = {"event_of": operation}
    return method(
        **members,
        on_stream_event=lambda event: report(**name, event=event._to_payload()),
        on_stream_error=lambda error: report(stream_error=type(error).__name__) or True,
        on_stream_closed=lambda: report(stream_closed=operation),
    )[0]


def main():
    client = GreengrassCoreIPCClientV2()
    methods = {name.replace("_", ""): getattr(client, name) for name in dir(client)}
    report(connected=True)
    for line in sys.stdin:
        command = json.loads(line)
        operation = command["operation"]
        try:
            response = call(methods[operation.lower()], operation, command["request"])
            report(done=operation, response=response._to_payload())
        except Exception as error:
            report(failed=type(error).__name__, message=getattr(error, "message", str(error)))
    client.close().result(20)


main()
