"""Ask a running explorer for names and prompts: python client.py "a senior lady"."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

SERVICE = os.environ.get("NAMEBASIS_SERVICE", "http://127.0.0.1:8642").rstrip("/")


def ask(question, **parameters):
    try:
        with urllib.request.urlopen(
            f"{SERVICE}/api/{question}?{urllib.parse.urlencode(parameters, doseq=True)}"
        ) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as refusal:
        raise ValueError(json.load(refusal)["error"]) from None


if __name__ == "__main__":
    try:
        for name in ask("nearest", q=sys.argv[-1], k=5)["result"]["names"]:
            print(f"{name['similarity']:.2f}  {name['name']}")
        print(ask("paint", q=sys.argv[-1], n_names=2, syntax="comfyui")["result"]["prompt"])
    except (ValueError, OSError) as error:
        sys.exit(f"{SERVICE}: {error}")
