"""Does offline what CloudFormation does with template.yaml: the SAM transform.

    transform.py OUT [NAME=VALUE ...]

Writes the transformed template as JSON. The functions' code is a stand-in in S3, as
`sam package` would leave it, and the state machine's definition is in the template.
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
    """All that the translator asks of a boto3 session."""

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
    logging.disable(logging.WARNING)  # the translator's own feature toggles
    # Of managed policies the template names none that the translator would look up.
    return Translator({}, Parser(), boto_session=Session()).translate(packaged(), parameters or {})


if __name__ == "__main__":
    out, *pairs = sys.argv[1:]
    result = transform(dict(pair.split("=", 1) for pair in pairs))
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(out).write_text(json.dumps(result, indent=1), encoding="utf-8")
