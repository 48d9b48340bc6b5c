"""Runs the SAM transform on template.yaml, as CloudFormation would, without AWS.

    transform.py OUT [NAME=VALUE ...]

It writes the transformed template as JSON. The functions' code is a made-up place in S3, as
after `sam package`, and the state machine's definition is in the template.
"""

import json
import logging
import pathlib
import sys

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Session:
    """What the translator uses of a boto3 session."""

    region_name = "eu-west-2"


def packaged():
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    template["Globals"]["Function"]["CodeUri"] = "s3://packages/code"
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::StateMachine":
            definition = ROOT / properties.pop("DefinitionUri")
            properties["Definition"] = json.loads(definition.read_text(encoding="utf-8"))
    return template


def transform(parameters=None):
    logging.disable(logging.WARNING)  # the translator warns of its own feature toggles
    # The template names no managed policy that the translator would look up.
    return Translator({}, Parser(), boto_session=Session()).translate(packaged(), parameters or {})


if __name__ == "__main__":
    out, *pairs = sys.argv[1:]
    result = transform(dict(pair.split("=", 1) for pair in pairs))
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(out).write_text(json.dumps(result, indent=1), encoding="utf-8")
