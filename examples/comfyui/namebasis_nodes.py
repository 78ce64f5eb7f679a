"""Nodes of ComfyUI that ask a running explorer of namebasis for names and prompts.

Copy this file into ComfyUI's `custom_nodes/` and start `namebasis explore my.space` beside it. It
needs nothing but Python's standard library. Another address is given by the environment variable
NAMEBASIS_SERVICE, the secret of a service that has one by NAMEBASIS_TOKEN: a workflow never holds
either, as workflows are shared.
"""

import json
import os
import urllib.error
import urllib.parse
import urllib.request

HOME = "http://127.0.0.1:8642"
SYNTAXES = ["comfyui", "comfyui-average", "plain"]
OBJECTIVES = ["cover", "span", "strong", "low-bias"]
SECONDS = 600  # a paint of a large space, behind others in the queue
# A node runs again when one of its inputs changes: the space itself may change behind it.
_AGAIN = ("INT", {"default": 0, "min": 0, "max": 2**31 - 1, "control_after_generate": True,
                  "tooltip": "Seed of what is drawn; another one asks again."})  # fmt: skip
_TARGET = ("STRING", {"default": "a senior lady", "multiline": True,
                      "tooltip": "A name, a text, or both: Vicki + an old man."})  # fmt: skip
_SPACE = ("STRING", {"default": "", "tooltip": "One of several spaces; empty for the first."})
_WHERE = ("STRING", {"default": "", "multiline": True,
                     "tooltip": "Only names for which this is true: gender = 'F'."})  # fmt: skip
_DENY = ("STRING", {"default": "", "tooltip": "Names not to use, separated by commas."})


def ask(question, **parameters):
    """The service's answer to a question; a refusal is raised as its one line."""
    service = os.environ.get("NAMEBASIS_SERVICE", HOME).rstrip("/")
    given = {key: value for key, value in parameters.items() if value not in ("", None, [])}
    address = f"{service}/api/{question}?{urllib.parse.urlencode(given, doseq=True)}"
    request = urllib.request.Request(address)
    if token := os.environ.get("NAMEBASIS_TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return json.load(reply)["result"]
    except urllib.error.HTTPError as refusal:
        try:
            said = json.load(refusal)["error"]
        except (ValueError, KeyError, TypeError):
            said = f"HTTP {refusal.code}"
        raise ValueError(f"namebasis: {said}") from None
    except (OSError, ValueError, KeyError) as error:
        raise RuntimeError(
            f"namebasis: {service} gives no answer ({error}); start it by "
            "`namebasis explore SPACE`, or set NAMEBASIS_SERVICE."
        ) from None


def listed(text):
    """Names separated by commas or lines."""
    return [one.strip() for one in text.replace("\n", ",").split(",") if one.strip()]


class PaintWithNames:
    """A prompt of names near a target, and the least similar one as the negative prompt."""

    CATEGORY = "namebasis"
    FUNCTION = "paint"
    RETURN_TYPES = ("STRING", "STRING", "FLOAT")
    RETURN_NAMES = ("prompt", "negative", "similarity")
    OUTPUT_TOOLTIPS = ("the prompt", "the least similar prompt", "cosine of prompt and target")
    DESCRIPTION = "Paints a target with names that the model has beliefs about."

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "target": _TARGET,
                "n_names": ("INT", {"default": 2, "min": 1, "max": 12}),
                "template": ("STRING", {"default": "a photo of {names}"}),
                "syntax": (SYNTAXES, {"default": "comfyui"}),
                "phrases": ("BOOLEAN", {"default": False,
                                        "tooltip": "Words may be chosen beside names."}),
                "seed": _AGAIN,
            },
            "optional": {"where": _WHERE, "deny": _DENY, "space": _SPACE},
        }  # fmt: skip

    @classmethod
    def VALIDATE_INPUTS(cls, template):
        """ComfyUI shows what is said here before anything runs."""
        return True if "{names}" in template else "the template must hold {names}"

    def paint(self, target, n_names, template, syntax, phrases, seed, where="", deny="", space=""):
        found = ask("paint", q=target, n_names=n_names, template=template, syntax=syntax,
                    phrases=str(phrases).lower(), seed=seed, where=where, deny=listed(deny),
                    space=space, with_negative="true")  # fmt: skip
        return found["prompt"], found["negative_prompt"] or "", found["best"]["similarity"]


class NearestNames:
    """The names nearest to a target, one at a time and as one text."""

    CATEGORY = "namebasis"
    FUNCTION = "nearest"
    RETURN_TYPES = ("STRING", "FLOAT", "STRING")
    RETURN_NAMES = ("name", "similarity", "names")
    OUTPUT_IS_LIST = (True, True, False)
    OUTPUT_TOOLTIPS = ("one at a time", "of each", "all, separated by commas")
    DESCRIPTION = "Names that the model places near a name, a text, or a sum of both."

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "target": _TARGET,
                "count": ("INT", {"default": 8, "min": 1, "max": 200}),
                "farthest": ("BOOLEAN", {"default": False}),
                "again": _AGAIN,
            },
            "optional": {"where": _WHERE, "space": _SPACE},
        }

    def nearest(self, target, count, farthest, again, where="", space=""):
        found = ask("nearest", q=target, k=count, farthest=str(farthest).lower(), where=where,
                    space=space)["names"]  # fmt: skip
        if not found:
            raise ValueError("namebasis: no name passes the filter.")
        names = [one["name"] for one in found]
        return names, [float(one["similarity"]) for one in found], ", ".join(names)


class ChosenNames:
    """Names that stand for all of a space, or are strong or weak in what the model reads."""

    CATEGORY = "namebasis"
    FUNCTION = "select"
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("name", "names")
    OUTPUT_IS_LIST = (True, False)
    OUTPUT_TOOLTIPS = ("one at a time", "all, a name a line")
    DESCRIPTION = "A short list of names that is good for something."

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "count": ("INT", {"default": 16, "min": 1, "max": 500}),
                "objective": (OBJECTIVES, {"default": "cover"}),
                "seed": _AGAIN,
            },
            "optional": {
                "axis": ("STRING", {"default": "", "tooltip": "For `strong`: age, gender …"}),
                "where": _WHERE,
                "deny": _DENY,
                "space": _SPACE,
            },
        }

    def select(self, count, objective, seed, axis="", where="", deny="", space=""):
        found = ask("select", n_names=count, objective=objective, seed=seed, axes=listed(axis),
                    where=where, deny=listed(deny), space=space)["selected"]  # fmt: skip
        names = [one["name"] for one in found]
        return names, "\n".join(names)


NODE_CLASS_MAPPINGS = {
    "NamebasisPaint": PaintWithNames,
    "NamebasisNearest": NearestNames,
    "NamebasisSelect": ChosenNames,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "NamebasisPaint": "Paint with names",
    "NamebasisNearest": "Nearest names",
    "NamebasisSelect": "Choose names",
}
