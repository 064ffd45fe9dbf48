"""Print what the console's types are generated from: the OpenAPI description without its errors, whose shape is one."""

import json
import threading

from loadlens.serving.api.app import create_app
from loadlens.serving.settings import Settings

description = create_app(Settings(), threading.Event()).openapi()
for methods in description["paths"].values():
    for operation in methods.values():
        answers = operation["responses"]
        operation["responses"] = {status: answers[status] for status in answers if status < "400"}
print(json.dumps(description, indent=1, sort_keys=True))
