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


class NamePrompt:  # put this file into custom_nodes/ of ComfyUI
    CATEGORY, FUNCTION, RETURN_TYPES = "namebasis", "paint", ("STRING",)
    INPUT_TYPES = staticmethod(lambda: {"required": {"target": ("STRING", {})}})

    def paint(self, target, n_names=2):
        return (ask("paint", q=target, n_names=n_names, syntax="comfyui")["result"]["prompt"],)


NODE_CLASS_MAPPINGS = {"NamePrompt": NamePrompt}

if __name__ == "__main__":
    try:
        for name in ask("nearest", q=sys.argv[-1], k=5)["result"]["names"]:
            print(f"{name['similarity']:.2f}  {name['name']}")
        print(*NamePrompt().paint(sys.argv[-1]))
    except (ValueError, OSError) as error:
        sys.exit(f"{SERVICE}: {error}")
