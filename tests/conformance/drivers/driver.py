"""The driver of the official Python SDK.

Reads one command per line and writes one JSON object per line. The first argument selects the client of the SDK: v1 or
v2.
"""

import json
import logging
import os
import sys
import threading
import time

import awscrt.io
import awsiot.greengrasscoreipc
from awsiot.greengrasscoreipc import client as client_v1, model
from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

# The time after which a wait in a handler counts as a deadlock, in seconds.
HANDLER_TIMEOUT = float(os.environ["CONFORMANCE_HANDLER_TIMEOUT"])
# The time that the slow handler takes for its first event, in seconds.
SLOW = 0.1

write_lock = threading.Lock()


def print_json(what):
    with write_lock:
        print(json.dumps(what), flush=True)


def text_of(error):
    parts = [str(error), getattr(error, "message", None), error.__cause__]
    return " ".join(str(it) for it in parts if it)


def json_message(text):
    return model.PublishMessage(json_message=model.JsonMessage(message={"text": text}))


class Handler:
    """The handler of a subscription."""

    def __init__(self, driver, command):
        self.driver = driver
        self.topic = command["topic"]
        self.kind = command["handler"]
        self.count = command.get("count", 0)
        self.lock = threading.Lock()
        self.seen = 0
        self.in_order = True

    def on_event(self, event):
        text = event.json_message.message["text"] if event.json_message else None
        if self.kind == "call":
            try:
                print_json({"called": self.driver.get(HANDLER_TIMEOUT)})
            except Exception as error:
                print_json({"called": None, "text": type(error).__name__})
        elif self.kind == "wait":
            print_json({"waiting": True})
            print_json({"waited": self.driver.other_event.wait(HANDLER_TIMEOUT)})
        elif self.kind == "signal":
            self.driver.other_event.set()
        elif self.kind in ("slow", "stuck"):
            self.counted(int(text))
        else:
            print_json({"event": text, "topic": self.topic})

    def counted(self, number):
        if number == 0 and self.kind == "slow":
            time.sleep(SLOW)
        if number == 0 and self.kind == "stuck":
            print_json({"stuck": True})
            self.driver.open.wait()
        with self.lock:
            self.in_order = self.in_order and self.seen == number
            self.seen += 1
            if self.seen == self.count:
                print_json({"counted": self.seen, "in_order": self.in_order})

    def on_error(self, error):
        print_json({"stream_error": type(error).__name__, "topic": self.topic})
        return True

    def on_closed(self):
        print_json({"stream_closed": True, "topic": self.topic})


class V1:
    def __init__(self):
        self.client = awsiot.greengrasscoreipc.connect()

    def start(self, operation, request):
        operation.activate(request)
        return operation.get_response()

    def get(self):
        request = model.GetConfigurationRequest(key_path=["k"])
        return self.start(self.client.new_get_configuration(), request)

    def restart(self):
        request = model.RestartComponentRequest(component_name="c")
        return self.start(self.client.new_restart_component(), request)

    def publish(self, message):
        request = model.PublishToTopicRequest(topic="t", publish_message=message)
        return self.start(self.client.new_publish_to_topic(), request)

    def subscribe(self, topic, handler):
        class Events(client_v1.SubscribeToTopicStreamHandler):
            def on_stream_event(self, event):
                handler.on_event(event)

            def on_stream_error(self, error):
                return handler.on_error(error)

            def on_stream_closed(self):
                handler.on_closed()

        operation = self.client.new_subscribe_to_topic(Events())
        self.start(operation, model.SubscribeToTopicRequest(topic=topic)).result(HANDLER_TIMEOUT)
        return operation


class V2:
    def __init__(self):
        self.client = GreengrassCoreIPCClientV2()

    def get(self):
        return self.client.get_configuration_async(key_path=["k"])

    def restart(self):
        return self.client.restart_component_async(component_name="c")

    def publish(self, message):
        return self.client.publish_to_topic_async(topic="t", publish_message=message)

    def subscribe(self, topic, handler):
        response, operation = self.client.subscribe_to_topic(
            topic=topic, on_stream_event=handler.on_event, on_stream_error=handler.on_error,
            on_stream_closed=handler.on_closed)
        return operation


class Driver:
    def __init__(self, version):
        self.version = version
        self.client = None
        self.futures = {}
        self.subscriptions = {}
        self.other_event = threading.Event()
        self.open = threading.Event()

    def get(self, timeout=None):
        return (self.client.get().result(timeout).value or {}).get("k", "")[:100]

    def start(self, operation):
        if operation == "call":
            return self.client.get(), lambda it: (it.value or {}).get("k", "")[:100]
        if operation == "restart":
            return self.client.restart(), lambda it: it.restart_status
        text = "x" * 4 * 1024 * 1024 if operation == "publish" else "SECRET-IN-A-REQUEST"
        return self.client.publish(json_message(text)), lambda it: ""

    def call(self, operation, number):
        key = f"call {number}"
        try:
            future, read = self.start(operation)
            self.futures[number] = future
            print_json({key: True, "ok": read(future.result())})
        except BaseException as error:
            print_json({key: True, "failed": type(error).__name__, "text": text_of(error)})

    def run(self, command):
        match command["do"]:
            case "connect":
                if command.get("reconnect"):
                    print_json({"unsupported": "reconnecting is not supported"})
                    return
                self.subscriptions.clear()
                self.client = V1() if self.version == "v1" else V2()
                print_json({"connected": True})
            case "cancel":
                while command["n"] not in self.futures:
                    time.sleep(0.001)
                self.futures[command["n"]].cancel()
                print_json({"cancelled": command["n"]})
            case "subscribe":
                try:
                    operation = self.client.subscribe(command["topic"], Handler(self, command))
                    self.subscriptions[command["topic"]] = operation
                    print_json({"subscribed": command["topic"]})
                except Exception as error:
                    print_json({"subscribe_failed": type(error).__name__, "text": text_of(error)})
            case "unsubscribe":
                self.subscriptions.pop(command["topic"]).close().result(HANDLER_TIMEOUT)
                print_json({"unsubscribed": command["topic"]})
            case "open":
                self.open.set()
            case operation:
                call = (operation, command["n"])
                threading.Thread(target=self.call, args=call, daemon=True).start()


def main():
    if os.environ.get("CONFORMANCE_LOGS"):
        awscrt.io.init_logging(awscrt.io.LogLevel.Trace, "stderr")
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    driver = Driver(sys.argv[1])
    print_json({"ready": True})
    for line in sys.stdin:
        driver.run(json.loads(line))
    sys.stdout.flush()
    # Exits without waiting for blocked threads.
    os._exit(0)


main()
