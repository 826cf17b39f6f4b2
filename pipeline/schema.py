"""The configuration's JSON Schema, for editors that complete and check YAML files."""

from typing import Any

import msgspec

from pipeline.config import Config
from pipeline.preset import preset_names
from pipeline.section import Section


def config_schema() -> str:
    """The schema as JSON (draft 2020-12)."""
    schema = msgspec.json.schema(Config)
    definitions = schema["$defs"]
    for definition in definitions.values():
        if "description" in definition:  # a summary line; what follows is for programmers
            definition["description"] = definition["description"].partition("\n")[0].replace("``", "`")
    for section in _sections(Section):
        if section.shorthand and section.__name__ in definitions:
            _allow_text(definitions, section.__name__)
    definitions["Endpoint"]["properties"]["preset"] = {
        "anyOf": [{"enum": list(preset_names())}, {"type": "null"}],
        "default": None,
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of pipeline",
        **schema,
    }
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()


def _allow_text(definitions: dict[str, Any], name: str) -> None:
    definitions[f"{name}Keys"] = definitions[name]
    definitions[name] = {"anyOf": [{"type": "string"}, {"$ref": f"#/$defs/{name}Keys"}]}


def _sections(base: type[Section]) -> list[type[Section]]:
    return [*base.__subclasses__(), *(inner for each in base.__subclasses__() for inner in _sections(each))]
