"""The JSON Schema of the configuration, for editors that complete and check YAML files."""

from typing import Any

import msgspec

from pipeline.config.duration import PATTERN
from pipeline.config.presets import preset_names
from pipeline.config.section import DURATION, Section, extra_in, summary_line
from pipeline.config.settings import Config


def config_schema() -> str:
    """Return the schema as JSON (draft 2020-12)."""
    schema = msgspec.json.schema(Config)
    definitions = schema["$defs"]
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = summary_line(definition["description"])
    for section in _sections(Section):
        _allow_units(definitions.get(section.__name__, {}).get("properties", {}), section)
        if section.shorthand and section.__name__ in definitions:
            _allow_text(definitions, section)
    for definition in list(definitions.values()):
        for name, value in definition.get("properties", {}).items():
            definition["properties"][name] = _with_null(value) if "$ref" in value else value
    definitions["Endpoint"]["properties"]["preset"]["anyOf"] = [{"enum": list(preset_names())}, {"type": "null"}]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of pipeline",
        **schema,
    }
    # Patterns in a schema are ECMA-262, which has no ``\Z`` for the end of a text.
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode().replace(r"\\Z", "$")


def _allow_text(definitions: dict[str, Any], section: type[Section]) -> None:
    """Allow plain text in place of a section, with the schema of the key that the text sets."""
    name, keys = section.__name__, definitions[section.__name__]
    text = keys["properties"][section.shorthand]
    definitions[f"{name}Keys"] = keys
    definitions[name] = {
        "anyOf": [{key: text[key] for key in text if key != "default"}, {"$ref": f"#/$defs/{name}Keys"}]
    }


def _with_null(value: dict[str, Any]) -> dict[str, Any]:
    """Allow null in place of a section, which is the same as no section."""
    rest = {key: value[key] for key in value if key != "$ref"}
    return {"anyOf": [{"$ref": value["$ref"]}, {"type": "null"}], **rest}


def _allow_units(properties: dict[str, Any], section: type[Section]) -> None:
    """Allow a text with a unit in place of a number of seconds."""
    for field in msgspec.structs.fields(section):
        if field.name in properties and extra_in(field.type, DURATION):
            value = properties[field.name]
            number = {key: value.pop(key) for key in ("type", "minimum", "exclusiveMinimum") if key in value}
            properties[field.name] = {"anyOf": [number, {"type": "string", "pattern": PATTERN}], **value}


def _sections(base: type[Section]) -> list[type[Section]]:
    return [*base.__subclasses__(), *(inner for each in base.__subclasses__() for inner in _sections(each))]
