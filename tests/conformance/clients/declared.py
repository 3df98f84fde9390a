"""Prints the operations, shapes, member types and enums that the official Python SDK declares, as JSON."""

import inspect
import json
import typing

from awsiot.greengrasscoreipc import model


def type_name(hint):
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        # Optional types, and blobs, which may be given as text.
        args = [it for it in args if it is not type(None)]
        return "blob" if bytes in args else type_name(args[0])
    if origin is list:
        return type_name(args[0]) + "[]"
    if origin is dict:
        return "document" if args[1] is typing.Any else "{" + type_name(args[1]) + "}"
    return {
        str: "string", int: "number", float: "number", bool: "boolean", typing.Any: "document",
    }.get(hint, "Date" if "datetime" in str(hint) else getattr(hint, "__name__", str(hint)))


shapes, enums, operations = {}, {}, {}
for name, value in vars(model).items():
    if not inspect.isclass(value) or value.__module__ != model.__name__:
        continue
    if name.endswith("Operation"):
        stream = value._response_stream_type()
        operations[value._model_name().split("#")[1]] = [
            value._request_type()._model_name().split("#")[1],
            value._response_type()._model_name().split("#")[1],
            stream._model_name().split("#")[1] if stream else None,
        ]
    elif name == "GreengrassCoreIPCError":
        # The base class of the errors is not a shape.
        pass
    elif hasattr(value, "_model_name"):
        hints = typing.get_type_hints(value.__init__, vars(model))
        shapes[value._model_name().split("#")[1]] = {
            member: type_name(hint) for member, hint in hints.items() if member != "return"
        }
    else:
        values = [it for key, it in vars(value).items() if not key.startswith("_")]
        if values:
            enums[name] = values

print(json.dumps({"shapes": shapes, "enums": enums, "operations": operations}))
