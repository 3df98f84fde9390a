"""A component that uses the official Python SDK and executes commands.

Reads one JSON command per line. Writes the result of each command and the events of streams as one JSON object per
line. The first argument selects the client of the SDK: v1 or v2.
"""

import base64
import json
import sys
import threading

import awsiot.greengrasscoreipc
from awsiot.greengrasscoreipc import model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

TIMEOUT = 20
write_lock = threading.Lock()


def report(**what):
    with write_lock:
        print(json.dumps(what), flush=True)


def publish_message(command):
    if command["kind"] == "json":
        return model.PublishMessage(json_message=model.JsonMessage(message=command["message"]))
    message = base64.b64decode(command["message"])
    return model.PublishMessage(binary_message=model.BinaryMessage(message=message))


def received(event):
    if event.json_message is not None:
        message = event.json_message
        report(event=message.message, kind="json", topic=message.context.topic)
    else:
        message = event.binary_message
        text = base64.b64encode(message.message).decode()
        report(event=text, kind="binary", topic=message.context.topic)


def changed(event):
    change = event.configuration_update_event
    report(changed=change.key_path, component=change.component_name)


def stream_error(error):
    report(stream_error=type(error).__name__)
    return True


def stream_closed():
    report(stream_closed=True)


class V1:
    def __init__(self):
        self.client = awsiot.greengrasscoreipc.connect(timeout=TIMEOUT)

    def call(self, operation, request):
        operation.activate(request)
        return operation.get_response().result(TIMEOUT)

    def handler(self, base, on_event):
        class Handler(base):
            def on_stream_event(self, event):
                on_event(event)

            def on_stream_error(self, error):
                return stream_error(error)

            def on_stream_closed(self):
                stream_closed()

        return Handler()

    def publish(self, topic, message):
        request = model.PublishToTopicRequest(topic=topic, publish_message=message)
        self.call(self.client.new_publish_to_topic(), request)

    def subscribe(self, topic):
        from awsiot.greengrasscoreipc import client
        handler = self.handler(client.SubscribeToTopicStreamHandler, received)
        operation = self.client.new_subscribe_to_topic(handler)
        self.call(operation, model.SubscribeToTopicRequest(topic=topic))
        return operation

    def get(self, path):
        request = model.GetConfigurationRequest(key_path=path)
        return self.call(self.client.new_get_configuration(), request).value

    def update(self, path, value, timestamp):
        request = model.UpdateConfigurationRequest(
            key_path=path, value_to_merge=value, timestamp=timestamp)
        self.call(self.client.new_update_configuration(), request)

    def watch(self, path):
        from awsiot.greengrasscoreipc import client
        handler = self.handler(client.SubscribeToConfigurationUpdateStreamHandler, changed)
        operation = self.client.new_subscribe_to_configuration_update(handler)
        self.call(operation, model.SubscribeToConfigurationUpdateRequest(key_path=path))
        return operation

    def list_components(self):
        self.call(self.client.new_list_components(), model.ListComponentsRequest())

    def close(self):
        self.client.close().result(TIMEOUT)


class V2:
    def __init__(self):
        self.client = GreengrassCoreIPCClientV2()

    def publish(self, topic, message):
        self.client.publish_to_topic(topic=topic, publish_message=message)

    def subscribe(self, topic):
        return self.client.subscribe_to_topic(
            topic=topic, on_stream_event=received, on_stream_error=stream_error,
            on_stream_closed=stream_closed)[1]

    def get(self, path):
        return self.client.get_configuration(key_path=path).value

    def update(self, path, value, timestamp):
        self.client.update_configuration(key_path=path, value_to_merge=value, timestamp=timestamp)

    def watch(self, path):
        return self.client.subscribe_to_configuration_update(
            key_path=path, on_stream_event=changed, on_stream_error=stream_error,
            on_stream_closed=stream_closed)[1]

    def list_components(self):
        self.client.list_components()

    def close(self):
        self.client.close().result(TIMEOUT)


def main():
    import datetime
    try:
        client = V1() if sys.argv[1] == "v1" else V2()
    except Exception as error:
        report(connect_failed=type(error).__name__)
        return
    report(connected=True)
    streams = []
    for line in sys.stdin:
        command = json.loads(line)
        try:
            result = None
            match command["do"]:
                case "publish":
                    client.publish(command["topic"], publish_message(command))
                case "subscribe":
                    streams.append(client.subscribe(command["topic"]))
                case "unsubscribe":
                    streams.pop().close().result(TIMEOUT)
                case "get":
                    result = client.get(command["path"])
                case "update":
                    now = datetime.datetime.now(datetime.timezone.utc)
                    client.update(command["path"], command["value"], now)
                case "watch":
                    streams.append(client.watch(command["path"]))
                case "list":
                    client.list_components()
                case "close":
                    client.close()
            report(done=command["do"], result=result)
            if command["do"] == "close":
                return
        except Exception as error:
            text = getattr(error, "message", None)
            report(failed=type(error).__name__, message=text)


main()
